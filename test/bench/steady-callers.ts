import { once } from 'node:events';
import { connect, createSecureContext } from 'node:tls';
import type { SecureContext, TLSSocket } from 'node:tls';
import { systemClock } from '../../src/clock.js';
import type { TrustBundle } from '../../src/spiffe/trust-bundle.js';
import type { Svid } from '../../src/spiffe/svid.js';

/** Between two calls of one caller: without it, two of them take all of a machine, and rotations wait for them. */
const thinkMs = 20;

interface LongLived {
  readonly socket: TLSSocket;
  /** Served when the connection was made. */
  readonly fingerprint: string;
}

/**
 * Callers of a mesh service that never rest: some make one new connection after the other, the others keep theirs and
 * say something when they are told to. All of them verify the served chain, and the key is proven by each handshake.
 */
export class SteadyCallers {
  readonly #port: number;
  readonly #context: SecureContext;
  readonly #longLived: LongLived[] = [];
  readonly #running: Promise<void>[] = [];
  readonly #served = new Set<string>();
  readonly #failures: string[] = [];
  #handshakes = 0;
  #exchanges = 0;
  #isStopped = false;

  constructor(options: { readonly port: number; readonly trustBundle: TrustBundle; readonly caller: Svid }) {
    const { caller, port, trustBundle } = options;
    this.#port = port;
    this.#context = createSecureContext({
      ca: trustBundle.toPem(),
      cert: caller.renderLeafPem() + caller.renderChainPem(),
      key: caller.renderKeyPem().reveal(),
    });
  }

  /** Handshakes that were completed, each with an answer of the service. */
  get handshakes(): number {
    return this.#handshakes;
  }

  /** Lines that long-lived connections said, each with its answer. */
  get exchanges(): number {
    return this.#exchanges;
  }

  /** What went wrong, in words; handshakes that failed and connections that broke. */
  get failures(): readonly string[] {
    return this.#failures;
  }

  /** SHA-256 of every certificate that was served, lower-case hex. */
  get served(): ReadonlySet<string> {
    return this.#served;
  }

  /** How many certificates long-lived connections were made with. */
  get generations(): number {
    return new Set(this.#longLived.map(({ fingerprint }) => fingerprint)).size;
  }

  start(atATime: number): void {
    for (let one = 0; one < atATime; one += 1) this.#running.push(this.#callAgainAndAgain());
  }

  /** Opens one more connection that stays. */
  async open(): Promise<void> {
    try {
      const { socket, fingerprint } = await this.#connect();
      socket.on('error', () => undefined);
      this.#longLived.push({ socket, fingerprint });
    } catch (error) {
      this.#failures.push(`a connection that was to stay: ${reasonOf(error)}`);
    }
  }

  /** Every long-lived connection says a line and hears it in capitals. */
  async exchange(text: string): Promise<void> {
    await Promise.all(
      this.#longLived.map(async ({ socket }, index) => {
        try {
          await say(socket, text);
          this.#exchanges += 1;
        } catch (error) {
          this.#failures.push(`long-lived connection ${index}: ${reasonOf(error)}`);
        }
      }),
    );
  }

  /** Ends all of it; calls under way are let finish. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
    for (const { socket } of this.#longLived) socket.destroy();
  }

  async #callAgainAndAgain(): Promise<void> {
    while (!this.#isStopped) {
      try {
        const { socket } = await this.#connect();
        await say(socket, 'hi');
        socket.destroy();
        this.#handshakes += 1;
        await systemClock.sleep(thinkMs);
      } catch (error) {
        this.#failures.push(`a new connection: ${reasonOf(error)}`);
      }
    }
  }

  async #connect(): Promise<LongLived> {
    let fingerprint = '';
    const socket = connect({
      host: '127.0.0.1',
      port: this.#port,
      secureContext: this.#context,
      servername: 'outbound_.9000_._.bigip.default.svc.cluster.local',
      checkServerIdentity: (_host, { fingerprint256 }) => {
        fingerprint = fingerprint256.replaceAll(':', '').toLowerCase();
        return undefined;
      },
    });
    await once(socket, 'secureConnect');
    this.#served.add(fingerprint);
    return { socket, fingerprint };
  }
}

async function say(socket: TLSSocket, text: string): Promise<void> {
  if (socket.destroyed) throw new Error('it was closed');
  const closed = new AbortController();
  const end = (): void => closed.abort(new Error('it was closed before an answer came'));
  socket.once('close', end);
  try {
    const answered = once(socket, 'data', { signal: closed.signal });
    socket.write(`${text}\n`);
    const [answer] = (await answered) as [Buffer];
    if (answer.toString() !== `${text.toUpperCase()}\n`) throw new Error('something else was answered');
  } finally {
    socket.removeListener('close', end);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error';
}
