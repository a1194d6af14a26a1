import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../clock.js';
import type { Logger } from '../../log.js';
import type { Effect, Facts, Flow } from '../tcl/rule-engine.js';
import { readFirstBytes } from './client-hello.js';
import type { FirstBytes } from './client-hello.js';
import type { ClientSslProfile, Handshake } from './client-ssl-profile.js';
import { CollectingStream } from './collecting-stream.js';
import type { VirtualServerConfiguration } from './configuration.js';
import { addressFacts, memberFacts, sslFacts } from './connection-facts.js';
import { HeldHandshake } from './held-handshake.js';
import { HeldStream } from './held-stream.js';
import { carryOut } from './rule-effects.js';
import type { Ending, RuleReach } from './rule-effects.js';
import { RuleTimers } from './rule-timers.js';
import { fatalAlert } from './verify-result.js';

/** A pool member, or none when the pool has none that takes connections. */
type SelectMember = () => { readonly address: string; readonly port: number } | undefined;

export interface ConnectionOptions extends Pick<RuleReach, 'statistics' | 'log' | 'logAtHighSpeed'> {
  readonly socket: Socket;
  readonly virtualServer: VirtualServerConfiguration;
  /** As it was when the client connected; later changes are for later connections. */
  readonly clientSsl: ClientSslProfile | undefined;
  /** Makes the interpreter in which the rules run; gives none when the virtual server has no rules. */
  readonly openFlow: () => Promise<Flow | undefined>;
  readonly selectMember: SelectMember;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long a client may take to close after an alert. */
const lingerMs = 5000;

/** Unwinds a connection that has been dealt with; it never leaves this file. */
class Ended extends Error {}

/** One client's connection through a virtual server: handshake, rules, pool member, bytes both ways. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #ended = new AbortController();
  readonly #timers: RuleTimers;
  readonly #reach: RuleReach;
  readonly #collecting: CollectingStream;
  readonly #held = new HeldHandshake();
  #flow: Flow | undefined;
  #stream: HeldStream | undefined;
  #serverSide: Socket | undefined;
  #sessionId: Buffer = Buffer.alloc(0);
  #wasRefused = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const event = options.clientSsl === undefined ? 'CLIENT_DATA' : 'CLIENTSSL_DATA';
    this.#collecting = new CollectingStream((payload) => this.#run(event, { payload }));
    this.#collecting.on('error', (error) => this.#abandon(error));
    this.#timers = new RuleTimers(
      options.clock,
      async (id) => this.#apply((await this.#flow?.runTimer(id)) ?? []),
      (error) => this.#abandon(error),
    );
    this.#reach = {
      statistics: options.statistics,
      collecting: this.#collecting,
      handshake: this.#held,
      timers: this.#timers,
      invalidateSession: () => options.clientSsl?.invalidateSession(this.#sessionId),
      log: options.log,
      logAtHighSpeed: options.logAtHighSpeed,
    };
    options.socket.on('error', () => undefined); // The close tells.
    options.socket.once('close', () => this.#ended.abort());
  }

  /** Serves the connection to its end; never rejects. */
  async serve(): Promise<void> {
    const { socket, virtualServer, statistics } = this.#options;
    const counters = statistics.virtualServer(virtualServer.fullPath);
    counters.totalConnections += 1;
    counters.currentConnections += 1;
    try {
      await this.#serve();
    } catch (error) {
      this.#abandon(error);
    }
    await this.#whenEnded();
    counters.currentConnections -= 1;
    counters.clientSideBytesIn += socket.bytesRead;
    counters.clientSideBytesOut += socket.bytesWritten;
    if (this.#wasRefused) counters.refusedConnections += 1;
    this.#timers.cancelAll();
    await this.#run('CLIENT_CLOSED', {}).catch(() => undefined);
    await this.#flow?.close();
  }

  /** Ends the connection on both sides with a TCP reset. */
  reset(): void {
    this.#stream?.discard();
    this.#options.socket.resetAndDestroy();
    this.#serverSide?.resetAndDestroy();
  }

  async #serve(): Promise<void> {
    this.#flow = await this.#options.openFlow();
    await this.#run('CLIENT_ACCEPTED', addressFacts(this.#options.socket, this.#options.virtualServer));
    const client = await this.#clientSide();
    client.pipe(this.#collecting);
    await Promise.race([this.#collecting.passing(), this.#whenEnded()]);
    if (!this.#ended.signal.aborted) await this.#proxy(client);
  }

  /** The client's bytes in clear text: after the handshake and its events, or as they come. */
  async #clientSide(): Promise<Duplex> {
    const { socket, clientSsl } = this.#options;
    if (clientSsl === undefined) return socket;
    const deadline = new AbortController();
    this.#resetAfter(clientSsl.configuration.handshakeTimeoutSeconds * 1000, deadline.signal);
    try {
      const { first, bytes } = await this.#firstBytes();
      if (first.kind === 'not-tls') {
        if (!clientSsl.configuration.allowNonSsl) throw this.#refuse();
        socket.unshift(bytes);
        return socket;
      }
      await this.#run('CLIENTSSL_CLIENTHELLO', { client_hello_extensions: first.extensions });
      await this.#whenResumed();
      return await this.#handshake(clientSsl, bytes, first.offersTls13);
    } finally {
      deadline.abort();
    }
  }

  async #firstBytes(): Promise<{
    first: Exclude<FirstBytes, { kind: 'incomplete' }>;
    bytes: Buffer;
  }> {
    const { socket } = this.#options;
    let bytes = Buffer.alloc(0);
    for (;;) {
      const chunk = socket.read() as Buffer | null;
      if (chunk !== null) {
        bytes = Buffer.concat([bytes, chunk]);
        const first = readFirstBytes(bytes);
        if (first.kind !== 'incomplete') return { first, bytes };
        continue;
      }
      if (socket.readableEnded || socket.destroyed) throw this.#refuse();
      await Promise.race([once(socket, 'readable'), once(socket, 'end'), this.#whenEnded()]);
    }
  }

  async #handshake(clientSsl: ClientSslProfile, received: Buffer, offersTls13: boolean): Promise<Duplex> {
    const protocol = clientSsl.protocolFor(offersTls13);
    const stream = new HeldStream(this.#options.socket, received);
    stream.on('error', () => undefined); // The socket's close tells.
    this.#stream = stream;
    if (protocol === undefined) throw this.#refuse(fatalAlert('protocol-version'));
    let handshake: Handshake;
    try {
      handshake = await clientSsl.handshake(stream, protocol);
    } catch {
      throw this.#refuse(handshakeFailure(stream, protocol));
    }
    this.#sessionId = handshake.sessionId;
    const { peerCertMode } = clientSsl.configuration;
    const hasCertificate = handshake.certificates.length > 0;
    if (
      peerCertMode === 'require' &&
      !handshake.isResumed &&
      (!hasCertificate || handshake.verifyResult !== 0)
    ) {
      if (protocol === 'TLSv1.3') throw this.#refuse();
      const alert = fatalAlert(hasCertificate ? handshake.verifyResult : 'no-certificate');
      throw this.#refuse(alert);
    }
    const facts = sslFacts(handshake, clientSsl.configuration, this.#options.virtualServer.rules);
    if (peerCertMode !== 'ignore' && !handshake.isResumed) await this.#run('CLIENTSSL_CLIENTCERT', facts);
    await this.#whenResumed();
    await this.#run('CLIENTSSL_HANDSHAKE', facts);
    await this.#whenResumed();
    stream.release();
    return handshake.socket;
  }

  /** While a rule holds the handshake, only its timeout goes on. */
  async #whenResumed(): Promise<void> {
    if (!this.#held.isHeld) return;
    await Promise.race([this.#held.resumed, this.#whenEnded()]);
    if (this.#ended.signal.aborted) throw new Ended();
  }

  /** Chooses a member, connects to it and carries bytes until both sides have closed. */
  async #proxy(client: Duplex): Promise<void> {
    const { selectMember } = this.#options;
    const member = selectMember();
    if (member === undefined) throw this.#refuse();
    await this.#run('LB_SELECTED', memberFacts(member, this.#options.virtualServer));
    const serverSide = connect({ host: member.address, port: member.port, allowHalfOpen: true });
    this.#serverSide = serverSide;
    serverSide.on('error', () => this.reset());
    await Promise.race([once(serverSide, 'connect'), this.#whenEnded()]);
    if (this.#ended.signal.aborted) {
      serverSide.destroy();
      return;
    }
    await this.#run('SERVER_CONNECTED', {});
    this.#collecting.pipe(serverSide);
    serverSide.pipe(client);
    this.#ended.signal.addEventListener('abort', () => serverSide.destroy());
    client.on('error', () => this.reset());
    await Promise.all([
      finished(client).catch(() => this.reset()),
      finished(serverSide).catch(() => this.reset()),
    ]);
    client.destroy();
  }

  async #run(event: string, facts: Facts): Promise<void> {
    if (this.#flow === undefined || this.#wasRefused) return;
    this.#apply(await this.#flow.run(event, facts));
  }

  /** @throws Ended when a rule ended the connection. */
  #apply(effects: readonly Effect[]): void {
    const ending = carryOut(effects, this.#reach);
    if (ending !== undefined) throw this.#refuse(ending);
  }

  /** Whatever went wrong, the client gets nothing more. */
  #abandon(error: unknown): void {
    if (error instanceof Ended) return;
    const reason = error instanceof Error ? error.message : 'unknown';
    this.#options.logger.debug(
      { virtualServer: this.#options.virtualServer.fullPath, reason },
      'connection abandoned',
    );
    this.reset();
  }

  /**
   * Ends the connection and gives what is to be thrown.
   *
   * @param how a dropped client hears nothing; bytes are an alert in plain text, the last that the client gets.
   */
  #refuse(how: Ending | Buffer = 'reset'): Ended {
    const { socket } = this.#options;
    this.#wasRefused = true;
    if (how === 'reset') {
      this.reset();
    } else {
      this.#stream?.discard();
      socket.removeAllListeners('data').resume();
      if (how === 'drop') {
        socket.once('end', () => socket.destroy());
      } else {
        socket.end(how === 'close' ? '' : how);
        this.#resetAfter(lingerMs, this.#ended.signal);
      }
    }
    return new Ended();
  }

  #resetAfter(delayMs: number, signal: AbortSignal): void {
    this.#options.clock.sleep(delayMs, signal).then(
      () => this.reset(),
      () => undefined,
    );
  }

  async #whenEnded(): Promise<void> {
    if (!this.#ended.signal.aborted) await once(this.#ended.signal, 'abort');
  }
}

/** What a client hears whose handshake failed: the alert of OpenSSL where there is one. */
function handshakeFailure(stream: HeldStream, protocol: string): 'close' | 'reset' | Buffer {
  if (stream.held.length === 0) return 'close';
  // In TLS 1.3 an alert would have to be encrypted with keys that Node does not give.
  return stream.heldAlert ?? (protocol === 'TLSv1.3' ? 'reset' : fatalAlert('bad-certificate'));
}
