import type { AgentConfig, DeviceConfig } from '../config/schema.js';
import type { AgentError } from '../errors.js';
import { isRefusal } from './apply-isolated.js';
import { applyPlan } from './apply-plan.js';
import type { ApplyOptions } from './apply-plan.js';
import { desireCallers } from './desire-callers.js';
import type { DesireOptions } from './desire.js';
import { allowlistObjects } from './desired.js';
import type { ObservedObject } from './device-object.js';
import { onlyAllowlists } from './left-out.js';
import { observeDataGroups, stateOf } from './observe.js';
import { isEmptyPlan, planDevice } from './plan.js';
import type { Change } from './plan.js';
import type { ReconcilePorts } from './run-once.js';
import { makeLast, requireWritable } from './units.js';

interface AllowlistsFirst {
  /** What was changed, and is saved. */
  readonly changes: readonly Change[];
  /** The data groups as they are; undefined when they have to be read again. */
  readonly dataGroups?: readonly ObservedObject[];
  readonly notSynchronised?: AgentError | undefined;
}

/**
 * Brings changes of who may call to the device before anything else is looked at: six requests until a revocation is
 * enforced, and it waits for no certificate, no roots and no other object.
 *
 * A change that the device refuses is left to the reconcile, which finds out whose it is.
 *
 * @throws what concerns the device as a whole
 */
export async function applyAllowlistsFirst(
  config: AgentConfig,
  device: DeviceConfig,
  { allowlists, client, meshFacts, onStep, units }: ReconcilePorts,
  options: ApplyOptions & DesireOptions,
): Promise<AllowlistsFirst> {
  const dataGroups = await observeDataGroups(client, device.partition, options.signal);
  const observed = { ...stateOf(dataGroups), tmosVersion: '' };
  if (observed.ledger === undefined) return { changes: [], dataGroups };
  const callers = await desireCallers(config, device, observed, { allowlists, meshFacts }, options);
  const plan = onlyAllowlists(planDevice(callers.flatMap(allowlistObjects), observed));
  if (isEmptyPlan(plan)) return { changes: [], dataGroups };
  onStep('apply');
  try {
    await requireWritable(units, client, plan, options);
    await applyPlan(client, plan, options);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { changes: [] };
  }
  return { changes: plan.changes, notSynchronised: await makeLast(units, client, true) };
}
