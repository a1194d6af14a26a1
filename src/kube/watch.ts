import type { Clock } from '../clock.js';
import type { AgentError } from '../errors.js';
import type { ApiCall, ApiServer, CallOptions } from './api-server.js';
import { parseStatus, saysExpired, statusError, unreachable } from './api-status.js';
import type { ApiStatus } from './api-status.js';
import { isKubeObject } from './object.js';
import type { KubeObject } from './object.js';
import { queryString } from './resource-path.js';
import type { Query } from './resource-path.js';

/**
 * How a watch ended.
 *
 * - `closed`: the server ended it in good order; watch again from `resourceVersion`, nothing was missed.
 * - `expired`: the server no longer holds what came after the version; list again.
 * - `failed`: the connection broke, fell silent or was refused; list again, after a while.
 */
export type WatchEnd =
  | { readonly reason: 'closed'; readonly resourceVersion: string }
  | { readonly reason: 'expired' }
  | { readonly reason: 'failed'; readonly error: AgentError };

export type WatchEvent =
  | { readonly type: 'added' | 'modified' | 'deleted'; readonly object: KubeObject }
  | { readonly type: 'bookmark'; readonly resourceVersion: string }
  | ({ readonly type: 'ended' } & WatchEnd);

export interface WatchOptions extends CallOptions {
  readonly resourceVersion: string;
  /** When the server is to end the watch, so that a dead connection is noticed; default 300 s. */
  readonly watchSeconds?: number;
}

/** How much longer than `watchSeconds` a stream may last before it counts as dead. */
const graceMs = 30_000;

const objectEvents = { ADDED: 'added', MODIFIED: 'modified', DELETED: 'deleted' } as const;

type StreamEvent = Exclude<WatchEvent, { readonly type: 'ended' }>;

/** @throws the signal's reason when it aborts; every other end is the last event. */
export async function* watchCollection(
  api: ApiServer,
  clock: Clock,
  call: ApiCall,
  selectors: Query,
  options: WatchOptions,
): AsyncGenerator<WatchEvent, void> {
  const { resourceVersion, watchSeconds = 300 } = options;
  const query = queryString({
    ...selectors,
    watch: true,
    allowWatchBookmarks: true,
    resourceVersion,
    timeoutSeconds: watchSeconds,
  });
  const end = yield* streamEvents(api, clock, { ...call, path: `${call.path}${query}` }, options);
  yield { type: 'ended', ...end };
}

/** Everything is released before the end is told. */
async function* streamEvents(
  api: ApiServer,
  clock: Clock,
  call: ApiCall,
  options: WatchOptions,
): AsyncGenerator<StreamEvent, WatchEnd> {
  const { watchSeconds = 300, signal } = options;
  let { resourceVersion } = options;
  signal?.throwIfAborted();
  const stream = new AbortController();
  const forward = (): void => stream.abort(signal?.reason);
  signal?.addEventListener('abort', forward, { once: true });
  const finished = new AbortController();
  const expire = clock.sleep(watchSeconds * 1000 + graceMs, finished.signal).then(
    () => stream.abort(unreachable(api.attempt(call), `the watch outlived its ${watchSeconds} s`)),
    () => undefined,
  );
  try {
    const opened = await api.open(call, { ...options, signal: stream.signal });
    if (!opened.ok) return endOf(opened.status, api, call);
    for await (const line of lines(opened.body)) {
      const event = parseEvent(line, api, call);
      if ('reason' in event) return event;
      resourceVersion =
        event.type === 'bookmark'
          ? event.resourceVersion
          : (event.object.metadata.resourceVersion ?? resourceVersion);
      yield event;
    }
    return { reason: 'closed', resourceVersion };
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    return { reason: 'failed', error: api.failure(call, error) };
  } finally {
    signal?.removeEventListener('abort', forward);
    finished.abort();
    stream.abort(new Error('the watch is over'));
    await expire;
  }
}

function endOf(status: ApiStatus, api: ApiServer, call: ApiCall): WatchEnd {
  return saysExpired(status)
    ? { reason: 'expired' }
    : { reason: 'failed', error: statusError(status, api.attempt(call)) };
}

function parseEvent(line: string, api: ApiServer, call: ApiCall): StreamEvent | WatchEnd {
  const { type, object } = JSON.parse(line) as { type?: unknown; object?: unknown };
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') {
    if (isKubeObject(object)) return { type: objectEvents[type], object };
  } else if (type === 'BOOKMARK') {
    const version = (object as { metadata?: { resourceVersion?: unknown } } | null)?.metadata
      ?.resourceVersion;
    if (typeof version === 'string') return { type: 'bookmark', resourceVersion: version };
  } else if (type === 'ERROR') {
    return endOf(parseStatus(500, object), api, call);
  }
  throw unreachable(api.attempt(call), 'a watch event cannot be read');
}

/** A line that the stream's end cut off is a broken connection, not an event. */
async function* lines(body: AsyncIterable<Buffer>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) if (part.trim() !== '') yield part;
  }
  if (rest.trim() !== '') throw new SyntaxError('a line without its end');
}
