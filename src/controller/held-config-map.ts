import type { Allowlist, AllowlistEntry, AllowlistRefusal } from '../allowlist/allowlist.js';
import { mergeAllowlists } from '../allowlist/merge-allowlists.js';
import { nearest } from '../config/nearest.js';
import type { KubeObject } from '../kube/object.js';
import { parseAllowlistObject } from '../reconcile/read-allowlist.js';

/** One allowlist ConfigMap as it was last seen, and what of it stays in force while it is partly unreadable. */
export interface HeldConfigMap {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly allowlist: Allowlist;
  /** Lines and keys that were set aside and change who may call. */
  readonly refusals: readonly AllowlistRefusal[];
  /** Whether one of them may deny somebody. */
  readonly isDenyRefused: boolean;
  /** Every deny entry that was read since all of them last could be; those as well. */
  readonly keptDeny: readonly AllowlistEntry[];
  /** Whether all of them ever could be read since the agent started. */
  readonly wasDenyWhole: boolean;
}

/**
 * What to hold of a ConfigMap.
 *
 * A refused line of `allow` admits nobody, so it is set aside. A refused line of `deny` would re-admit somebody, so the
 * deny entries of before stay besides those that can be read, until all of them can be read again.
 *
 * @param before what was held of the very same ConfigMap
 */
export function holdConfigMap(
  namespace: string,
  object: KubeObject,
  before: HeldConfigMap | undefined,
): HeldConfigMap {
  const { allowlist, refusals } = parseAllowlistObject(namespace, object);
  const harmful = refusals.filter(({ isRedundant }) => isRedundant !== true);
  const isDenyRefused = harmful.some(concernsDeny);
  const { name, uid = '', resourceVersion = '' } = object.metadata;
  return {
    namespace,
    name,
    uid,
    resourceVersion,
    allowlist,
    refusals: harmful,
    isDenyRefused,
    keptDeny: isDenyRefused ? union(before?.keptDeny ?? [], allowlist.deny) : allowlist.deny,
    wasDenyWhole: !isDenyRefused || before?.wasDenyWhole === true,
  };
}

/**
 * Who may call, by all ConfigMaps of a service together.
 *
 * @param installed what the device enforces: it knows the deny entries that were last good before the agent started
 */
export function heldAllowlist(
  configMaps: readonly HeldConfigMap[],
  installed: Allowlist | undefined,
): Allowlist {
  return mergeAllowlists(
    configMaps.map(({ allowlist, keptDeny, wasDenyWhole }) => {
      const earlier = wasDenyWhole ? [] : (installed?.deny ?? []);
      return { ...allowlist, deny: [...keptDeny, ...earlier] };
    }),
  );
}

/** One entry a text, the later one. */
function union(before: readonly AllowlistEntry[], now: readonly AllowlistEntry[]): readonly AllowlistEntry[] {
  return [...new Map([...before, ...now].map((entry) => [entry.text, entry])).values()];
}

/** A line of `deny`, or a key that was meant to be it. */
function concernsDeny({ key, line }: AllowlistRefusal): boolean {
  return key === 'deny' || (line === undefined && nearest(key, ['allow', 'deny', 'mode']) === 'deny');
}
