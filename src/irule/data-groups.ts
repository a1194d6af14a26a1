import type { Allowlist, AllowlistEntry } from '../allowlist/allowlist.js';

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

/** A day; `recheck` beyond it would outlive most SVIDs. */
const maxRecheckSeconds = 86_400;

/**
 * What an allowlist looks like on the device, sorted by name and free of repetitions.
 *
 * Each record has a value, because `class match -value` answers an empty string both for a record without
 * one and for no record at all.
 *
 * @param trustDomains the trust domains whose callers the virtual server accepts; none of them means nobody.
 * @param options.recheckSeconds how often a live connection is decided about again, 1 to 86400; absent: never.
 * @throws RangeError when `recheckSeconds` is outside of that.
 */
export function renderDataGroups(
  { allow, deny, mode }: Allowlist,
  trustDomains: readonly string[],
  options: { readonly recheckSeconds?: number } = {},
): AllowlistDataGroups {
  const { recheckSeconds } = options;
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
    ],
  };
}

function names(entries: readonly AllowlistEntry[]): string[] {
  return entries.map(({ text }) => text);
}

/** Sorted by code unit, so that the order depends on no locale. */
function records(recordNames: readonly string[], data: string): DataGroupRecord[] {
  return [...new Set(recordNames)].toSorted().map((name) => ({ name, data }));
}
