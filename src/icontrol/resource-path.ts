import { AgentError } from '../errors.js';

/** Where an object stands. Objects without a partition (partitions themselves, for one) leave it out. */
export interface ResourceId {
  readonly partition?: string;
  /** Folders below the partition: `app` or `app/inner`. */
  readonly subPath?: string;
  readonly name: string;
}

/** @param kind the tmsh path in slashes, `ltm/pool` */
export function collectionPath(kind: string): string {
  return `/mgmt/tm/${kind}`;
}

/**
 * `/mgmt/tm/ltm/pool/~mesh~app~echo_pool`: folders are parted by `~`; the `%` of a route domain is `%25`.
 */
export function resourcePath(kind: string, id: ResourceId): string {
  const folders =
    id.partition === undefined
      ? []
      : [id.partition, ...(id.subPath === undefined ? [] : id.subPath.split('/'))];
  const parts = [...folders, id.name];
  const wrong = parts.find((part) => part === '' || /[~/?#\s]/.test(part));
  if (wrong !== undefined) {
    throw new AgentError(
      'MESH_ERR_BUG',
      `"${wrong}" cannot stand in the path of a ${kind}`,
      'Report this with the name of the object',
    );
  }
  const encoded = parts.map((part) => encodeURIComponent(part).replaceAll('%3A', ':'));
  return `${collectionPath(kind)}/${folders.length === 0 ? '' : '~'}${encoded.join('~')}`;
}

/** Reads `/mesh/app/echo_pool`, as objects name each other; a name without a slash has no partition. */
export function parseFullPath(fullPath: string): ResourceId {
  const parts = fullPath.split('/');
  const name = parts.at(-1) ?? '';
  const partition = parts[1];
  if (parts[0] !== '' || partition === undefined || parts.length < 3) return { name: fullPath };
  const subPath = parts.slice(2, -1).join('/');
  return { partition, ...(subPath === '' ? {} : { subPath }), name };
}
