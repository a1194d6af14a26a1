import { isKubeObject } from './object.js';
import type { KubeKind, KubeList } from './object.js';

/** One page of a list; the next one is asked for with `continue`, the last one has none. */
interface ListPage extends KubeList {
  readonly continue: string;
}

/**
 * Reads the answer to a list; undefined when it is none of this kind.
 *
 * Items of built-in kinds come without `apiVersion` and `kind`; they are filled in from the list's kind.
 */
export function parseListPage(body: unknown, kind: KubeKind): ListPage | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const list = body as Record<string, unknown>;
  if (list['kind'] !== `${kind.kind}List`) return undefined;
  const { resourceVersion, continue: next } = (list['metadata'] ?? {}) as Record<string, unknown>;
  // Go writes a list that was never filled as null; one that is missing is an answer of something else.
  const entries = list['items'] === null ? [] : list['items'];
  if (typeof resourceVersion !== 'string' || !Array.isArray(entries)) return undefined;
  const items = entries.map((item: unknown): unknown =>
    typeof item === 'object' ? { ...item, apiVersion: kind.apiVersion, kind: kind.kind } : item,
  );
  if (!items.every(isKubeObject)) return undefined;
  return { items, resourceVersion, continue: typeof next === 'string' ? next : '' };
}
