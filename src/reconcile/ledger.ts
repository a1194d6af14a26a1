import type { DataGroupRecord } from '../icontrol/data-group-records.js';
import type { DeviceKind } from './device-object.js';
import { kindsInOrder } from './device-object.js';

/**
 * What the agent wrote down on the device about its own objects: which they are, and what cannot be read back
 * from them (a certificate's notBefore).
 *
 * It is a data group; a record's name is `KIND:NAME`, its value `FACT=VALUE+...`, or
 * `owned` where there is nothing to remember. One more record, `epoch:N`, keeps writers apart. An object is removed only
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

/** The record of the epoch: how many changes were made so far; its value is the holder, who made the last one. */
export function epochKey(epoch: number): string {
  return `epoch:${epoch}`;
}

/** @returns the epoch that the ledger's records tell; 0 before the first change */
export function epochOf(records: readonly DataGroupRecord[]): number {
  return Math.max(0, ...records.map(({ name }) => Number(/^epoch:(\d+)$/.exec(name)?.[1] ?? 0)));
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
