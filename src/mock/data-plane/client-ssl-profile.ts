import { constants } from 'node:crypto';
import type { X509Certificate } from 'node:crypto';
import { createServer } from 'node:tls';
import type { Server, TLSSocket, TlsOptions } from 'node:tls';
import type { Clock } from '../../clock.js';
import type { ClientSslConfiguration } from './configuration.js';
import type { HeldStream } from './held-stream.js';
import { Revocation } from './revocation.js';
import type { SessionStore } from './session-store.js';
import { chainTooLong, verifyResult } from './verify-result.js';

type Protocol = 'TLSv1.2' | 'TLSv1.3';

/** What a handshake came to. The stream under it holds back everything since the server's last flight. */
export interface Handshake {
  readonly socket: TLSSocket;
  readonly isResumed: boolean;
  /** DER of what the client sent, leaf first; on a resumed session what the session retained. */
  readonly certificates: readonly Buffer[];
  /** X509_V_ERR number of the verification of the client's certificate; 0 also when there is none. */
  readonly verifyResult: number;
  /** Empty where the session has none. */
  readonly sessionId: Buffer;
  readonly protocol: Protocol;
  /** The cipher suite by its name in the RFCs. */
  readonly cipher: string;
}

/** A TLS server of Node, which here serves one handshake at a time, and what it learned about the session. */
interface Slot {
  readonly server: Server;
  sessionId: Buffer;
}

/**
 * The server side of TLS with one version of a client SSL profile.
 *
 * Node takes certificates and roots per server object, so the slots are servers that never listen; each is handed one
 * connection after the other.
 */
export class ClientSslProfile {
  readonly configuration: ClientSslConfiguration;
  readonly #sessions: SessionStore;
  readonly #clock: Clock;
  readonly #revocation: Revocation | undefined;
  readonly #idle: Record<Protocol, Slot[]> = { 'TLSv1.2': [], 'TLSv1.3': [] };

  /** @throws Error of OpenSSL when a certificate, key or root cannot be used. */
  constructor(configuration: ClientSslConfiguration, sessions: SessionStore, clock: Clock) {
    const { crlPem, caPem = '', allowExpiredCrl: allowsExpired = false } = configuration;
    this.configuration = configuration;
    this.#sessions = sessions;
    this.#clock = clock;
    this.#revocation = crlPem === undefined ? undefined : new Revocation({ crlPem, caPem, allowsExpired });
    this.#idle['TLSv1.2'].push(this.#makeSlot('TLSv1.2'));
  }

  /** The version that a client gets; undefined when the profile's options leave none. */
  protocolFor(offersTls13: boolean): Protocol | undefined {
    const { options } = this.configuration;
    if (offersTls13 && !options.includes('no-tlsv1.3')) return 'TLSv1.3';
    return options.includes('no-tlsv1.2') ? undefined : 'TLSv1.2';
  }

  /**
   * Carries out a handshake; a client certificate that does not verify is a result and no failure.
   *
   * @throws Error when there is none; an alert for the client waits in the stream, where OpenSSL made one.
   */
  async handshake(stream: HeldStream, protocol: Protocol): Promise<Handshake> {
    const slot = this.#idle[protocol].pop() ?? this.#makeSlot(protocol);
    slot.sessionId = Buffer.alloc(0);
    try {
      return await new Promise<Handshake>((resolve, reject) => {
        // Synchronous in all it does: Node crashes when a socket is asked about its session after its end.
        slot.server.once('secureConnection', (socket: TLSSocket) => {
          stream.secured();
          socket.on('error', () => undefined); // Its close tells.
          resolve(this.#describe(socket, slot.sessionId, protocol));
        });
        slot.server.once('tlsClientError', reject);
        slot.server.emit('connection', stream);
      });
    } finally {
      slot.server.removeAllListeners('secureConnection').removeAllListeners('tlsClientError');
      this.#idle[protocol].push(slot);
    }
  }

  /** What `SSL::session invalidate` does: the session ID is good for nothing any more. */
  invalidateSession(sessionId: Buffer): void {
    this.#sessions.drop(sessionId);
  }

  #describe(socket: TLSSocket, sessionId: Buffer, protocol: Protocol): Handshake {
    const { authenticateDepth, retainCertificate } = this.configuration;
    const isResumed = socket.isSessionReused();
    const chain = isResumed && !retainCertificate ? [] : peerCertificates(socket);
    // Node says whether a certificate verified by `authorizationError`, a code in spite of its type.
    const code = chain.length === 0 || socket.authorized ? undefined : String(socket.authorizationError);
    const verified = verifyResult(code);
    const revocation = verified === 0 && chain.length > 0 ? this.#revocation : undefined;
    const result = revocation?.offenceOf(chain, this.#clock.now()) ?? verified;
    const intermediates = chain.slice(1).filter((certificate) => !certificate.checkIssued(certificate));
    return {
      socket,
      isResumed,
      certificates: chain.map(({ raw }) => raw),
      verifyResult: result === 0 && intermediates.length > authenticateDepth ? chainTooLong : result,
      sessionId,
      protocol,
      cipher: socket.getCipher().standardName,
    };
  }

  #makeSlot(protocol: Protocol): Slot {
    const { certKeyChain, caPem, peerCertMode, authenticate, cacheSize, sessionTicket, fullPath } =
      this.configuration;
    // "Always" asks for the certificate again on each connection, which a resumed handshake cannot do.
    const mayResume = peerCertMode === 'ignore' || authenticate === 'once';
    const hasCache = mayResume && cacheSize > 0;
    // TLS 1.3 resumes by tickets only; whether TMM makes them for its cache is not documented, so assume the worst.
    const hasTickets = mayResume && (sessionTicket || (protocol === 'TLSv1.3' && hasCache));
    const server = createServer({
      cert: certKeyChain.map(({ certPem, chainPem }) => `${certPem}\n${chainPem ?? ''}`),
      key: certKeyChain.map(({ keyPem, passphrase }) => ({
        pem: keyPem.reveal(),
        ...(passphrase === undefined ? {} : { passphrase: passphrase.reveal() }),
      })),
      // Without roots Node would trust the public ones.
      ca: caPem ?? [],
      requestCert: peerCertMode !== 'ignore',
      // A device goes on to the rule with the result of the verification, and only then refuses (verify-result.ts).
      rejectUnauthorized: false,
      ...this.#versions(protocol),
      sessionIdContext: fullPath.slice(-32),
      ticketKeys: this.#sessions.ticketKeys,
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (hasTickets ? 0 : constants.SSL_OP_NO_TICKET),
    });
    const slot: Slot = { server, sessionId: Buffer.alloc(0) };
    if (hasCache && protocol === 'TLSv1.2') this.#serveSessions(slot);
    return slot;
  }

  /** Devices speak TLS 1.0 and 1.1 unless an option says no, and OpenSSL 3 at its lowest security level only. */
  #versions(protocol: Protocol): Partial<Pick<TlsOptions, 'minVersion' | 'maxVersion' | 'ciphers'>> {
    const { options } = this.configuration;
    const older = (['TLSv1', 'TLSv1.1'] as const).find(
      (version) => !options.includes(`no-${version.toLowerCase()}`),
    );
    if (protocol === 'TLSv1.3' || older === undefined) return { minVersion: protocol, maxVersion: protocol };
    return { minVersion: older, maxVersion: protocol, ciphers: 'DEFAULT@SECLEVEL=0' };
  }

  #serveSessions(slot: Slot): void {
    const { cacheSize, cacheTimeoutSeconds } = this.configuration;
    slot.server.on('newSession', (id: Buffer, session: Buffer, done: () => void) => {
      slot.sessionId = id;
      this.#sessions.put(id, session, cacheSize);
      done();
    });
    slot.server.on('resumeSession', (id: Buffer, done: (error: null, session: Buffer | null) => void) => {
      const session = this.#sessions.find(id, cacheTimeoutSeconds);
      if (session !== undefined) slot.sessionId = id;
      done(null, session ?? null);
    });
  }
}

/** What Node knows of the client's chain; it may end with the root of `caFile` that it was verified with. */
function peerCertificates(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next: X509Certificate | undefined = socket.getPeerX509Certificate();
  while (next !== undefined && !chain.some(({ raw }) => raw.equals(next?.raw ?? raw))) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}
