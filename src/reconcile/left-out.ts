import { objectKey } from './device-object.js';
import type { ObservedDevice } from './observed.js';
import { serviceOf } from './ownership.js';
import type { Plan } from './plan.js';
import { isRootRecord } from './root-rotation/root-record.js';

/**
 * A policy over the plan: services of the config file that are left out of it keep all that they have, and with them
 * everything that services share, because one of those left out may use it.
 *
 * @param leftOut none of them is among the desired objects that the plan was made from
 */
export function keepLeftOut(plan: Plan, observed: ObservedDevice, leftOut: ReadonlySet<string>): Plan {
  if (leftOut.size === 0) return plan;
  const owners = new Map(observed.objects.map((object) => [objectKey(object), serviceOf(object)]));
  return {
    ...plan,
    changes: plan.changes.filter(({ action, object }) => {
      if (action !== 'remove') return true;
      const owner = owners.get(objectKey(object));
      return owner !== undefined && !leftOut.has(owner);
    }),
  };
}

/** A policy over the plan: who may call existing services, and nothing else. */
export function onlyAllowlists(plan: Plan): Plan {
  return {
    createPartition: false,
    changes: plan.changes.filter(
      ({ action, object }) =>
        action === 'modify' && object.kind === 'ltm/data-group/internal' && !isRootRecord(object),
    ),
    blockers: [],
    unlisted: [],
    epoch: plan.epoch,
    ledger: plan.ledger,
  };
}
