import { createHash } from 'node:crypto';
import type { Desire } from '../reconcile/desire.js';
import { desiredObjects } from '../reconcile/desired.js';
import { objectKey } from '../reconcile/device-object.js';
import type { DesiredObject, DeviceKind } from '../reconcile/device-object.js';
import { serviceOf } from '../reconcile/ownership.js';
import type { Change } from '../reconcile/plan.js';

/** By object: what a reconcile left on the device, as a hash. */
export type LeftObjects = ReadonlyMap<string, string>;

/** Somebody else changed an object of the agent's on the device, and it was put back. */
export interface Drift {
  readonly kind: DeviceKind;
  readonly name: string;
  /** Absent for an object that services share. */
  readonly service?: string;
  /** `removed`: the whole object was gone. */
  readonly what: 'changed' | 'removed';
  /** Which members were other than they should be; empty for one that was gone. */
  readonly members: readonly string[];
  /** What putting it back changed, as a plan words it. */
  readonly details: readonly string[];
}

/**
 * What is on the device after a reconcile. Pure.
 *
 * @param notApplied services whose objects are not known to be as desired
 */
export function leftObjects(
  { device }: Pick<Desire, 'device'>,
  notApplied: ReadonlySet<string>,
): LeftObjects {
  const services = device.services.filter(({ config }) => !notApplied.has(config.name));
  return new Map(
    desiredObjects({ ...device, services }).map((object) => [objectKey(object), hashOf(object)]),
  );
}

/**
 * Changes that only put back what was there after the reconcile before: nothing in the cluster called for them, so
 * somebody changed the device. Pure.
 */
export function driftOf(before: LeftObjects, changes: readonly Change[]): Drift[] {
  return changes.flatMap((change): Drift[] => {
    if (change.action === 'remove') return [];
    const { object, details } = change;
    if (before.get(objectKey(object)) !== hashOf(object)) return [];
    const { kind, name } = object;
    const service = serviceOf(object);
    const owner = service === undefined ? {} : { service };
    return change.action === 'create'
      ? [{ kind, name, ...owner, what: 'removed', members: [], details }]
      : [{ kind, name, ...owner, what: 'changed', members: change.members, details }];
  });
}

/** `ltm/pool echo_pool: monitor changed` */
export function renderDrift({ kind, name, what, members }: Drift): string {
  return what === 'removed'
    ? `${kind} ${name} was removed`
    : `${kind} ${name}: ${members.join(', ')} changed`;
}

function hashOf({ members }: DesiredObject): string {
  const sorted = Object.entries(members).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('base64');
}
