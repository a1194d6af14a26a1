import { createHash } from 'node:crypto';
import { isIP } from 'node:net';

import { AgentError } from '../errors.js';
import { kinds } from '../kube/kinds.js';
import type { KubeKind, KubeMetadata, KubeObject } from '../kube/object.js';
import { ownerLabels } from './ownership.js';
import { parseServiceHost } from './service-host.js';
import { workloadEntryName } from './workload-entry-name.js';

/** A mesh service as its registration needs it. */
export interface RegisteredService {
  /** Of the service in the config file: `echo`. */
  readonly name: string;
  /** What callers call: `bigip.default.svc.cluster.local`. */
  readonly host: string;
  /** The identity's namespace, which must be that of the host. */
  readonly namespace: string;
  readonly serviceAccount: string;
  /** IP addresses of the virtual servers, one WorkloadEntry each. */
  readonly addresses: readonly string[];
  readonly port: number;
}

export interface RegistrationObject {
  readonly kind: KubeKind;
  readonly object: KubeObject;
}

/** Changes whenever the agent renders something else, so that an object with fields of before is noticed. */
export const renderedAnnotation = 'bigip-mesh.io/rendered';

/** Istiod drops such an entry until its Healthy condition is True (I:pilot/pkg/model/status/workloadentry.go). */
const healthChecks = { 'proxy.istio.io/health-checks-enabled': 'true' };

/**
 * The objects that make a device a mesh service in the form `workload-entry`, in the order in which they are applied.
 *
 * A ClusterIP Service whose selector matches WorkloadEntries and no Pod gives the name and the virtual IP; the
 * entries' `serviceAccount` makes sidecars originate mutual TLS and demand the device's SPIFFE ID. Callers without
 * a sidecar meet a Service without endpoints and get nothing. (I:pilot/pkg/serviceregistry/kube/controller; a
 * headless Service would be skipped there.)
 *
 * @throws AgentError MESH_ERR_CONFIG_INVALID when host, namespace or an address cannot be registered.
 */
export function renderRegistration(service: RegisteredService): RegistrationObject[] {
  const { namespace, serviceAccount, port } = service;
  const host = parseServiceHost(service.host);
  if (!host.ok) throw unusable(service, host.reason);
  if (host.value.namespace !== namespace) {
    throw unusable(service, `its identity is of namespace ${namespace}, its host of another`);
  }
  // The endpoint's own label, apart from the owner's, so that relabelling an object cannot add an endpoint.
  const endpoint = { 'bigip-mesh.io/endpoint-of': host.value.name };
  return [
    render(service, kinds.serviceAccount, serviceAccount),
    render(service, kinds.service, host.value.name, {
      spec: {
        type: 'ClusterIP',
        selector: endpoint,
        ports: [{ name: 'tcp', port, targetPort: port, protocol: 'TCP', appProtocol: 'tcp' }],
      },
    }),
    ...service.addresses.map((address) => {
      // A zone ("%eth0") means something on one machine only.
      if (isIP(address) === 0 || address.includes('%')) {
        throw unusable(service, `"${address}" is not an IP address that others can call`);
      }
      const spec = { address, labels: endpoint, serviceAccount };
      const name = workloadEntryName(host.value.name, address);
      return render(service, kinds.workloadEntry, name, { spec }, healthChecks);
    }),
  ];
}

function render(
  service: RegisteredService,
  kind: KubeKind,
  name: string,
  content: { readonly spec?: object } = {},
  annotations: Readonly<Record<string, string>> = {},
): RegistrationObject {
  const metadata: KubeMetadata = {
    name,
    namespace: service.namespace,
    labels: ownerLabels(service.name),
    annotations,
  };
  const bare = { apiVersion: kind.apiVersion, kind: kind.kind, metadata, ...content };
  const rendered = createHash('sha256').update(JSON.stringify(bare)).digest('hex').slice(0, 12);
  const object = {
    ...bare,
    metadata: { ...metadata, annotations: { ...annotations, [renderedAnnotation]: rendered } },
  };
  return { kind, object };
}

function unusable(service: RegisteredService, why: string): AgentError {
  return new AgentError(
    'MESH_ERR_CONFIG_INVALID',
    `service ${service.name} cannot be registered: ${why}`,
    'mend host, identity and listen of the service in the config file',
  );
}
