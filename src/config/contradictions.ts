import { renderEndpoint } from './endpoint.js';
import type { AgentConfig } from './schema.js';

/** A fault of the config file, with the path of the value it is about. */
export interface ConfigIssue {
  readonly path: ReadonlyArray<string | number>;
  readonly message: string;
}

/** What a schema cannot say: values that fit one by one and contradict each other. */
export function contradictions(config: AgentConfig): ConfigIssue[] {
  return [
    ...repeatedNames(config, 'devices'),
    ...repeatedNames(config, 'services'),
    ...unknownDevices(config),
    ...sharedPartitions(config),
    ...sharedListeners(config),
    ...foreignNamespaces(config),
  ];
}

function repeatedNames(config: AgentConfig, list: 'devices' | 'services'): ConfigIssue[] {
  const seen = new Set<string>();
  return config[list].flatMap(({ name }, index) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [{ path: [list, index, 'name'], message: `"${name}" is used twice; give each a name of its own` }];
  });
}

function unknownDevices(config: AgentConfig): ConfigIssue[] {
  const names = config.devices.map(({ name }) => name);
  return config.services.flatMap(({ device }, index) =>
    names.includes(device)
      ? []
      : [
          {
            path: ['services', index, 'device'],
            message: `"${device}" is not in devices (${names.join(', ')}); name one of these, or add it there`,
          },
        ],
  );
}

/** What the agent owns in a device's partition and finds no service for, it removes. */
function sharedPartitions(config: AgentConfig): ConfigIssue[] {
  const owners = new Map<string, string>();
  return config.devices.flatMap(({ name, urls, partition }, index) => {
    const shared = urls.find((url) => owners.has(`${url} ${partition}`));
    const owner = owners.get(`${shared ?? ''} ${partition}`);
    for (const url of urls) owners.set(`${url} ${partition}`, owner ?? name);
    if (shared === undefined || owner === undefined) return [];
    return [
      {
        path: ['devices', index, 'partition'],
        message: `"${partition}" of ${shared} is already that of device ${owner}; give each device a partition of its own`,
      },
    ];
  });
}

function sharedListeners(config: AgentConfig): ConfigIssue[] {
  const owners = new Map<string, string>();
  return config.services.flatMap(({ name, device, listen }, index) => {
    const endpoint = renderEndpoint(listen);
    const owner = owners.get(`${device} ${endpoint}`);
    owners.set(`${device} ${endpoint}`, owner ?? name);
    if (owner === undefined) return [];
    return [
      {
        path: ['services', index, 'listen'],
        message: `${endpoint} on device ${device} is already taken by service ${owner}; choose another address or port`,
      },
    ];
  });
}

/** A WorkloadEntry's SPIFFE ID takes the entry's namespace, which is that of the Service (Istio, secure naming). */
function foreignNamespaces(config: AgentConfig): ConfigIssue[] {
  return config.services.flatMap(({ host, identity, registration }, index) => {
    if (registration !== 'workload-entry' && registration !== 'endpoint-slice') return [];
    const [, namespace, svc] = host.split('.');
    if (svc !== 'svc') {
      return [
        {
          path: ['services', index, 'host'],
          message: `"${host}" is not NAME.NAMESPACE.svc.DOMAIN, which registration ${registration} needs; write such a name, or registration: service-entry`,
        },
      ];
    }
    if (namespace === identity.namespace) return [];
    return [
      {
        path: ['services', index, 'identity', 'namespace'],
        message: `"${identity.namespace}" is not the namespace of host ${host}: sidecars would expect another SPIFFE ID; write the same in both`,
      },
    ];
  });
}
