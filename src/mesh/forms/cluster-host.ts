import { unusable } from '../registered-service.js';
import type { RegisteredService } from '../registered-service.js';
import { parseServiceHost } from '../service-host.js';

/**
 * The Service's name, for the forms that make one: the host is its full name, in the identity's namespace.
 *
 * @throws AgentError MESH_ERR_CONFIG_INVALID
 */
export function serviceNameOf(service: RegisteredService): string {
  const host = parseServiceHost(service.host);
  if (!host.ok) throw unusable(service.name, host.reason);
  if (host.value.namespace === service.namespace) return host.value.name;
  throw unusable(service.name, `its identity is of namespace ${service.namespace}, its host of another`);
}
