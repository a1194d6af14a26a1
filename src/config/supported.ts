import { AgentError } from '../errors.js';
import type { AgentConfig } from './schema.js';

/**
 * Refuses what the schema knows and this version does not do yet, before anything is touched.
 *
 * @throws AgentError MESH_ERR_CONFIG_UNSUPPORTED
 */
export function requireSupported(config: AgentConfig): void {
  if (config.identity.source !== 'ca-secret' && config.identity.source !== 'istiod') {
    throw unsupported(`identity.source ${config.identity.source}`, 'set identity.source to istiod or ca-secret');
  }
  for (const device of config.devices) {
    if (device.urls.length > 1) {
      throw unsupported(`an HA pair (device ${device.name})`, 'give the URL of one unit');
    }
  }
  for (const service of config.services) {
    if (service.registration !== 'workload-entry' && service.registration !== 'none') {
      throw unsupported(
        `registration ${service.registration} (service ${service.name})`,
        'set registration to workload-entry or none',
      );
    }
    if (service.allowlist.fromAuthorizationPolicies) {
      throw unsupported(
        `allowlist.fromAuthorizationPolicies (service ${service.name})`,
        'list the callers in ConfigMaps and leave it false',
      );
    }
  }
}

function unsupported(what: string, nextStep: string): AgentError {
  return new AgentError('MESH_ERR_CONFIG_UNSUPPORTED', `${what} is not in this version`, nextStep);
}
