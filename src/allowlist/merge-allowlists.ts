import type { Allowlist, AllowlistEntry, EntryOrigin } from './allowlist.js';

/**
 * Adds up what several ConfigMaps say about one mesh service.
 *
 * An entry of several origins keeps the first one (ConfigMaps by namespace, name and line, then AuthorizationPolicies); `enforce` of one wins over
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
  return (
    compare(rankOf(a), rankOf(b)) ||
    compare(a.namespace, b.namespace) ||
    compare(nameOf(a), nameOf(b)) ||
    (a.policy === undefined && b.policy === undefined ? a.line - b.line : 0)
  );
}

/** A line of a ConfigMap names a caller more plainly than a rule does, so it comes first. */
function rankOf({ policy }: EntryOrigin): number {
  return policy === undefined ? 0 : 1;
}

function nameOf(origin: EntryOrigin): string {
  return origin.policy ?? origin.configMap;
}

/** By code unit: the same on every machine, whatever its locale. */
function compare<T extends string | number>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
