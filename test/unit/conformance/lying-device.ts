import { once } from 'node:events';
import { Agent, createServer, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ManagementCertificate } from '../../../src/mock/certificate/self-signed.js';
import type { MockBigIp } from '../../../src/mock/mock-big-ip.js';
import type { Json, JsonObject } from '../../../src/mock/json.js';

export interface Exchange {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly requestText: string;
  readonly status: number;
  readonly json: JsonObject;
}

interface Lie {
  readonly status: number;
  readonly json: Json;
}

export interface LyingDeviceOptions {
  readonly device: MockBigIp;
  readonly certificate: ManagementCertificate;
  /** Answers in place of the device, which then hears nothing of it. */
  readonly instead?: (asked: Pick<Exchange, 'method' | 'path'>) => Lie | undefined;
  /** Changes what the device answered. */
  readonly twist?: (exchange: Exchange) => Lie | undefined;
}

/** A device that does one thing otherwise than a BIG-IP: it hands requests on to a mock, and twists the answers. */
export class LyingDevice {
  readonly url: URL;
  readonly #close: () => Promise<void>;

  private constructor(url: URL, close: () => Promise<void>) {
    this.url = url;
    this.#close = close;
  }

  static async start({ device, certificate, instead, twist }: LyingDeviceOptions): Promise<LyingDevice> {
    const agent = new Agent({
      keepAlive: true,
      ca: device.certificatePem,
      checkServerIdentity: () => undefined,
    });
    const server = createServer({ key: certificate.keyPem.reveal(), cert: certificate.pem });
    server.on('request', (incoming, outgoing) => {
      void (async () => {
        const body = await bodyOf(incoming);
        const { method = 'GET', url: path = '/' } = incoming;
        const lie = instead?.({ method, path });
        const forwarded = lie === undefined ? await forward(incoming, body) : undefined;
        const status = lie?.status ?? forwarded?.status ?? 0;
        const text = lie === undefined ? (forwarded?.text ?? '') : JSON.stringify(lie.json);
        const twisted =
          lie ?? twist?.({ method, path, requestText: body.toString(), status, json: parse(text) });
        outgoing.writeHead(twisted?.status ?? status, { 'Content-Type': 'application/json' });
        outgoing.end(twisted === undefined ? text : JSON.stringify(twisted.json));
      })();
    });

    async function forward(
      incoming: IncomingMessage,
      body: Buffer,
    ): Promise<{ status: number; text: string }> {
      const outgoing = request(new URL(incoming.url ?? '/', device.url), {
        method: incoming.method,
        headers: incoming.headers,
        agent,
      });
      outgoing.end(body);
      const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
      return { status: answer.statusCode ?? 0, text: (await bodyOf(answer)).toString() };
    }

    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return new LyingDevice(new URL(`https://127.0.0.1:${port}`), async () => {
      agent.destroy();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    });
  }

  close(): Promise<void> {
    return this.#close();
  }
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function parse(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return {};
  }
}
