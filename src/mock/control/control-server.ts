import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { AgentError } from '../../errors.js';
import type { LogHistory } from '../data-plane/log-history.js';
import { faultRuleSchema } from '../faults/fault.js';
import type { MockBigIp } from '../mock-big-ip.js';

export interface ControlServer {
  /** `http://127.0.0.1:34568` */
  readonly url: string;
  close(): Promise<void>;
}

interface ControlAnswer {
  readonly status: number;
  readonly body?: unknown;
  /** Follows the log from this line on, until the reader goes away. */
  readonly follow?: { readonly log: LogHistory; readonly since: number };
}

/** What a pair does beyond what its units do. */
interface PairControl {
  failOver(): Promise<void>;
  powerOff(unit: number): Promise<void>;
  powerOn(unit: number): Promise<void>;
}

const rebootSchema = z.strictObject({ startUpMs: z.int().min(0).optional() });

/**
 * The control port: plain HTTP, apart from the device's own, for tests and people. It asks for no
 * credentials, so it belongs on loopback.
 *
 * Below `/units/0` and, in a pair, `/units/1`: `GET /` tells name, URL and certificate; `GET|DELETE /requests`;
 * `GET|POST|DELETE /faults`, `DELETE /faults/ID`; `POST /reboot {"startUpMs":N}`; `POST /forget-tokens`;
 * `GET /log?since=N&limit=M` the lines of /var/log/ltm after the Nth as `{"lines":[{number,text}],"latest":N}`,
 * `GET /log?follow=true&since=N` the same as plain text that goes on, `DELETE /log`. In a pair also
 * `POST /power-off` and `POST /power-on`, and above the units `POST /fail-over`.
 *
 * @throws AgentError MESH_ERR_MOCK_LISTEN when the address cannot be had.
 */
export async function startControlServer(
  listen: { readonly host: string; readonly port: number },
  units: readonly MockBigIp[],
  pair?: PairControl,
): Promise<ControlServer> {
  const server = createServer((incoming, outgoing) => {
    const answer = async (): Promise<void> => {
      const { status, body, follow } = await respond(incoming).catch((): ControlAnswer => ({ status: 500 }));
      if (follow !== undefined) {
        streamLog(outgoing, follow.log, follow.since);
        return;
      }
      outgoing.writeHead(status, body === undefined ? {} : { 'content-type': 'application/json' });
      outgoing.end(body === undefined ? undefined : `${JSON.stringify(body)}\n`);
    };
    void answer();
  });
  const respond = async (incoming: IncomingMessage): Promise<ControlAnswer> => {
    const method = incoming.method ?? 'GET';
    const url = new URL(incoming.url ?? '/', 'http://localhost');
    const segments = url.pathname.split('/').filter((part) => part !== '');
    const body = await readBody(incoming);
    if (segments.join('/') === 'fail-over' && method === 'POST' && pair !== undefined) {
      await pair.failOver();
      return { status: 204 };
    }
    const index = Number(segments[1]);
    const unit = segments[0] === 'units' ? units[index] : undefined;
    if (unit === undefined) return { status: 404 };
    if (segments[2] === 'log') return logAnswer(unit.log, method, url.searchParams);
    if (pair !== undefined && method === 'POST' && /^power-o(?:n|ff)$/.test(segments[2] ?? '')) {
      await (segments[2] === 'power-on' ? pair.powerOn(index) : pair.powerOff(index));
      return { status: 204 };
    }
    return answerFor(unit, method, segments.slice(2), body);
  };
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = `${listen.host}:${listen.port}`;
      const message = `the mock BIG-IP cannot listen on ${where} for control (${error.code ?? 'unknown error'})`;
      reject(
        new AgentError('MESH_ERR_MOCK_LISTEN', message, 'Choose an address of this machine and a free port'),
      );
    });
    server.listen(listen.port, listen.host, resolve);
  });
  const { address, port, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answerFor(
  unit: MockBigIp,
  method: string,
  [what = '', id]: readonly string[],
  body: unknown,
): Promise<ControlAnswer> {
  switch (`${method} ${what}`) {
    case 'GET ': {
      const { hostname, url, certificatePem, fingerprint256 } = unit;
      return { status: 200, body: { hostname, url, certificatePem, fingerprint256 } };
    }
    case 'GET requests':
      return { status: 200, body: unit.requests };
    case 'DELETE requests':
      unit.forgetRequests();
      return { status: 204 };
    case 'GET faults':
      return { status: 200, body: unit.faults.list() };
    case 'POST faults': {
      const rule = faultRuleSchema.safeParse(body);
      if (!rule.success) return { status: 400, body: { error: z.prettifyError(rule.error) } };
      return { status: 200, body: { id: unit.faults.inject(rule.data) } };
    }
    case 'DELETE faults':
      if (id === undefined) unit.faults.clear();
      else if (!unit.faults.remove(Number(id))) return { status: 404 };
      return { status: 204 };
    case 'POST forget-tokens':
      unit.forgetTokens();
      return { status: 204 };
    case 'POST reboot': {
      const reboot = rebootSchema.safeParse(body ?? {});
      if (!reboot.success) return { status: 400, body: { error: z.prettifyError(reboot.error) } };
      await unit.reboot(reboot.data.startUpMs === undefined ? {} : { startUpMs: reboot.data.startUpMs });
      return { status: 204 };
    }
    default:
      return { status: 404 };
  }
}

const logQuerySchema = z.strictObject({
  since: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).optional(),
  follow: z.enum(['true', 'false']).default('false'),
});

function logAnswer(log: LogHistory | undefined, method: string, parameters: URLSearchParams): ControlAnswer {
  if (log === undefined) return { status: 404 };
  if (method === 'DELETE') {
    log.forget();
    return { status: 204 };
  }
  if (method !== 'GET') return { status: 404 };
  const query = logQuerySchema.safeParse(Object.fromEntries(parameters));
  if (!query.success) return { status: 400, body: { error: z.prettifyError(query.error) } };
  const { since, limit, follow } = query.data;
  if (follow === 'true') return { status: 200, follow: { log, since } };
  return { status: 200, body: { lines: log.since(since, limit), latest: log.latest } };
}

/** Lines as they come; the connection ends with its reader or with the control port. */
function streamLog(outgoing: ServerResponse, log: LogHistory, since: number): void {
  outgoing.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  outgoing.flushHeaders();
  for (const { text } of log.since(since)) outgoing.write(`${text}\n`);
  const end = log.follow(({ text }) => outgoing.write(`${text}\n`));
  outgoing.once('close', end);
}

/** A JSON body; undefined when there is none, or it is none. */
async function readBody(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return undefined;
  }
}
