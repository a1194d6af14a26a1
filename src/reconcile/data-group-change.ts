import type { DesiredObject, Members, ObservedObject } from './device-object.js';
import type { DataGroupRecord } from '../icontrol/data-group-records.js';

/** Which records of a data group come, go and change. */
export interface RecordChanges {
  readonly added: readonly DataGroupRecord[];
  readonly changed: readonly DataGroupRecord[];
  readonly removed: readonly string[];
}

export function recordChanges(desired: Members, observed: Members): RecordChanges {
  const before = new Map(recordsOf(observed).map((record) => [record.name, record.data]));
  const after = recordsOf(desired);
  const names = new Set(after.map(({ name }) => name));
  return {
    added: after.filter(({ name }) => !before.has(name)),
    changed: after.filter(({ name, data }) => before.has(name) && before.get(name) !== data),
    removed: [...before.keys()].filter((name) => !names.has(name)),
  };
}

/** An empty data group is given without the member `records`; a record without a value may lack `data`. */
export function recordsOf(members: Members): DataGroupRecord[] {
  const records = members['records'];
  if (!Array.isArray(records)) return [];
  return records.map((record: Members) => ({
    name: String(record['name']),
    data: textOf(record['data']),
  }));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The change of a data group in words, a line a record; nothing for other kinds. */
export function describeDataGroupChange(
  object: DesiredObject,
  observed: ObservedObject | undefined,
): string[] {
  if (object.kind !== 'ltm/data-group/internal') return [];
  const { added, changed, removed } = recordChanges(object.members, observed?.members ?? {});
  return [
    ...added.map(({ name, data }) => `+ ${name}${data === '' ? '' : ` = ${shortened(data)}`}`),
    ...changed.map(({ name, data }) => `~ ${name} = ${shortened(data)}`),
    ...removed.map((name) => `- ${name}`),
  ];
}

/** A value that is a certificate tells people nothing. */
function shortened(data: string): string {
  return data.length > 300 ? `(${data.length} characters)` : data;
}
