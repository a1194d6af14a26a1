import { ApiError, invalid } from './api-error.js';
import { isJsonObject, objectAt, stringAt } from './json.js';
import type { JsonObject } from './json.js';
import type { Resource } from './resource.js';

/**
 * Fills in what the API server fills in: a cluster IP, the ports' protocol and target, the affinity.
 *
 * Source: k8s.io/kubernetes, pkg/apis/core/v1/defaults.go and pkg/registry/core/service/storage.
 *
 * @param live the object before, whose cluster IP stays.
 * @param used every cluster IP that is taken.
 * @throws ApiError Invalid when a cluster IP would change.
 */
export function withServiceDefaults(
  resource: Resource,
  service: JsonObject,
  live: JsonObject | undefined,
  used: ReadonlySet<string>,
): JsonObject {
  const spec = objectAt(service, 'spec');
  const before = stringAt(objectAt(live ?? {}, 'spec'), 'clusterIP');
  const type = stringAt(spec, 'type') ?? 'ClusterIP';
  const asked = stringAt(spec, 'clusterIP');
  const name = stringAt(objectAt(service, 'metadata'), 'name') ?? '';
  if (before !== undefined && asked !== undefined && asked !== '' && asked !== before) {
    throw invalid(resource, name, [
      {
        reason: 'FieldValueInvalid',
        field: 'spec.clusterIPs[0]',
        message: `Invalid value: ["${asked}"]: may not change once set`,
      },
    ]);
  }
  const clusterIP = type === 'ExternalName' ? undefined : asked || before || freeAddress(used);
  const addresses: JsonObject =
    clusterIP === undefined
      ? {}
      : {
          clusterIP,
          clusterIPs: [clusterIP],
          ipFamilies: spec['ipFamilies'] ?? [clusterIP.includes(':') ? 'IPv6' : 'IPv4'],
          ipFamilyPolicy: spec['ipFamilyPolicy'] ?? 'SingleStack',
          internalTrafficPolicy: spec['internalTrafficPolicy'] ?? 'Cluster',
        };
  return {
    ...service,
    spec: {
      ...spec,
      type,
      sessionAffinity: spec['sessionAffinity'] ?? 'None',
      ...addresses,
      ...(Array.isArray(spec['ports'])
        ? { ports: spec['ports'].map((port) => (isJsonObject(port) ? withPortDefaults(port) : port)) }
        : {}),
    },
    status: service['status'] ?? { loadBalancer: {} },
  };
}

function withPortDefaults(port: JsonObject): JsonObject {
  return { ...port, protocol: port['protocol'] ?? 'TCP', targetPort: port['targetPort'] ?? port['port'] };
}

/** From the range that kubeadm gives a cluster; the first address is the API server's own. */
function freeAddress(used: ReadonlySet<string>): string {
  for (let index = 2; index < 65_535; index += 1) {
    const address = `10.96.${index >> 8}.${index & 255}`;
    if (!used.has(address)) return address;
  }
  throw new ApiError(500, 'InternalError', 'the range of cluster IPs is full');
}
