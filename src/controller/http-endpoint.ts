import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isIPv6 } from 'node:net';
import { AgentError } from '../errors.js';
import type { Metrics } from './metrics.js';

interface HttpEndpointOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly metrics: Pick<Metrics, 'contentType' | 'render'>;
  /** Told of each scrape, after its answer is made. */
  readonly onScrape?: () => void;
  /** What keeps the process from being alive or ready, a line each; asked at each request, never waits for work. */
  readonly live: () => readonly string[];
  readonly ready: () => readonly string[];
  /** What is to be known of a process that is ready all the same, a line each. */
  readonly notes?: () => readonly string[];
}

export interface HttpEndpoint {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  close(): Promise<void>;
}

interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/**
 * Serves `/healthz`, `/readyz` and `/metrics` in plain HTTP: nothing there is secret, and nothing can be changed.
 *
 * @throws AgentError MESH_ERR_CONTROLLER_LISTEN when the address cannot be had
 */
export async function startHttpEndpoint(options: HttpEndpointOptions): Promise<HttpEndpoint> {
  const { host, port } = options.listen;
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const { status, contentType, text } = await answerTo(request.method, request.url, options);
      response.writeHead(status, { 'content-type': contentType });
      response.end(request.method === 'HEAD' ? undefined : text);
    };
    void answer();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ code = 'unknown error' }: NodeJS.ErrnoException) =>
      reject(
        new AgentError(
          'MESH_ERR_CONTROLLER_LISTEN',
          `cannot listen on ${host}:${port} for health and metrics (${code})`,
          'give an address of this machine and a free port with --http',
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const shown = isIPv6(address.address) ? `[${address.address}]` : address.address;
  return {
    url: `http://${shown}:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answerTo(
  method: string | undefined,
  url: string | undefined,
  { metrics, onScrape, live, ready, notes }: HttpEndpointOptions,
): Promise<HttpAnswer> {
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET');
  const path = url?.replace(/\?.*$/s, '');
  if (path === '/healthz') return verdict(live());
  if (path === '/readyz') return verdict(ready(), notes?.());
  if (path !== '/metrics') return plain(404, 'there are /healthz, /readyz and /metrics');
  const text = await metrics.render();
  onScrape?.();
  return { status: 200, contentType: metrics.contentType, text };
}

function verdict(problems: readonly string[], notes: readonly string[] = []): HttpAnswer {
  return problems.length === 0 ? plain(200, ['ok', ...notes].join('\n')) : plain(503, problems.join('\n'));
}

function plain(status: number, text: string): HttpAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', text: `${text}\n` };
}
