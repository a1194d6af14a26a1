import type { Target } from '../config/command.js';
import { fullPathFromUrl } from '../config/object-name.js';
import type { ResourceKind, Subcollection } from '../resources/resource-kind.js';
import type { ResourceTable } from '../resources/resource-table.js';

/** What a path below `/mgmt/tm` means. */
export type Route =
  | { readonly to: 'resource'; readonly target: Target; readonly stats: boolean }
  | { readonly to: 'computed'; readonly owner: Target; readonly subcollection: Subcollection }
  | { readonly to: 'organizing'; readonly path: string }
  | { readonly to: 'unknown' };

/** Reads the segments of a path, `ltm`, `pool`, `~Common~p`, `members`, each decoded once. */
export function route(segments: readonly string[], table: ResourceTable): Route {
  for (let length = Math.min(segments.length, 4); length > 0; length--) {
    const kind = table.find(segments.slice(0, length).join('/'));
    if (kind !== undefined) return withinKind(kind, segments.slice(length), table);
  }
  const path = segments.join('/');
  const organizes = table.topLevel.some((kind) => kind.path.startsWith(`${path}/`));
  return organizes ? { to: 'organizing', path } : { to: 'unknown' };
}

function withinKind(kind: ResourceKind, rest: readonly string[], table: ResourceTable): Route {
  const [id, sub, subId, ...more] = rest;
  if (id === undefined) return { to: 'resource', target: { kind }, stats: false };
  if (id === 'stats' && sub === undefined) return { to: 'resource', target: { kind }, stats: true };
  const target = { kind, fullPath: fullPathOf(kind, id) };
  if (sub === undefined) return { to: 'resource', target, stats: false };
  if (sub === 'stats' && subId === undefined) return { to: 'resource', target, stats: true };
  const subcollection = kind.subcollections?.find((candidate) => candidate.name === sub);
  if (subcollection === undefined || more.length > 1) return { to: 'unknown' };
  if (subcollection.kind === undefined) {
    return subId === undefined ? { to: 'computed', owner: target, subcollection } : { to: 'unknown' };
  }
  const parent = target.fullPath;
  const child = table.kind(subcollection.kind.path);
  if (subId === undefined) return { to: 'resource', target: { kind: child, parent }, stats: false };
  if (subId === 'stats') return { to: 'resource', target: { kind: child, parent }, stats: true };
  const item = { kind: child, parent, fullPath: fullPathOf(child, subId) };
  if (more[0] !== undefined && more[0] !== 'stats') return { to: 'unknown' };
  return { to: 'resource', target: item, stats: more[0] === 'stats' };
}

function fullPathOf(kind: ResourceKind, segment: string): string {
  if (kind.naming === 'bare') return segment;
  if (kind.naming === 'partitioned') return fullPathFromUrl(segment);
  return segment.startsWith('~') ? segment.replaceAll('~', '/') : `/${segment}`;
}
