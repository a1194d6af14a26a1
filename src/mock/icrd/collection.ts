import type { ConfigObject } from '../config/configuration.js';
import { tmshRefusal } from '../config/refusal.js';
import type { Json, JsonObject } from '../json.js';
import { link } from '../resources/link.js';
import { isAtLeast } from '../tmos-version.js';
import type { TmosVersion } from '../tmos-version.js';

/** The query options that collections understand. */
interface CollectionQuery {
  readonly filter: (object: ConfigObject) => boolean;
  readonly select: (item: JsonObject) => JsonObject;
  readonly top: number | undefined;
  readonly skip: number;
}

/** @throws Refusal for a filter other than `partition eq X`, the only one that devices are known to honour. */
export function parseCollectionQuery(query: URLSearchParams): CollectionQuery {
  const filter = query.get('$filter');
  const partition = filter === null ? undefined : /^\s*partition\s+eq\s+'?([\w.-]+)'?\s*$/.exec(filter)?.[1];
  if (filter !== null && partition === undefined) throw tmshRefusal(`invalid filter "${filter}"`);
  const select = query.get('$select');
  const names = select === null ? undefined : new Set(select.split(',').map((name) => name.trim()));
  return {
    filter: (object) => partition === undefined || object.name.partition === partition,
    select: (item) =>
      names === undefined
        ? item
        : Object.fromEntries(Object.entries(item).filter(([name]) => names.has(name))),
    top: numberOf(query, '$top'),
    skip: numberOf(query, '$skip') ?? 0,
  };
}

/** A collection's answer; a page of it, when `$top` asked for one, names the next. */
export function renderCollection(
  kindName: string,
  path: string,
  items: readonly JsonObject[],
  query: URLSearchParams,
  tmos: TmosVersion,
): JsonObject {
  const { select, top, skip } = parseCollectionQuery(query);
  const page = items.slice(skip, top === undefined ? undefined : skip + top).map(select);
  const body: Record<string, Json> = { kind: kindName, selfLink: link(path, tmos, query.toString()) };
  if (top !== undefined) {
    Object.assign(body, {
      currentItemCount: page.length,
      itemsPerPage: top,
      pageIndex: top === 0 ? 1 : Math.floor(skip / top) + 1,
      startIndex: skip + 1,
      totalItems: items.length,
      totalPages: top === 0 ? 0 : Math.ceil(items.length / top),
    });
  }
  // Devices before 14 leave the member out of an empty collection.
  if (page.length > 0 || isAtLeast(tmos, '14.0')) body['items'] = page;
  if (top !== undefined && top > 0 && skip + top < items.length) {
    const next = new URLSearchParams(query);
    next.set('$skip', String(skip + top));
    body['nextLink'] = link(path, tmos, next.toString());
  }
  return body;
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  if (!/^\d+$/.test(value)) throw tmshRefusal(`invalid value "${value}" for ${name}`);
  return Number(value);
}
