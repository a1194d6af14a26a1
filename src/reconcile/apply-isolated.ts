import type { ErrorCode } from '../errors.js';
import type { Clock } from '../clock.js';
import { DeviceError } from '../icontrol/errors.js';
import type { IControlClient } from '../icontrol/client.js';
import { applyPlan, blockedBy } from './apply-plan.js';
import type { ApplyOptions } from './apply-plan.js';
import type { Desire } from './desire.js';
import type { OnServiceFailure } from './service-failure.js';
import { observeDevice } from './observe.js';
import type { ObservedDevice } from './observed.js';
import { isEmptyPlan } from './plan.js';
import type { Plan } from './plan.js';
import { blockedServices, planServices } from './plan-services.js';

interface IsolatedOptions extends ApplyOptions {
  readonly configured: readonly string[];
  readonly clock: Clock;
  readonly onServiceFailure: OnServiceFailure;
}

export interface IsolatedApply {
  readonly isChanged: boolean;
  /** Services that are not, or not wholly, as they should be; each was told of. */
  readonly notApplied: ReadonlySet<string>;
}

/** What the device may say of one service's objects. Whatever else it says concerns all of them. */
const refusals = new Set<ErrorCode>([
  'MESH_ERR_DEVICE_EXISTS',
  'MESH_ERR_DEVICE_IN_USE',
  'MESH_ERR_DEVICE_KEY_MISMATCH',
  'MESH_ERR_DEVICE_NOT_FOUND',
  'MESH_ERR_DEVICE_REFUSED',
]);

/** Whether the device refused a change for certain, for what it says of single objects. */
export function isRefusal(error: unknown): error is DeviceError {
  return error instanceof DeviceError && refusals.has(error.code) && !error.outcomeUnknown;
}

/**
 * Carries out the plan for all services in one transaction, and where the device refuses that, half by half: of five
 * hundred services one that is refused costs some twenty transactions.
 *
 * @throws what concerns the device as a whole: then no later change was tried
 */
export async function applyIsolated(
  client: IControlClient,
  desire: Desire,
  observed: ObservedDevice,
  options: IsolatedOptions,
): Promise<IsolatedApply> {
  const { partition, configured, clock, onServiceFailure, signal } = options;
  const planFor = (names: Iterable<string>, seen: ObservedDevice): Plan =>
    planServices(desire, seen, { configured, included: new Set(names), now: clock.now() });
  const all = desire.services.map(({ config }) => config.name);
  const notApplied = new Set<string>();
  for (const [service, blocker] of blockedServices(desire, planFor(all, observed))) {
    notApplied.add(service);
    onServiceFailure(service, blockedBy(blocker, partition, client.device));
  }
  const included = all.filter((service) => !notApplied.has(service));

  let isChanged = false;
  /** @returns the refusal, if it was one */
  const attempt = async (plan: Plan): Promise<DeviceError | undefined> => {
    if (isEmptyPlan(plan)) return undefined;
    try {
      await applyPlan(client, plan, options);
      isChanged = true;
      return undefined;
    } catch (error) {
      if (isRefusal(error)) return error;
      throw error;
    }
  };
  /** Halves what was refused until the services stand alone that are refused. */
  const separate = async (names: readonly string[], refusal: DeviceError): Promise<void> => {
    const [only] = names;
    if (only === undefined) return;
    if (names.length === 1) {
      notApplied.add(only);
      onServiceFailure(only, refusal);
      return;
    }
    const middle = Math.ceil(names.length / 2);
    for (const half of [names.slice(0, middle), names.slice(middle)]) {
      const again = await attempt(planFor(half, await observeDevice(client, partition, { signal })));
      if (again !== undefined) await separate(half, again);
    }
  };

  const refusal = await attempt(planFor(included, observed));
  if (refusal !== undefined) await separate(included, refusal);
  return { isChanged, notApplied };
}
