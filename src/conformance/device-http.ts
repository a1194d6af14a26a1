import { request } from 'node:https';
import type { Agent } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { AgentError } from '../errors.js';
import { createDeviceAgent } from '../icontrol/trust.js';
import type { DeviceTrust } from '../icontrol/trust.js';
import type { Secret } from '../secret.js';
import { systemErrorCode } from '../system-error.js';
import { isJsonObject } from './json.js';
import type { JsonObject } from './json.js';

/** One answer, whatever its status. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body where it is a JSON object; else empty. */
  readonly json: JsonObject;
}

export interface Sent {
  readonly body?: JsonObject | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Who asks; default: the token. */
  readonly as?: 'token' | 'nobody' | { readonly user: string; readonly password: Secret };
}

const timeoutMs = 70_000;

/**
 * Plain requests to a device, one after the other.
 *
 * This is not the agent's client, so that a mistake of that one shows: only the verification of the management
 * certificate is shared, of which there is one.
 */
export class DeviceHttp {
  readonly #url: URL;
  readonly #agent: Agent;
  #token: Secret | undefined;

  /** @throws AgentError MESH_ERR_CONFIG_INVALID for a fingerprint or a CA file that is none */
  constructor(url: URL, trust: DeviceTrust) {
    this.#url = url;
    this.#agent = createDeviceAgent(trust);
  }

  /** Sends this token from now on. */
  useToken(token: Secret): void {
    this.#token = token;
  }

  get(path: string, sent: Sent = {}): Promise<Answer> {
    return this.send('GET', path, sent);
  }

  post(path: string, body: JsonObject | Buffer, sent: Sent = {}): Promise<Answer> {
    return this.send('POST', path, { ...sent, body });
  }

  patch(path: string, body: JsonObject, sent: Sent = {}): Promise<Answer> {
    return this.send('PATCH', path, { ...sent, body });
  }

  put(path: string, body: JsonObject): Promise<Answer> {
    return this.send('PUT', path, { body });
  }

  delete(path: string, sent: Sent = {}): Promise<Answer> {
    return this.send('DELETE', path, sent);
  }

  /** @throws AgentError when no answer came, MESH_ERR_DEVICE_CERTIFICATE when it is not the expected device */
  send(method: string, path: string, { body, headers, as = 'token' }: Sent = {}): Promise<Answer> {
    const bytes =
      body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body), 'utf8');
    return new Promise((resolve, reject) => {
      const outgoing = request(
        new URL(path, this.#url),
        {
          method,
          agent: this.#agent,
          timeout: timeoutMs,
          headers: {
            ...(bytes === undefined
              ? {}
              : { 'Content-Type': 'application/json', 'Content-Length': bytes.length }),
            ...this.#credentials(as),
            ...headers,
          },
        },
        (incoming) => {
          readAnswer(incoming).then(resolve, (error: unknown) => reject(this.#translate(error)));
        },
      );
      outgoing.on('timeout', () =>
        outgoing.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })),
      );
      outgoing.on('error', (error) => reject(this.#translate(error)));
      outgoing.end(bytes);
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #credentials(as: NonNullable<Sent['as']>): Readonly<Record<string, string>> {
    if (as === 'nobody') return {};
    if (as === 'token') return this.#token === undefined ? {} : { 'X-F5-Auth-Token': this.#token.reveal() };
    const pair = Buffer.from(`${as.user}:${as.password.reveal()}`).toString('base64');
    return { Authorization: `Basic ${pair}` };
  }

  /** Keeps the name of the failure, and nothing else of it. */
  #translate(error: unknown): AgentError {
    const code = systemErrorCode(error);
    const { host } = this.#url;
    if (/CERT|SIGNATURE|SELF_SIGNED|ALTNAME|FINGERPRINT/.test(code)) {
      return new AgentError(
        'MESH_ERR_DEVICE_CERTIFICATE',
        `${host}: the certificate of the management port is not the expected one (${code})`,
        'Give its CA by --ca, or its fingerprint by --sha256',
      );
    }
    return new AgentError(
      'MESH_ERR_DEVICE_UNREACHABLE',
      `${host}: no answer (${code})`,
      'Check the address and whether the device is up',
    );
  }
}

async function readAnswer(incoming: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, text, json: parseObject(text) };
}

function parseObject(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}
