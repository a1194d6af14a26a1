import type { ServiceConfig } from '../../../src/config/schema.js';

/** The service echo of a config file, registered in a namespace. */
export function serviceConfig(
  namespace: string,
  registration: ServiceConfig['registration'],
  more: Partial<ServiceConfig> = {},
): ServiceConfig {
  return {
    name: 'echo',
    device: 'edge',
    identity: { namespace, serviceAccount: 'edge' },
    host: `bigip.${namespace}.svc.cluster.local`,
    listen: { address: '192.0.2.1', port: 9000 },
    backends: [],
    protocol: 'tcp',
    allowlist: { selector: { matchLabels: {} }, fromAuthorizationPolicies: false },
    registration,
    ...more,
  };
}
