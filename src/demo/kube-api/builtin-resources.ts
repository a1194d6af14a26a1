import type { Resource } from './resource.js';
import { conditionsSchema, plainSchema, podSchema, serviceAccountSchema, serviceSchema } from './schema.js';
import type { Schema } from './schema.js';

type Trait = 'cluster' | 'status' | 'generation' | 'conditional';

function resource(
  apiVersion: string,
  kind: string,
  names: string,
  traits: readonly Trait[] = [],
  schema: Schema = plainSchema,
): Resource {
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  const [plural = '', ...shortNames] = names.split(' ');
  return {
    group,
    versions: [version],
    plural,
    kind,
    shortNames,
    namespaced: !traits.includes('cluster'),
    statusSubresource: traits.includes('status'),
    generation: traits.includes('generation'),
    custom: false,
    unconditionalUpdate: !traits.includes('conditional'),
    schema,
  };
}

/** Istio's own definitions give no list types and a status subresource to each (Istio 1.22 and later). */
function istio(group: string, kind: string, names: string, versions: readonly string[]): Resource {
  return {
    ...resource(`${group}/${versions[0]}`, kind, names, ['status', 'generation', 'conditional']),
    versions,
    custom: true,
  };
}

/** Source: k8s.io/kubernetes, pkg/apis/events/v1/conversion.go. */
const coreEvents = {
  group: '',
  fields: {
    regarding: 'involvedObject',
    note: 'message',
    reportingController: 'reportingComponent',
    deprecatedSource: 'source',
    deprecatedFirstTimestamp: 'firstTimestamp',
    deprecatedLastTimestamp: 'lastTimestamp',
    deprecatedCount: 'count',
  },
};

const networking = ['v1', 'v1beta1', 'v1alpha3'];
const security = ['v1', 'v1beta1'];

/** The kinds that are there from the start: what the agent, its chart and `vet` meet in a cluster with Istio. */
export const builtinResources: readonly Resource[] = [
  resource('v1', 'Namespace', 'namespaces ns', ['cluster', 'status'], conditionsSchema),
  resource('v1', 'ConfigMap', 'configmaps cm'),
  resource('v1', 'Secret', 'secrets'),
  resource('v1', 'Service', 'services svc', ['status'], serviceSchema),
  resource('v1', 'ServiceAccount', 'serviceaccounts sa', [], serviceAccountSchema),
  resource('v1', 'Endpoints', 'endpoints ep'),
  resource('v1', 'Event', 'events ev'),
  resource('v1', 'Pod', 'pods po', ['status'], podSchema),
  resource('v1', 'Node', 'nodes no', ['cluster', 'status'], conditionsSchema),
  resource('apps/v1', 'Deployment', 'deployments deploy', ['status', 'generation'], conditionsSchema),
  resource('coordination.k8s.io/v1', 'Lease', 'leases', ['conditional']),
  resource('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', ['generation']),
  { ...resource('events.k8s.io/v1', 'Event', 'events ev'), viewOf: coreEvents },
  resource('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies netpol', ['generation']),
  resource('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets pdb', ['status', 'generation']),
  resource('rbac.authorization.k8s.io/v1', 'Role', 'roles'),
  resource('rbac.authorization.k8s.io/v1', 'RoleBinding', 'rolebindings'),
  resource('rbac.authorization.k8s.io/v1', 'ClusterRole', 'clusterroles', ['cluster']),
  resource('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'clusterrolebindings', ['cluster']),
  resource(
    'admissionregistration.k8s.io/v1',
    'MutatingWebhookConfiguration',
    'mutatingwebhookconfigurations',
    ['cluster', 'generation'],
  ),
  resource(
    'admissionregistration.k8s.io/v1',
    'ValidatingWebhookConfiguration',
    'validatingwebhookconfigurations',
    ['cluster', 'generation'],
  ),
  resource(
    'apiextensions.k8s.io/v1',
    'CustomResourceDefinition',
    'customresourcedefinitions crd crds',
    ['cluster', 'status', 'generation'],
    conditionsSchema,
  ),
  istio('networking.istio.io', 'WorkloadEntry', 'workloadentries we', networking),
  istio('networking.istio.io', 'WorkloadGroup', 'workloadgroups wg', networking),
  istio('networking.istio.io', 'ServiceEntry', 'serviceentries se', networking),
  istio('networking.istio.io', 'DestinationRule', 'destinationrules dr', networking),
  istio('networking.istio.io', 'VirtualService', 'virtualservices vs', networking),
  istio('networking.istio.io', 'Gateway', 'gateways gw', networking),
  istio('networking.istio.io', 'Sidecar', 'sidecars', networking),
  istio('networking.istio.io', 'EnvoyFilter', 'envoyfilters', ['v1alpha3']),
  istio('security.istio.io', 'AuthorizationPolicy', 'authorizationpolicies ap', security),
  istio('security.istio.io', 'PeerAuthentication', 'peerauthentications pa', security),
  istio('security.istio.io', 'RequestAuthentication', 'requestauthentications ra', security),
  istio('telemetry.istio.io', 'Telemetry', 'telemetries telemetry', ['v1', 'v1alpha1']),
];
