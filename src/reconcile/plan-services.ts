import type { Desire } from './desire.js';
import { desiredObjects } from './desired.js';
import { objectKey } from './device-object.js';
import { keepLeftOut } from './left-out.js';
import type { ObservedDevice } from './observed.js';
import { planDevice } from './plan.js';
import type { Blocker, Plan } from './plan.js';
import { keepRetiredFiles } from './retirement.js';

interface PlanScope {
  /** Every service that the config file puts on the device. */
  readonly configured: readonly string[];
  /** Those that the plan is for; the others keep what they have. */
  readonly included: ReadonlySet<string>;
  readonly now: Date;
}

/** The plan for some of a device's services. Pure. */
export function planServices(
  { device }: Pick<Desire, 'device'>,
  observed: ObservedDevice,
  { configured, included, now }: PlanScope,
): Plan {
  const services = device.services.filter(({ config }) => included.has(config.name));
  const leftOut = new Set(configured.filter((name) => !included.has(name)));
  const plan = planDevice(desiredObjects({ ...device, services }), observed);
  return keepLeftOut(keepRetiredFiles(plan, services, now, device.revocationLists), observed, leftOut);
}

/** Which services want an object that stands in the way, each with the first such object. Pure. */
export function blockedServices(
  { device }: Pick<Desire, 'device'>,
  { blockers }: Plan,
): ReadonlyMap<string, Blocker> {
  const byKey = new Map(blockers.map((blocker) => [objectKey(blocker), blocker]));
  const shared = new Set(desiredObjects({ ...device, services: [] }).map(objectKey));
  return new Map(
    device.services.flatMap((service) => {
      const own = desiredObjects({ ...device, services: [service] }).map(objectKey);
      const key = own.find((candidate) => byKey.has(candidate) && !shared.has(candidate));
      const blocker = key === undefined ? undefined : byKey.get(key);
      return blocker === undefined ? [] : [[service.config.name, blocker]];
    }),
  );
}
