import { isIPv6 } from 'node:net';

import { kinds } from '../../kube/kinds.js';
import type { KubeObject } from '../../kube/object.js';
import { liveIdentity } from '../live-identity.js';
import type { RegisteredService } from '../registered-service.js';
import { renderObject } from '../registration-object.js';
import type { RegistrationObject } from '../registration-object.js';
import { serviceNameOf } from './cluster-host.js';
import { appProtocol, portName, servicePort } from './tcp-port.js';

/**
 * A Service without a selector, the EndpointSlices that `istioctl register` would make today, and a DestinationRule.
 *
 * Istio takes a bare address for one without a sidecar: no service account, no mutual TLS
 * (I:pilot/pkg/serviceregistry/kube/controller/endpoint_builder.go). The rule says both: ISTIO_MUTUAL, whatever else
 * holds, and the SPIFFE ID to demand. Without `subjectAltNames` any identity of the mesh would pass for the device
 * (I:pilot/pkg/networking/core/cluster_tls.go).
 *
 * The rule goes first, so that no caller meets the addresses in plain text; the Service last, so that one that still
 * selects WorkloadEntries does so until the slices are there. Callers without a sidecar reach the device in plain TCP,
 * and it refuses them.
 */
export function renderEndpointSliceForm(service: RegisteredService): RegistrationObject[] {
  const { host, addresses, port, spiffeId } = service;
  const name = serviceNameOf(service);
  const families = [
    { addressType: 'IPv4', suffix: 'ipv4', members: addresses.filter((address) => !isIPv6(address)) },
    { addressType: 'IPv6', suffix: 'ipv6', members: addresses.filter((address) => isIPv6(address)) },
  ].filter(({ members }) => members.length > 0);
  const tls = { mode: 'ISTIO_MUTUAL', subjectAltNames: [spiffeId] };
  return [
    renderObject(service, kinds.destinationRule, name, { spec: { host, trafficPolicy: { tls } } }),
    // A slice is of one address family, and its addressType can never change.
    ...families.map(({ addressType, suffix, members }) =>
      renderObject(service, kinds.endpointSlice, `${name}-bigip-${suffix}`, {
        labels: sliceLabels(name),
        fields: {
          addressType,
          ports: [{ name: portName, port, protocol: 'TCP', appProtocol }],
          endpoints: members.map((address) => ({ addresses: [address], conditions: { ready: true } })),
        },
      }),
    ),
    renderObject(service, kinds.service, name, {
      spec: {
        type: 'ClusterIP',
        ...(families.length > 1 ? { ipFamilyPolicy: 'PreferDualStack' } : {}),
        ports: [servicePort(port)],
      },
    }),
  ];
}

const serviceNameLabel = 'kubernetes.io/service-name';
/** A value of our own: slices with that of Kubernetes' controller are deleted by it. */
const managedByLabel = 'endpointslice.kubernetes.io/managed-by';

function sliceLabels(serviceName: string): Readonly<Record<string, string>> {
  return { [serviceNameLabel]: serviceName, [managedByLabel]: 'bigip-mesh-agent' };
}

/** Why nobody is sent to the endpoints of a slice; a slice has no conditions with a message. */
const drainedAnnotation = 'bigip-mesh.io/drained';

/**
 * The same slice with no endpoint ready, or undefined when it is like that already. Kubernetes and Istio send nobody to
 * an endpoint that is not ready; the addresses stay, for people to see.
 *
 * @param live as it was read: what the agent owns in it is said again, or server-side apply would remove it
 */
export function renderDrainedSlice(live: KubeObject, reason: string): KubeObject | undefined {
  const { apiVersion, kind, metadata, addressType, ports } = live;
  const endpoints = Array.isArray(live['endpoints']) ? (live['endpoints'] as SliceEndpoint[]) : [];
  const isDrained = endpoints.every(({ conditions }) => conditions?.ready === false);
  if (isDrained && metadata.annotations?.[drainedAnnotation] === reason) return undefined;
  const { labels, annotations } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      ...liveIdentity(metadata),
      labels: own(labels),
      annotations: { ...own(annotations), [drainedAnnotation]: reason },
    },
    addressType,
    ports,
    endpoints: endpoints.map(({ addresses }) => ({ addresses, conditions: { ready: false } })),
  };
}

interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly conditions?: { readonly ready?: boolean };
}

function own(entries: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const ours =
    /^(bigip-mesh\.io\/|app\.kubernetes\.io\/managed-by$|kubernetes\.io\/service-name$|endpointslice\.)/;
  return Object.fromEntries(Object.entries(entries ?? {}).filter(([key]) => ours.test(key)));
}
