import type { Configuration } from '../config/configuration.js';

/** Kinds that are each unit's own and are not copied. */
const unitOwn: ReadonlySet<string> = new Set([
  'cm/device',
  'cm/device-group',
  'cm/device-group/devices',
  'net/vlan',
  'sys/db',
  'sys/provision',
]);

/** A unit's configuration after a config-sync: what its peer has, and what is its own. */
export function synchronized(source: Configuration, target: Configuration): Configuration {
  let next = target.withNextGeneration();
  for (const kind of new Set([...source.kinds(), ...target.kinds()])) {
    if (unitOwn.has(kind)) continue;
    for (const object of target.all(kind)) next = next.without(object);
    for (const object of source.all(kind)) next = next.with(object);
  }
  return next;
}
