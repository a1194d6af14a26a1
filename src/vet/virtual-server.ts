import type { DeviceConfig, ServiceConfig } from '../config/schema.js';
import { serviceNames } from '../reconcile/names.js';
import { need, needAll } from './datum.js';
import type { DeviceFacts, Members } from './facts.js';
import { records, textAt } from './fields.js';

/** The virtual server of a service; undefined when the device is known not to have it. @throws UnknownFact */
export function virtualOf(
  device: DeviceFacts,
  { partition }: DeviceConfig,
  { name }: ServiceConfig,
): Members | undefined {
  const fullPath = `/${partition}/${serviceNames(name).virtual}`;
  return needAll(device.virtuals).find((virtual) => virtual['fullPath'] === fullPath);
}

/** The client SSL profiles on a virtual server that lie in the agent's partition. @throws UnknownFact */
export function clientSslOf(device: DeviceFacts, virtual: Members): readonly Members[] {
  const named = profilesOf(virtual);
  return needAll(device.clientSslProfiles).filter(({ fullPath }) => named.includes(String(fullPath)));
}

/** Full paths of a virtual server's profiles. */
export function profilesOf(virtual: Members): readonly string[] {
  const reference = virtual['profilesReference'];
  const items =
    typeof reference === 'object' && reference !== null ? (reference as Members)['items'] : undefined;
  return records(items).flatMap((profile) => textAt(profile, 'fullPath') ?? textAt(profile, 'name') ?? []);
}

/** The client SSL profile of a service; undefined when the device does not serve it. @throws UnknownFact */
export function servedProfile(
  device: DeviceFacts,
  deviceConfig: DeviceConfig,
  config: ServiceConfig,
): Members | undefined {
  const virtual = virtualOf(device, deviceConfig, config);
  return virtual === undefined ? undefined : clientSslOf(device, virtual)[0];
}

/** iRules of a virtual server in the order in which they run. */
export function rulesOf(virtual: Members): readonly string[] {
  const rules = virtual['rules'];
  return Array.isArray(rules) ? rules.map(String) : [];
}

/** An object of the list by its full path. @throws UnknownFact */
export function objectAt(list: DeviceFacts['certificates'], fullPath: unknown): Members | undefined {
  return need(list)?.find((object) => object['fullPath'] === fullPath);
}
