import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Clock } from '../../clock.js';
import { ApiError, unknownPath } from './api-error.js';
import { discover } from './discovery.js';
import type { JsonObject } from './json.js';
import { openApi } from './openapi.js';
import type { JudgedAction } from './rbac.js';
import type { Registry } from './registry.js';
import { parsePath } from './request-path.js';
import { answerResource } from './resource-requests.js';
import type { ResourceTable } from './resource-table.js';
import { answerReview, isReview } from './reviews.js';
import type { Store } from './store.js';
import type { Users } from './users.js';

export interface ServerState {
  readonly store: Store;
  readonly resources: ResourceTable;
  readonly registry: Registry;
  readonly users: Users;
  /** Told of each request that was judged by RBAC. */
  readonly onAction: (action: JudgedAction) => void;
  readonly clock: Clock;
  /** Aborts when every watch is to end. */
  readonly watches: AbortSignal;
}

/** A request on its way through the server. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly state: ServerState;
}

export interface Answer {
  readonly code: number;
  readonly body: JsonObject;
}

/** Answers one request; every refusal is a `Status` object. */
export async function answerRequest(exchange: Exchange): Promise<void> {
  const { response } = exchange;
  try {
    const answer = await route(exchange);
    if (answer !== 'streamed') send(response, answer);
  } catch (error) {
    const refusal =
      error instanceof ApiError
        ? error
        : new ApiError(500, 'InternalError', `Internal error occurred: ${String(error)}`);
    if (response.headersSent) response.destroy();
    else send(response, { code: refusal.code, body: refusal.status() });
  }
}

async function route(exchange: Exchange): Promise<Answer | 'streamed'> {
  const { request, url, state } = exchange;
  const open = openAnswer(url.pathname);
  if (open !== undefined) return open;
  const user = state.users.authenticate(request.headers.authorization);
  if (user === undefined) throw new ApiError(401, 'Unauthorized', 'Unauthorized');
  const target = parsePath(url.pathname);
  if (target.kind === 'resource') {
    return isReview(target)
      ? { code: 201, body: await answerReview(exchange, target, user) }
      : answerResource(exchange, target, user);
  }
  if (request.method !== 'GET') throw unknownPath();
  if (target.kind !== 'plain') {
    return { code: 200, body: discover(target, state.resources) };
  }
  if (target.path === '/openid/v1/jwks') {
    return { code: 200, body: state.users.keySet() as unknown as JsonObject };
  }
  return { code: 200, body: openApi(target.path, state.resources) };
}

/** What answers without credentials. */
function openAnswer(path: string): Answer | undefined {
  if (path === '/healthz' || path === '/livez' || path === '/readyz') {
    return { code: 200, body: { status: 'ok' } };
  }
  if (path !== '/version') return undefined;
  return { code: 200, body: { major: '1', minor: '32', gitVersion: 'v1.32.0', platform: 'linux/amd64' } };
}

function send(response: ServerResponse, { code, body }: Answer): void {
  response.writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.end(`${JSON.stringify(body)}\n`);
}
