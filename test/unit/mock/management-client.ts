import { Agent, request } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { textOf } from '../../../src/mock/json.js';
import type { Json, JsonObject } from '../../../src/mock/json.js';

/** One answer of the management port. */
export interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly text: string;
  /** The body as JSON. */
  readonly json: JsonObject;
}

export interface Sent {
  readonly body?: Json | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A plain HTTPS client of a mock BIG-IP, which trusts exactly its certificate. */
export class ManagementClient {
  readonly #url: URL;
  readonly #agent: Agent;
  #token: string | undefined;
  #basic: string | undefined;

  constructor(device: {
    readonly url: string;
    readonly certificatePem: string;
    readonly fingerprint256: string;
  }) {
    this.#url = new URL(device.url);
    this.#agent = new Agent({
      keepAlive: true,
      ca: device.certificatePem,
      // The certificate of a new device names localhost.localdomain and has no SAN.
      checkServerIdentity: (_host, certificate) =>
        certificate.fingerprint256 === device.fingerprint256 ? undefined : new Error('not the device'),
    });
  }

  /** Sends requests with another token, or without one. */
  useToken(token: string | undefined): void {
    this.#token = token;
  }

  useBasic(name: string, password: string): void {
    this.#basic = Buffer.from(`${name}:${password}`).toString('base64');
  }

  async login(username = 'admin', password = 'admin-password', loginProviderName = 'tmos'): Promise<Answer> {
    const answer = await this.send('POST', '/mgmt/shared/authn/login', {
      body: { username, password, loginProviderName },
    });
    const { token } = answer.json;
    if (answer.status === 200) this.#token = textOf((token as JsonObject)['token']);
    return answer;
  }

  get(path: string): Promise<Answer> {
    return this.send('GET', path);
  }

  post(path: string, body: Json, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send('POST', path, { body, headers });
  }

  patch(path: string, body: Json, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send('PATCH', path, { body, headers });
  }

  put(path: string, body: Json): Promise<Answer> {
    return this.send('PUT', path, { body });
  }

  delete(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send('DELETE', path, { headers });
  }

  /** Uploads a file in one chunk. */
  upload(name: string, content: string | Buffer): Promise<Answer> {
    const body = Buffer.from(content);
    return this.send('POST', `/mgmt/shared/file-transfer/uploads/${name}`, {
      body,
      headers: {
        'content-type': 'application/octet-stream',
        'content-range': `0-${body.length - 1}/${body.length}`,
      },
    });
  }

  send(method: string, path: string, sent: Sent = {}): Promise<Answer> {
    const body =
      sent.body === undefined || Buffer.isBuffer(sent.body)
        ? sent.body
        : Buffer.from(JSON.stringify(sent.body));
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: this.#url.hostname,
          port: this.#url.port,
          method,
          path,
          agent: this.#agent,
          headers: {
            ...(this.#token === undefined ? {} : { 'x-f5-auth-token': this.#token }),
            ...(this.#basic === undefined ? {} : { authorization: `Basic ${this.#basic}` }),
            ...(body === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': body.length }),
            ...sent.headers,
          },
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({
              status: incoming.statusCode ?? 0,
              reason: incoming.statusMessage ?? '',
              headers: incoming.headers,
              rawHeaders: incoming.rawHeaders,
              text,
              get json() {
                return JSON.parse(text) as JsonObject;
              },
            });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  /** The TLS version that the port agreed to. */
  tlsVersion(): Promise<string | null> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        { host: this.#url.hostname, port: this.#url.port, path: '/', agent: this.#agent },
        (incoming) => {
          resolve((incoming.socket as TLSSocket).getProtocol());
          incoming.resume();
        },
      );
      outgoing.on('error', reject);
      outgoing.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
