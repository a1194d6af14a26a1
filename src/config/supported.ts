import { AgentError } from '../errors.js';
import type { AgentConfig } from './schema.js';

/**
 * Refuses what the schema knows and this version does not do yet, before anything is touched.
 *
 * @throws AgentError MESH_ERR_CONFIG_UNSUPPORTED
 */
export function requireSupported(config: AgentConfig): void {
  for (const device of config.devices) {
    if (device.urls.length > 1 && device.tls.sha256 !== undefined) {
      throw unsupported(
        `one tls.sha256 for the two units of a pair (device ${device.name})`,
        'give a tls.caFile with the certificates of both',
      );
    }
  }
}

function unsupported(what: string, nextStep: string): AgentError {
  return new AgentError('MESH_ERR_CONFIG_UNSUPPORTED', `${what} is not in this version`, nextStep);
}
