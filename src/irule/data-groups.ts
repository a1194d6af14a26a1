import type { Allowlist, AllowlistEntry } from '../allowlist/allowlist.js';
import type { RootIdentifier } from '../pki/root-identifier.js';

/** One record of an internal data group of type string. */
export interface DataGroupRecord {
  readonly name: string;
  readonly data: string;
}

/** The records of the three data groups that the rule reads for one virtual server. */
export interface AllowlistDataGroups {
  readonly allow: readonly DataGroupRecord[];
  readonly deny: readonly DataGroupRecord[];
  readonly settings: readonly DataGroupRecord[];
}

/** The roots of the trust bundle while some of them are to go. */
export interface RetiringRoots {
  readonly retiring: readonly RootIdentifier[];
  readonly staying: readonly RootIdentifier[];
}

interface DataGroupOptions {
  /** How often a live connection is decided about again, 1 to 86400; absent: never. */
  readonly recheckSeconds?: number;
  /** Makes the rule count callers that may need one of the retiring roots; absent, or none retiring: it does not. */
  readonly roots?: RetiringRoots;
}

/** A longer name, in bytes of DER, is not written: its record would be longer than that of the longest SPIFFE ID. */
const maxNameBytes = 1000;

/** A day; `recheck` beyond it would outlive most SVIDs. */
const maxRecheckSeconds = 86_400;

/**
 * What an allowlist looks like on the device, sorted by name and free of repetitions.
 *
 * Each record has a value, because `class match -value` answers an empty string both for a record without
 * one and for no record at all.
 *
 * @param trustDomains the trust domains whose callers the virtual server accepts; none of them means nobody.
 * @throws RangeError when `recheckSeconds` is outside of that.
 */
export function renderDataGroups(
  { allow, deny, mode }: Allowlist,
  trustDomains: readonly string[],
  options: DataGroupOptions = {},
): AllowlistDataGroups {
  const { recheckSeconds, roots } = options;
  if (
    recheckSeconds !== undefined &&
    !(Number.isInteger(recheckSeconds) && recheckSeconds >= 1 && recheckSeconds <= maxRecheckSeconds)
  ) {
    throw new RangeError(
      `recheckSeconds is ${recheckSeconds}, not a whole number from 1 to ${maxRecheckSeconds}`,
    );
  }
  return {
    allow: records(names(allow), 'allow'),
    deny: records(names(deny), 'deny'),
    settings: [
      ...records(['mode'], mode),
      ...(recheckSeconds === undefined ? [] : records(['recheck'], String(recheckSeconds))),
      ...records(
        trustDomains.map((trustDomain) => `trust-domain/${trustDomain}`),
        '1',
      ),
      ...(roots === undefined ? [] : rootRecords(roots)),
    ],
  };
}

/**
 * What tells the rule whether a caller's chain leads to a root that stays.
 *
 * An identifier that a root of another key shares, one that is to go, says nothing and is left out; so are all of them
 * when it is not known how such a root is named. Where the rule cannot tell, it counts the caller as one that may need
 * the old root, and that one is kept the longer.
 */
function rootRecords({ retiring, staying }: RetiringRoots): DataGroupRecord[] {
  if (retiring.length === 0) return [];
  const tells = (root: RootIdentifier, identifier: 'keyId' | 'subject'): boolean =>
    retiring.every(
      (other) =>
        other.publicKey === root.publicKey ||
        (other.subject !== undefined && other[identifier] !== root[identifier]),
    );
  const names = staying.flatMap((root) => [
    ...(root.keyId !== undefined && tells(root, 'keyId') ? [`root/${root.keyId}`] : []),
    ...(root.subject !== undefined && root.subject.length <= 2 * maxNameBytes && tells(root, 'subject')
      ? [`root-dn/${root.subject}`]
      : []),
  ]);
  return records(['retiring', ...names], '1');
}

function names(entries: readonly AllowlistEntry[]): string[] {
  return entries.map(({ text }) => text);
}

/** Sorted by code unit, so that the order depends on no locale. */
function records(recordNames: readonly string[], data: string): DataGroupRecord[] {
  return [...new Set(recordNames)].toSorted().map((name) => ({ name, data }));
}
