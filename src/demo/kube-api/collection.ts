import { badRequest, expired } from './api-error.js';
import { objectAt } from './json.js';
import type { JsonObject } from './json.js';
import { presented } from './object-identity.js';
import { apiVersionOf } from './resource.js';
import type { Resource } from './resource.js';
import { parseFieldSelector, parseLabelSelector } from './selectors.js';
import type { Predicate } from './selectors.js';
import type { Store } from './store.js';

/** Which objects a list, a watch or a collective deletion is of. */
export function selection(namespace: string, query: URLSearchParams): Predicate {
  const labels = parseLabelSelector(query.get('labelSelector') ?? '');
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '');
  return (object) =>
    (namespace === '' || objectAt(object, 'metadata')['namespace'] === namespace) &&
    labels(object) &&
    fields(object);
}

interface Page {
  readonly version: number;
  readonly start: number;
}

/** A list, in pages when the client asks for them; later pages show the version of the first. */
export function listObjects(
  store: Store,
  resource: Resource,
  version: string,
  namespace: string,
  query: URLSearchParams,
): JsonObject {
  const limit = Number(query.get('limit') ?? '0');
  const page = parsePage(query, store);
  const objects = store.allAt(resource, page.version).filter(selection(namespace, query));
  const end = limit > 0 ? page.start + limit : objects.length;
  const items = objects.slice(page.start, end).map((object) => listItem(object, resource, version));
  const remaining = objects.length - page.start - items.length;
  return {
    kind: `${resource.kind}List`,
    apiVersion: apiVersionOf(resource, version),
    metadata: {
      resourceVersion: String(page.version),
      ...(remaining > 0
        ? { continue: renderPage({ version: page.version, start: end }), remainingItemCount: remaining }
        : {}),
    },
    items,
  };
}

/** Items of built-in kinds do not say what they are; those of custom resources do. */
function listItem(object: JsonObject, resource: Resource, version: string): JsonObject {
  if (resource.custom) return presented(object, resource, version);
  const { apiVersion: _v, kind: _k, ...rest } = presented(object, resource, version);
  return rest;
}

function parsePage(query: URLSearchParams, store: Store): Page {
  const token = query.get('continue');
  if (token === null || token === '') {
    const exact = query.get('resourceVersionMatch') === 'Exact';
    const version = exact ? Number(query.get('resourceVersion')) : store.version;
    if (version < store.oldest) throw expired(String(version), String(store.oldest));
    return { version, start: 0 };
  }
  const [version = NaN, start = NaN] = Buffer.from(token, 'base64url').toString().split(':').map(Number);
  if (!Number.isInteger(version) || !Number.isInteger(start)) {
    throw badRequest('continue key is not valid');
  }
  if (version < store.oldest) throw expired(String(version), String(store.oldest));
  return { version, start };
}

function renderPage({ version, start }: Page): string {
  return Buffer.from(`${version}:${start}`).toString('base64url');
}
