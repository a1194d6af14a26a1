import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { systemClock } from '../../../../src/clock.js';
import { MeshCa } from '../../../../src/demo/mesh-ca.js';
import { loadRule } from '../../../../src/irule/load-rule.js';
import { silentLogger } from '../../../../src/log.js';
import type {
  ClientSslConfiguration,
  DataPlaneConfiguration,
  VirtualServerConfiguration,
} from '../../../../src/mock/data-plane/configuration.js';
import { TclDataPlane } from '../../../../src/mock/data-plane/tcl-data-plane.js';
import type { TclDataPlaneOptions } from '../../../../src/mock/data-plane/tcl-data-plane.js';
import { renderCertificatesPem } from '../../../../src/spiffe/svid.js';
import type { Svid } from '../../../../src/spiffe/svid.js';

export const virtualServer = '/mesh/echo';
export const trustedSleep = 'spiffe://cluster.local/ns/trusted/sa/sleep';
export const defaultAccount = 'spiffe://cluster.local/ns/default/sa/default';

/** What the agent's own profile says; tests of the mock's other sides change single members. */
const agentProfile = {
  fullPath: '/mesh/echo_clientssl',
  peerCertMode: 'require',
  authenticate: 'always',
  authenticateDepth: 9,
  retainCertificate: true,
  cacheSize: 0,
  cacheTimeoutSeconds: 3600,
  sessionTicket: false,
  renegotiation: false,
  allowNonSsl: false,
  options: ['no-tlsv1.3'],
  handshakeTimeoutSeconds: 10,
} as const satisfies Partial<ClientSslConfiguration>;

export interface Settings {
  readonly allow?: readonly string[];
  readonly settings?: Readonly<Record<string, string>>;
  readonly clientSsl?: Partial<ClientSslConfiguration> | 'none';
  readonly virtualServer?: Partial<VirtualServerConfiguration>;
  /** Instead of the shipped rule; none at all when empty. */
  readonly rules?: readonly string[];
  readonly withoutDataGroups?: boolean;
}

/** What a caller made of its connection. */
interface CallResult {
  readonly data: string;
  /** TLS version, when the caller's own handshake came to its end. */
  readonly protocol: string | undefined;
  readonly isResumed: boolean;
  readonly error: string | undefined;
  readonly session: Buffer | undefined;
}

/** What the log says of a caller whom the shipped rule rejects. */
export function rejecting(event: string, what: string): string {
  return `Rule /mesh/spiffe_allowlist <${event}>: rejecting: ${what}`;
}

/** A data plane with the reference service behind it, and a mesh CA that makes callers. */
export class TestBed {
  readonly dataPlane: TclDataPlane;
  readonly ca: MeshCa;
  readonly log: string[] = [];
  /** What reached the pool member. */
  readonly received: string[] = [];
  /** How connections to the pool member failed. */
  readonly memberErrors: string[] = [];
  readonly #echo: Server;
  readonly #server: Svid;
  readonly #rule: string;
  readonly #sockets = new Set<Socket>();

  private constructor(parts: {
    ca: MeshCa;
    server: Svid;
    rule: string;
    echo: Server;
    options: Partial<TclDataPlaneOptions>;
  }) {
    this.ca = parts.ca;
    this.#server = parts.server;
    this.#rule = parts.rule;
    this.#echo = parts.echo;
    this.dataPlane = new TclDataPlane({
      hostname: 'bigip1',
      clock: systemClock,
      logger: silentLogger(),
      log: (line) => this.log.push(line),
      ...parts.options,
    });
    this.#echo.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', (error: NodeJS.ErrnoException) => this.memberErrors.push(error.code ?? ''));
      socket.on('data', (chunk: Buffer) => {
        this.received.push(chunk.toString());
        socket.write(chunk.toString().toUpperCase());
      });
      socket.on('end', () => socket.end());
    });
  }

  static async start(options: Partial<TclDataPlaneOptions> = {}): Promise<TestBed> {
    const ca = await MeshCa.create({ now: new Date() });
    const server = await ca.mint('spiffe://cluster.local/ns/default/sa/bigip');
    const echo = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(echo, 'listening');
    const bed = new TestBed({ ca, server, rule: await loadRule(), echo, options });
    await bed.dataPlane.start();
    return bed;
  }

  /** What the lines of the log say, without date, host and process. */
  said(): string[] {
    return this.log.map((line) => line.replace(/^.*? tmm\[\d+\]: /, ''));
  }

  /** Forgets what was logged and received. */
  forget(): void {
    this.log.length = 0;
    this.received.length = 0;
  }

  get port(): number {
    const place = this.dataPlane.listeningAt(virtualServer);
    if (place === undefined) throw new Error('the virtual server does not listen');
    return place.port;
  }

  get echoPort(): number {
    return (this.#echo.address() as AddressInfo).port;
  }

  /** How many connections the pool member has. */
  get memberConnections(): number {
    return this.#sockets.size;
  }

  configuration(settings: Settings = {}): DataPlaneConfiguration {
    const { allow = [trustedSleep], settings: records, clientSsl, rules } = settings;
    const group = (suffix: string, content: Readonly<Record<string, string>>) => ({
      fullPath: `${virtualServer}_${suffix}`,
      type: 'string' as const,
      records: Object.entries(content).map(([name, data]) => ({ name, data })),
    });
    return {
      virtualServers: [
        {
          fullPath: virtualServer,
          enabled: true,
          address: '127.0.0.1',
          port: 0,
          ...(clientSsl === 'none' ? {} : { clientSsl: this.#profile(clientSsl) }),
          rules: (rules ?? [this.#rule]).map((text, index) => ({
            fullPath: `/mesh/${index === 0 ? 'spiffe_allowlist' : `rule${index}`}`,
            text,
          })),
          pool: { fullPath: '/mesh/echo_pool', members: [{ address: '127.0.0.1', port: this.echoPort }] },
          ...settings.virtualServer,
        },
      ],
      dataGroups:
        settings.withoutDataGroups === true
          ? []
          : [
              group('allow', Object.fromEntries(allow.map((id) => [id, 'allow']))),
              group('deny', {}),
              group('settings', { mode: 'enforce', 'trust-domain/cluster.local': '1', ...records }),
            ],
    };
  }

  apply(settings: Settings = {}): Promise<void> {
    return this.dataPlane.apply(this.configuration(settings));
  }

  #profile(changes: Partial<ClientSslConfiguration> = {}): ClientSslConfiguration {
    return {
      ...agentProfile,
      certKeyChain: [
        {
          certPem: this.#server.renderLeafPem(),
          keyPem: this.#server.renderKeyPem(),
          chainPem: this.#server.renderChainPem(),
        },
      ],
      caPem: this.ca.rootPem,
      ...changes,
    };
  }

  /** What Node wants of a caller with an SVID, or without any. */
  callerOptions(svid: Svid | undefined): ConnectionOptions {
    return {
      host: '127.0.0.1',
      port: this.port,
      ca: this.ca.rootPem,
      checkServerIdentity: () => undefined,
      servername: 'outbound_.9000_._.bigip.default.svc.cluster.local',
      ALPNProtocols: ['istio-peer-exchange', 'istio'],
      ...(svid === undefined
        ? {}
        : { cert: renderCertificatesPem([svid.leaf, ...svid.chain]), key: svid.renderKeyPem().reveal() }),
    };
  }

  /** Calls, says one word, closes its half, and waits for the end. */
  call(svid: Svid | undefined, options: ConnectionOptions = {}): Promise<CallResult> {
    return new Promise((resolve) => {
      const settings: ConnectionOptions & { allowHalfOpen: boolean } = {
        ...this.callerOptions(svid),
        allowHalfOpen: true,
        ...options,
      };
      const socket = connect(settings);
      let data = '';
      let protocol: string | undefined;
      let isResumed = false;
      let error: string | undefined;
      let session: Buffer | undefined;
      socket.on('secureConnect', () => {
        protocol = socket.getProtocol() ?? undefined;
        isResumed = socket.isSessionReused();
        socket.end('hi');
      });
      socket.on('data', (chunk: Buffer) => (data += chunk.toString()));
      socket.on('session', (latest: Buffer) => (session = latest));
      socket.on('error', (failure: NodeJS.ErrnoException) => (error = failure.code ?? failure.message));
      socket.on('close', () => resolve({ data, protocol, isResumed, error, session }));
    });
  }

  async close(): Promise<void> {
    await this.dataPlane.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#echo.close();
    await once(this.#echo, 'close');
  }
}

/** Waits until something that another process or event loop turn brings about is so. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}
