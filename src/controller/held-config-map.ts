import type { Allowlist, AllowlistEntry, LineRefusal } from '../allowlist/allowlist.js';
import { mergeAllowlists } from '../allowlist/merge-allowlists.js';
import type { ParsedAllowlist } from '../allowlist/parse-allowlist.js';
import { nearest } from '../config/nearest.js';
import { kinds } from '../kube/kinds.js';
import type { KubeObject } from '../kube/object.js';
import { parseAllowlistObject } from '../reconcile/read-allowlist.js';
import type { HeldSource } from './held-source.js';

/** One allowlist ConfigMap as it was last seen, and what of it stays in force while it is partly unreadable. */
export interface HeldConfigMap extends HeldSource {
  readonly refusals: readonly LineRefusal[];
  readonly allowlist: Allowlist;
  /** Every deny entry that was read since both lists last could be; those as well. */
  readonly keptDeny: readonly AllowlistEntry[];
  /** Whether all of them ever could be read, with the allow entries, since the agent started. */
  readonly wasDenyWhole: boolean;
  /** The allow entries; while `allow` is there and is no text, those of before. */
  readonly keptAllow: readonly AllowlistEntry[];
  /** Whether `allow` ever was text, or was not there, since the agent started. */
  readonly wasAllowText: boolean;
}

/**
 * What to hold of a ConfigMap.
 *
 * A refused line of `allow` admits nobody, so it is set aside. A refused line of `deny` would re-admit somebody, so the
 * deny entries of before stay besides those that can be read, until all of them can be read again. Of an `allow` that is
 * no text nothing can be said, not even that it is empty, so what it said before stays, and with it whom it left out:
 * the deny entries of before.
 *
 * @param before what was held of the very same ConfigMap
 */
export function holdConfigMap(
  namespace: string,
  object: KubeObject,
  before: HeldConfigMap | undefined,
  { allowlist, refusals }: ParsedAllowlist = parseAllowlistObject(namespace, object),
): HeldConfigMap {
  const harmful = refusals.filter(({ isRedundant }) => isRedundant !== true);
  const isDenyRefused = harmful.some(concernsDeny);
  const isAllowNoText = harmful.some(({ key, line }) => key === 'allow' && line === undefined);
  const isDenyKept = isDenyRefused || isAllowNoText;
  const { name, uid = '', resourceVersion = '' } = object.metadata;
  return {
    kind: kinds.configMap,
    namespace,
    name,
    uid,
    resourceVersion,
    allowlist,
    refusals: harmful,
    isDenyKept,
    keptDeny: isDenyKept ? union(before?.keptDeny ?? [], allowlist.deny) : allowlist.deny,
    wasDenyWhole: !isDenyKept || before?.wasDenyWhole === true,
    keptAllow: isAllowNoText ? (before?.keptAllow ?? []) : allowlist.allow,
    wasAllowText: !isAllowNoText || before?.wasAllowText === true,
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
    configMaps.map(({ allowlist, keptAllow, keptDeny, wasDenyWhole }) => {
      const earlier = wasDenyWhole ? [] : (installed?.deny ?? []);
      return { ...allowlist, allow: keptAllow, deny: [...keptDeny, ...earlier] };
    }),
  );
}

/** One entry a text, the later one. */
function union(before: readonly AllowlistEntry[], now: readonly AllowlistEntry[]): readonly AllowlistEntry[] {
  return [...new Map([...before, ...now].map((entry) => [entry.text, entry])).values()];
}

/** A line of `deny`, or a key that was meant to be it. */
function concernsDeny({ key, line }: LineRefusal): boolean {
  return key === 'deny' || (line === undefined && nearest(key, ['allow', 'deny', 'mode']) === 'deny');
}
