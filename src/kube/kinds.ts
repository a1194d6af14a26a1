import type { KubeKind } from './object.js';

function kind(apiVersion: string, name: string, plural: string, scope: 'Namespaced' | 'Cluster'): KubeKind {
  return { apiVersion, kind: name, plural, namespaced: scope === 'Namespaced' };
}

/** The kinds that the agent reads or writes, each in the version that it prefers. */
export const kinds = {
  namespace: kind('v1', 'Namespace', 'namespaces', 'Cluster'),
  configMap: kind('v1', 'ConfigMap', 'configmaps', 'Namespaced'),
  secret: kind('v1', 'Secret', 'secrets', 'Namespaced'),
  service: kind('v1', 'Service', 'services', 'Namespaced'),
  serviceAccount: kind('v1', 'ServiceAccount', 'serviceaccounts', 'Namespaced'),
  pod: kind('v1', 'Pod', 'pods', 'Namespaced'),
  event: kind('events.k8s.io/v1', 'Event', 'events', 'Namespaced'),
  lease: kind('coordination.k8s.io/v1', 'Lease', 'leases', 'Namespaced'),
  endpointSlice: kind('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', 'Namespaced'),
  workloadEntry: kind('networking.istio.io/v1', 'WorkloadEntry', 'workloadentries', 'Namespaced'),
  serviceEntry: kind('networking.istio.io/v1', 'ServiceEntry', 'serviceentries', 'Namespaced'),
  destinationRule: kind('networking.istio.io/v1', 'DestinationRule', 'destinationrules', 'Namespaced'),
  authorizationPolicy: kind(
    'security.istio.io/v1',
    'AuthorizationPolicy',
    'authorizationpolicies',
    'Namespaced',
  ),
  peerAuthentication: kind('security.istio.io/v1', 'PeerAuthentication', 'peerauthentications', 'Namespaced'),
  customResourceDefinition: kind(
    'apiextensions.k8s.io/v1',
    'CustomResourceDefinition',
    'customresourcedefinitions',
    'Cluster',
  ),
} as const satisfies Record<string, KubeKind>;
