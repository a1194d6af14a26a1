import type { Allowlist, AllowlistEntry } from './allowlist.js';

/**
 * Adds up what several ConfigMaps say about one mesh service.
 *
 * An entry of several origins keeps the first one (by namespace, ConfigMap, line); `enforce` of one wins over
 * `audit` of others; entries stand in the order of their text. Nothing to merge gives an empty list in `enforce`:
 * nobody gets in. Deny wins when deciding, so both lists are kept whole.
 */
export function mergeAllowlists(allowlists: readonly Allowlist[]): Allowlist {
  return {
    allow: union(allowlists.flatMap(({ allow }) => allow)),
    deny: union(allowlists.flatMap(({ deny }) => deny)),
    mode: allowlists.length > 0 && allowlists.every(({ mode }) => mode === 'audit') ? 'audit' : 'enforce',
  };
}

function union(entries: readonly AllowlistEntry[]): AllowlistEntry[] {
  const byText = new Map<string, AllowlistEntry>();
  for (const entry of entries.toSorted(byOrigin)) {
    if (!byText.has(entry.text)) byText.set(entry.text, entry);
  }
  return [...byText.values()].toSorted((a, b) => compare(a.text, b.text));
}

function byOrigin({ origin: a }: AllowlistEntry, { origin: b }: AllowlistEntry): number {
  return compare(a.namespace, b.namespace) || compare(a.configMap, b.configMap) || a.line - b.line;
}

/** By code unit: the same on every machine, whatever its locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
