import { addRecords, deleteRecords, modifyRecords } from '../icontrol/data-group-records.js';
import type { Command } from '../icontrol/request.js';
import { collectionPath, resourcePath } from '../icontrol/resource-path.js';
import type { Secret } from '../secret.js';
import { recordChanges } from './data-group-change.js';
import type { RecordChanges } from './data-group-change.js';
import type { DeviceKind, Members } from './device-object.js';
import { epochKey, ledgerKey, renderLedgerEntry } from './ledger.js';
import { ledgerName } from './names.js';
import { ownerMark } from './ownership.js';
import type { Change, Plan } from './plan.js';

/** One command of the transaction. */
export interface PlannedCommand {
  readonly command: Command;
  /** The file that is sent beforehand, and whose place becomes the command's `sourcePath`. */
  readonly upload?: Secret;
}

export interface ChangeSetOptions {
  readonly partition: string;
  /** Who writes: recorded with the epoch, unique to a run. */
  readonly holder: string;
}

const dataGroup = 'ltm/data-group/internal';
/** With more single records than this, the whole list is sent. */
const mostEdits = 50;

/**
 * Spells a plan as the commands of one transaction.
 *
 * The first ones are those of the ledger, and in it the fence: the record of epoch N is deleted and that of N+1 added,
 * both of which a device refuses when they were done already, so that a writer who started from the same state fails
 * as a whole. Then comes what is made, and last what is removed.
 */
export function changeSet(plan: Plan, { partition, holder }: ChangeSetOptions): PlannedCommand[] {
  const writes = plan.changes.filter(({ action }) => action !== 'remove');
  const removals = plan.changes.filter(({ action }) => action === 'remove');
  return [
    ...ledgerCommands(plan, partition, holder),
    ...writes.flatMap((change) => commandsFor(change, partition)),
    ...removals.flatMap((change) => commandsFor(change, partition)),
  ];
}

function commandsFor(change: Change, partition: string): PlannedCommand[] {
  const { kind, name } = change.object;
  if (change.action === 'remove') return [remove(kind, partition, name)];
  const { members, file } = change.object;
  const upload = typeof file === 'object' ? { upload: file.pem } : {};
  if (change.action === 'create') return [{ ...create(kind, partition, name, members), ...upload }];
  const changed = change.members.filter((member) => member !== 'checksum');
  if (kind === dataGroup && changed.every((member) => member === 'records')) {
    const edits = recordCommands(partition, name, recordChanges(members, change.observed.members));
    if (edits !== undefined) return edits;
  }
  const body = Object.fromEntries(changed.map((member) => [member, members[member]]));
  return [{ ...modify(kind, partition, name, body), ...(change.members.includes('checksum') ? upload : {}) }];
}

/** @returns undefined where sending the whole list is the safer or the shorter way */
function recordCommands(
  partition: string,
  name: string,
  { added, changed, removed }: RecordChanges,
): PlannedCommand[] | undefined {
  if (added.length + changed.length + removed.length > mostEdits) return undefined;
  const id = { partition, name };
  const parts = [
    ...(removed.length > 0 ? [deleteRecords(id, removed)] : []),
    ...(changed.length > 0 ? [modifyRecords(id, changed)] : []),
    ...(added.length > 0 ? [addRecords(id, added)] : []),
  ];
  const commands = parts.flatMap((part) => (part.ok ? part.value : []));
  return parts.every(({ ok }) => ok) ? commands.map((command) => ({ command })) : undefined;
}

function ledgerCommands(plan: Plan, partition: string, holder: string): PlannedCommand[] {
  const { epoch, ledger, noted = [] } = plan;
  const next = { name: epochKey(epoch + 1), data: holder };
  const made = plan.changes.flatMap((change) => (change.action === 'create' ? [change.object] : []));
  const listed = [...made, ...plan.unlisted].map(({ kind, name, facts }) =>
    renderLedgerEntry({ kind, name, facts: facts ?? {} }),
  );
  // What somebody removed by hand is made anew, and still stands in the ledger.
  const isKnown = (record: { readonly name: string }): boolean => ledger?.has(record.name) === true;
  const added = listed.filter((record) => !isKnown(record));
  const changed = [...noted.map(renderLedgerEntry), ...listed.filter(isKnown)];
  const removed = plan.changes.flatMap(({ action, object }) =>
    action === 'remove' ? [ledgerKey(object.kind, object.name)] : [],
  );
  if (ledger === undefined) {
    const records = [next, ...added];
    return [create(dataGroup, partition, ledgerName, { description: ownerMark(), type: 'string', records })];
  }
  const last = epoch === 0 ? [] : [epochKey(epoch)];
  const edits = recordCommands(partition, ledgerName, {
    removed: [...last, ...removed],
    changed,
    added: [next, ...added],
  });
  if (edits !== undefined) return edits;
  const renoted = new Map(changed.map((record) => [record.name, record]));
  const kept = [...ledger]
    .filter(([key]) => !removed.includes(key))
    .map(([key, entry]) => renoted.get(key) ?? renderLedgerEntry(entry));
  const fence = recordCommands(partition, ledgerName, { removed: last, changed: [], added: [] }) ?? [];
  return [...fence, modify(dataGroup, partition, ledgerName, { records: [next, ...kept, ...added] })];
}

function create(kind: DeviceKind, partition: string, name: string, members: Members): PlannedCommand {
  return { command: { method: 'POST', path: collectionPath(kind), body: { name, partition, ...members } } };
}

function modify(kind: DeviceKind, partition: string, name: string, members: Members): PlannedCommand {
  return { command: { method: 'PATCH', path: resourcePath(kind, { partition, name }), body: members } };
}

function remove(kind: DeviceKind, partition: string, name: string): PlannedCommand {
  return { command: { method: 'DELETE', path: resourcePath(kind, { partition, name }) } };
}
