import { serviceOf } from './ownership.js';
import { pairOwner, serviceNames } from './names.js';
import type { Change } from './plan.js';

/**
 * Which services answer their callers otherwise after these changes: those that own a changed object, and all of them
 * where an object that they share was modified. A shared object that is made or removed is in nobody's use until, or
 * since, an object of a service was changed, too. Pure.
 *
 * @returns those of the given services, in the same order
 */
export function changedServices(changes: readonly Change[], services: readonly string[]): string[] {
  const owners = changes.map((change) => ({ action: change.action, owner: ownerOf(change, services) }));
  if (owners.some(({ action, owner }) => action === 'modify' && owner === undefined)) return [...services];
  return services.filter((service) => owners.some(({ owner }) => owner === service));
}

function ownerOf(change: Change, services: readonly string[]): string | undefined {
  const { object } = change;
  const marked = 'members' in object ? serviceOf(object) : undefined;
  return (
    marked ??
    pairOwner(object.name) ??
    services.find((service) => Object.values<string>(serviceNames(service)).includes(object.name))
  );
}
