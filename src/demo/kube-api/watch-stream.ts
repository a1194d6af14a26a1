import type { ServerResponse } from 'node:http';

import type { Clock } from '../../clock.js';
import { expired } from './api-error.js';
import { selection } from './collection.js';
import type { JsonObject } from './json.js';
import { objectAt } from './json.js';
import { presented } from './object-identity.js';
import { apiVersionOf, storageKey } from './resource.js';
import type { Resource } from './resource.js';
import type { Change, Store } from './store.js';

interface WatchRequest {
  readonly resource: Resource;
  readonly version: string;
  readonly namespace: string;
  readonly query: URLSearchParams;
}

/** How often a watch that allows it is told the current version. */
const bookmarkMs = 60_000;

/**
 * Streams the changes of a selection, one JSON object a line, until the client goes, the time is up or
 * `signal` aborts.
 *
 * Source of events and their order: Kubernetes API concepts, "Efficient detection of changes".
 */
export async function streamWatch(
  response: ServerResponse,
  { resource, version, namespace, query }: WatchRequest,
  { store, clock, signal }: { readonly store: Store; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const matches = selection(namespace, query);
  const send = (type: string, object: JsonObject): void => {
    response.write(`${JSON.stringify({ type, object })}\n`);
  };
  const bookmark = (): void => {
    const metadata = { resourceVersion: String(store.version), creationTimestamp: null };
    send('BOOKMARK', { kind: resource.kind, apiVersion: apiVersionOf(resource, version), metadata });
  };
  const forward = (change: Change): void => {
    if (change.resource !== storageKey(resource)) return;
    const type = seenAs(change, matches);
    if (type === undefined) return;
    // What stops matching is shown as it was when it did, at the version at which it stopped.
    const object = type === 'DELETED' ? (change.previous ?? change.object) : change.object;
    const metadata = { ...objectAt(object, 'metadata'), resourceVersion: String(change.version) };
    send(type, presented({ ...object, metadata }, resource, version));
  };

  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  const asked = query.get('resourceVersion') ?? '';
  if (asked === '' || asked === '0') {
    for (const object of store.all(resource).filter(matches))
      send('ADDED', presented(object, resource, version));
  } else if (Number(asked) < store.oldest) {
    send('ERROR', expired(asked, String(store.oldest)).status());
    response.end();
    return;
  } else {
    for (const change of store.changesAfter(Number(asked))) forward(change);
  }

  const over = new AbortController();
  const stop = (): void => over.abort();
  response.once('close', stop);
  signal.addEventListener('abort', stop, { once: true });
  const unsubscribe = store.subscribe(forward);
  const bookmarks = query.get('allowWatchBookmarks') === 'true';
  try {
    await endOfWatch(query, clock, over.signal, bookmarks ? bookmark : undefined);
  } finally {
    unsubscribe();
    signal.removeEventListener('abort', stop);
    response.end();
  }
}

/** Resolves when `timeoutSeconds` are over, after a last bookmark, or when the signal aborts. */
async function endOfWatch(
  query: URLSearchParams,
  clock: Clock,
  signal: AbortSignal,
  bookmark: (() => void) | undefined,
): Promise<void> {
  let leftMs = Number(query.get('timeoutSeconds') ?? '3600') * 1000;
  try {
    while (leftMs > 0) {
      const waitMs = bookmark === undefined ? leftMs : Math.min(leftMs, bookmarkMs);
      await clock.sleep(waitMs, signal);
      leftMs -= waitMs;
      bookmark?.();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** To a watcher of a selection, an object that begins to match is new, and one that stops is gone. */
function seenAs(
  { type, object, previous }: Change,
  matches: (object: JsonObject) => boolean,
): Change['type'] | undefined {
  const before = previous !== undefined && matches(previous);
  const now = type !== 'DELETED' && matches(object);
  if (!before && !now) return undefined;
  if (before && now) return 'MODIFIED';
  return now ? 'ADDED' : 'DELETED';
}
