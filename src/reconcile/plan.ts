import { differingMembers } from './canonical.js';
import { describeDataGroupChange } from './data-group-change.js';
import { kindsInOrder, objectKey } from './device-object.js';
import type { DesiredObject, DeviceKind, ObservedObject } from './device-object.js';
import { ledgerKey } from './ledger.js';
import type { Ledger, LedgerEntry } from './ledger.js';
import type { ObservedDevice } from './observed.js';
import { isOwned } from './ownership.js';

/** One object that has to change, in words and as data. */
export type Change =
  | { readonly action: 'create'; readonly object: DesiredObject; readonly details: readonly string[] }
  | {
      readonly action: 'modify';
      readonly object: DesiredObject;
      readonly observed: ObservedObject;
      readonly members: readonly string[];
      readonly details: readonly string[];
    }
  | {
      readonly action: 'remove';
      readonly object: { readonly kind: DeviceKind; readonly name: string };
      readonly details: readonly string[];
    };

/** An object that stands in the way and is not ours to touch. */
export interface Blocker {
  readonly kind: DeviceKind;
  readonly name: string;
  readonly reason: string;
}

/**
 * The ordered changes that take the device from observed to desired.
 *
 * | observed | desired | outcome |
 * |---|---|---|
 * | absent | yes | create |
 * | ours, same members | yes | nothing |
 * | ours, other members | yes | modify |
 * | not ours | yes | blocked |
 * | ours and in the ledger | no | remove |
 * | otherwise | no | nothing |
 */
export interface Plan {
  readonly createPartition: boolean;
  readonly changes: readonly Change[];
  readonly blockers: readonly Blocker[];
  /** Owned objects that the ledger does not list yet and will. */
  readonly unlisted: readonly DesiredObject[];
  /** Entries of the ledger whose facts become others, with all their facts. */
  readonly noted?: readonly LedgerEntry[];
  /** The state that the plan starts from; the fence of the transaction. */
  readonly epoch: number;
  readonly ledger: Ledger | undefined;
}

/** Pure: no I/O, no clock, the same order each time. */
export function planDevice(desired: readonly DesiredObject[], observed: ObservedDevice): Plan {
  const present = new Map(observed.objects.map((object) => [objectKey(object), object]));
  const wanted = new Set(desired.map(objectKey));
  const writes = inOrder(desired).map((object) => planObject(object, present.get(objectKey(object))));
  const removals = inOrder(observed.objects)
    .toReversed()
    .filter((object) => !wanted.has(objectKey(object)) && isRemovable(object, observed.ledger))
    .map(({ kind, name }): Change => ({ action: 'remove', object: { kind, name }, details: [] }));
  const ledger = observed.ledger;
  return {
    createPartition: !observed.partitionExists,
    changes: [
      ...writes.flatMap((outcome) => (outcome !== undefined && 'action' in outcome ? [outcome] : [])),
      ...removals,
    ],
    blockers: writes.flatMap((outcome) => (outcome !== undefined && 'reason' in outcome ? [outcome] : [])),
    unlisted: desired.filter(
      (object) => present.has(objectKey(object)) && ledger?.has(ledgerKey(object.kind, object.name)) !== true,
    ),
    epoch: observed.epoch,
    ledger,
  };
}

/** True when carrying out the plan would send nothing. */
export function isEmptyPlan(plan: Plan): boolean {
  return (
    !plan.createPartition &&
    plan.changes.length === 0 &&
    plan.blockers.length === 0 &&
    plan.unlisted.length === 0
  );
}

function planObject(
  object: DesiredObject,
  observed: ObservedObject | undefined,
): Change | Blocker | undefined {
  const { kind, name } = object;
  if (observed === undefined) {
    if (object.file === 'kept')
      return { kind, name, reason: 'was there when the device was read and is gone' };
    return { action: 'create', object, details: describeDataGroupChange(object, undefined) };
  }
  if (!isOwned(observed)) return { kind, name, reason: 'was not made by the agent' };
  const members = differingMembers(kind, object.members, observed.members);
  if (typeof object.file === 'object' && observed.members['checksum'] !== object.file.checksum)
    members.push('checksum');
  if (members.length === 0) return undefined;
  return { action: 'modify', object, observed, members, details: describeDataGroupChange(object, observed) };
}

function isRemovable(object: ObservedObject, ledger: Ledger | undefined): boolean {
  return isOwned(object) && ledger?.has(ledgerKey(object.kind, object.name)) === true;
}

function inOrder<T extends { readonly kind: DeviceKind; readonly name: string }>(objects: readonly T[]): T[] {
  return kindsInOrder.flatMap((kind) => objects.filter((object) => object.kind === kind));
}
