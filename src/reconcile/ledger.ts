import type { DataGroupRecord } from '../icontrol/data-group-records.js';
import type { DeviceKind } from './device-object.js';
import { kindsInOrder } from './device-object.js';

/**
 * What the agent wrote down on the device about its own objects: which they are, and what cannot be read back
 * from them (a certificate's notBefore).
 *
 * It is a data group; a record's name is `KIND:NAME`, its value `FACT=VALUE+...`, or
 * `owned` where there is nothing to remember. An object is removed only
 * if it carries the owner's mark and stands here: a mark alone may have been copied by hand.
 */
export type Ledger = ReadonlyMap<string, LedgerEntry>;

export interface LedgerEntry {
  readonly kind: DeviceKind;
  readonly name: string;
  readonly facts: Readonly<Record<string, string>>;
}

export function ledgerKey(kind: DeviceKind, name: string): string {
  return `${kind}:${name}`;
}

/** Reads the ledger; a record that this version does not know is left alone. */
export function parseLedger(records: readonly DataGroupRecord[]): Ledger {
  return new Map(
    records.flatMap((record) => {
      const separator = record.name.indexOf(':');
      const kind = kindsInOrder.find((known) => known === record.name.slice(0, separator));
      if (kind === undefined) return [];
      const facts = Object.fromEntries(
        record.data
          .split('+')
          .filter((fact) => fact.includes('='))
          .map((fact) => [fact.slice(0, fact.indexOf('=')), fact.slice(fact.indexOf('=') + 1)]),
      );
      return [[record.name, { kind, name: record.name.slice(separator + 1), facts }]];
    }),
  );
}

export function renderLedgerEntry({ kind, name, facts }: LedgerEntry): DataGroupRecord {
  const data = Object.entries(facts)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([fact, value]) => `${fact}=${value}`)
    .join('+');
  return { name: ledgerKey(kind, name), data: data === '' ? 'owned' : data };
}
