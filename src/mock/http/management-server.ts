import { createServer } from 'node:https';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AgentError } from '../../errors.js';
import type { TmosVersion } from '../tmos-version.js';
import type { ManagementCertificate } from '../certificate/self-signed.js';
import type { MgmtRequest } from './mgmt-request.js';
import type { MgmtResponse } from './mgmt-response.js';
import { WorkerPool } from './worker-pool.js';

/** What answers a request; `undefined` drops the connection without an answer. */
export type Respond = (request: MgmtRequest) => Promise<MgmtResponse | undefined>;

interface ManagementServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly certificate: ManagementCertificate;
  readonly tmos: TmosVersion;
  readonly now: () => Date;
  readonly respond: Respond;
}

/** Apache workers that serve GUI and REST together (`sys httpd maxClients`); more requests wait. */
const maximumClients = 10;

/** The HTTPS face of the device: TLS 1.2, the headers that every answer has, ten requests at a time. */
export class ManagementServer {
  readonly #server: Server;
  readonly #options: ManagementServerOptions;
  readonly #workers = new WorkerPool(maximumClients);

  private constructor(options: ManagementServerOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        key: options.certificate.keyPem.reveal(),
        cert: options.certificate.pem,
        minVersion: 'TLSv1.2',
        maxVersion: 'TLSv1.2',
      },
      (incoming, outgoing) => {
        this.#serve(incoming, outgoing).catch(() => outgoing.destroy());
      },
    );
  }

  /** @throws AgentError MESH_ERR_MOCK_LISTEN when the address cannot be had. */
  static async start(options: ManagementServerOptions): Promise<ManagementServer> {
    const server = new ManagementServer(options);
    const { host, port } = options.listen;
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', (error: NodeJS.ErrnoException) => {
        const message = `the mock BIG-IP cannot listen on ${host}:${port} (${error.code ?? 'unknown error'})`;
        reject(
          new AgentError(
            'MESH_ERR_MOCK_LISTEN',
            message,
            'Choose an address of this machine and a free port',
          ),
        );
      });
      server.#server.listen(port, host, resolve);
    });
    return server;
  }

  get url(): string {
    const { address, port, family } = this.#server.address() as AddressInfo;
    return `https://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await readBody(incoming);
    if (body === undefined) {
      outgoing.destroy();
      return;
    }
    const url = new URL(incoming.url ?? '/', 'https://localhost');
    const request: MgmtRequest = {
      method: incoming.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      headers: incoming.headers,
      body,
      clientAddress: incoming.socket.remoteAddress ?? '127.0.0.1',
    };
    const response = await this.#workers.run(() => this.#options.respond(request));
    if (response === undefined) outgoing.destroy();
    else this.#answer(outgoing, response);
  }

  #answer(outgoing: ServerResponse, response: MgmtResponse): void {
    const { tmos } = this.#options;
    const { body } = response;
    const bytes =
      body === undefined
        ? Buffer.alloc(0)
        : 'json' in body
          ? Buffer.from(JSON.stringify(body.json))
          : 'html' in body
            ? Buffer.from(body.html)
            : body.bytes;
    const contentType = body !== undefined && 'html' in body ? 'text/html; charset=UTF-8' : tmos.contentType;
    const headers: ReadonlyArray<readonly [string, string]> = [
      ['Date', this.#options.now().toUTCString()],
      ['Server', tmos.server],
      ...(response.headers ?? []),
      ['X-Frame-Options', 'SAMEORIGIN'],
      ['Strict-Transport-Security', 'max-age=16070400; includeSubDomains'],
      ['Content-Type', contentType],
      ['Allow', ''],
      ['Pragma', 'no-cache'],
      ['Cache-Control', 'no-store'],
      ['Cache-Control', 'no-cache'],
      ['Cache-Control', 'must-revalidate'],
      ['Expires', '-1'],
      ['Content-Length', String(bytes.length)],
      ['X-Content-Type-Options', 'nosniff'],
      ['X-XSS-Protection', '1; mode=block'],
      ['Content-Security-Policy', contentSecurityPolicy],
      ...(response.closes === true ? [['Connection', 'close'] as const] : []),
    ];
    const flat = headers.flat();
    if (response.reason === undefined) outgoing.writeHead(response.status, flat);
    else outgoing.writeHead(response.status, response.reason, flat);
    outgoing.end(bytes);
  }
}

const contentSecurityPolicy =
  "default-src 'self'  'unsafe-inline' 'unsafe-eval' data: blob:; " +
  "img-src 'self' data:  http://127.4.1.1 http://127.4.2.1";

/** @returns undefined when the client went away before its body was complete. */
async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
}
