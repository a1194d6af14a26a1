import { once } from 'node:events';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLogger } from '../../../src/log.js';
import { Secret } from '../../../src/secret.js';
import { systemClock } from '../../../src/clock.js';
import { IControlClient } from '../../../src/icontrol/client.js';
import type { IControlClientOptions } from '../../../src/icontrol/client.js';
import type { FakeClock } from '../../support/fake-clock.js';
import { mintFactoryCertificate } from './device-certificate.js';
import type { DeviceCertificate } from './device-certificate.js';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly json: Record<string, unknown>;
}

export interface Reply {
  readonly status: number;
  readonly json?: unknown;
  readonly html?: string;
}

/** An answer, a broken connection, or a socket that the test writes to itself. */
export type Scripted = Reply | 'reset' | ((response: ServerResponse) => void);

export type Script = (asked: Asked) => Scripted | undefined | Promise<Scripted | undefined>;

export const token = 'TCJMWPGBQGPZPJYUCY57J2IITA';

let factoryCertificate: DeviceCertificate | undefined;

/**
 * A TLS server that answers as a test says, for the shapes of failure that no working device gives. Logins and
 * readiness are answered as a healthy device does unless the script answers first; everything else is a 404.
 */
export class ScriptedDevice {
  readonly asked: Asked[] = [];
  connections = 0;
  readonly #server: Server;
  readonly #certificate: DeviceCertificate;
  #clients: IControlClient[] = [];

  private constructor(server: Server, certificate: DeviceCertificate) {
    this.#server = server;
    this.#certificate = certificate;
  }

  /** @throws where the machine has no such loopback address */
  static async start(
    script: Script = () => undefined,
    certificate?: DeviceCertificate,
    host = '127.0.0.1',
  ): Promise<ScriptedDevice> {
    factoryCertificate ??= mintFactoryCertificate();
    const shown = certificate ?? factoryCertificate;
    const server = createServer({ cert: shown.certPem, key: shown.keyPem });
    const device = new ScriptedDevice(server, shown);
    server.on('secureConnection', () => (device.connections += 1));
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        const asked: Asked = {
          method: request.method ?? '',
          path: request.url ?? '',
          headers: request.headers,
          body,
          json: parseJson(body),
        };
        device.asked.push(asked);
        void Promise.resolve(script(asked)).then((scripted) => answer(response, scripted ?? healthy(asked)));
      });
    });
    server.listen(0, host);
    await once(server, 'listening');
    return device;
  }

  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `https://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  get fingerprint256(): string {
    return this.#certificate.fingerprint256;
  }

  /** Method and path of what was asked, logins left out. */
  get calls(): string[] {
    return this.asked
      .filter(({ path }) => !path.startsWith('/mgmt/shared/authn') && !path.startsWith('/mgmt/shared/authz'))
      .map(({ method, path }) => `${method} ${path}`);
  }

  get logins(): number {
    return this.asked.filter(({ path }) => path === '/mgmt/shared/authn/login').length;
  }

  client(options: Partial<IControlClientOptions> = {}): IControlClient {
    const client = new IControlClient({
      url: this.url,
      credentials: () => Promise.resolve({ username: 'mesh', password: new Secret('correct horse') }),
      tls: { fingerprint256: this.fingerprint256 },
      clock: systemClock,
      logger: silentLogger(),
      // A test that moves the clock to end a pause must not end the calls under way.
      ...(options.clock === undefined ? {} : { timeoutMs: 1e9 }),
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) await client.close();
    this.#clients = [];
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Moves the clock on until the call has ended, one way or the other. */
export async function advanceUntil(clock: FakeClock, outcome: Promise<unknown>): Promise<void> {
  const call = { ended: false };
  const ended = (): void => void (call.ended = true);
  outcome.then(ended, ended);
  while (!call.ended) {
    if (clock.sleeping > 0) await clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export function readyState(value = 'yes'): unknown {
  const entries = Object.fromEntries(
    ['configReady', 'licenseReady', 'provisionReady'].map((name) => [name, { description: value }]),
  );
  return { entries: { 'https://localhost/mgmt/tm/sys/ready/0': { nestedStats: { entries } } } };
}

export function notFound(what: string): Reply {
  return {
    status: 404,
    json: {
      code: 404,
      message: `01020036:3: The requested ${what} was not found.`,
      errorStack: [],
      apiError: 3,
    },
  };
}

function healthy({ method, path, json }: Asked): Reply {
  if (path === '/mgmt/shared/authn/login') return { status: 200, json: { token: { token, timeout: 1200 } } };
  if (path === '/mgmt/shared/authz/tokens') return { status: 200, json: { items: [] } };
  if (path.startsWith('/mgmt/shared/authz/tokens/')) {
    return { status: 200, json: method === 'PATCH' ? { token, timeout: json['timeout'] } : {} };
  }
  if (path === '/mgmt/tm/sys/ready') return { status: 200, json: readyState() };
  return notFound(`thing (${path})`);
}

function answer(response: ServerResponse, scripted: Scripted): void {
  if (scripted === 'reset') response.socket?.destroy();
  else if (typeof scripted === 'function') scripted(response);
  else if (scripted.html !== undefined) {
    response
      .writeHead(scripted.status, { 'Content-Type': 'text/html; charset=iso-8859-1' })
      .end(scripted.html);
  } else {
    const body = scripted.json === undefined ? '' : JSON.stringify(scripted.json);
    response.writeHead(scripted.status, { 'Content-Type': 'application/json; charset=UTF-8' }).end(body);
  }
}

function parseJson(body: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(body.toString('utf8')) as Record<string, unknown>;
  } catch {
    return {};
  }
}
