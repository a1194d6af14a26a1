import { kinds } from '../../kube/kinds.js';
import type { KubeKind } from '../../kube/object.js';
import type { ListedKind } from '../facts.js';

function kind(apiVersion: string, name: string, plural: string, namespaced = true): KubeKind {
  return { apiVersion, kind: name, plural, namespaced };
}

/** What is listed over all namespaces. */
export const vetKinds: Readonly<Record<ListedKind, KubeKind>> = {
  namespaces: kinds.namespace,
  pods: kinds.pod,
  services: kinds.service,
  endpoints: kind('v1', 'Endpoints', 'endpoints'),
  endpointSlices: kinds.endpointSlice,
  serviceAccounts: kinds.serviceAccount,
  networkPolicies: kind('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  workloadEntries: kinds.workloadEntry,
  serviceEntries: kinds.serviceEntry,
  destinationRules: kinds.destinationRule,
  sidecars: kind('networking.istio.io/v1', 'Sidecar', 'sidecars'),
  peerAuthentications: kinds.peerAuthentication,
  authorizationPolicies: kinds.authorizationPolicy,
  validatingWebhooks: kind(
    'admissionregistration.k8s.io/v1',
    'ValidatingWebhookConfiguration',
    'validatingwebhookconfigurations',
    false,
  ),
  customResourceDefinitions: kinds.customResourceDefinition,
  deployments: kind('apps/v1', 'Deployment', 'deployments'),
};

/** `workloadentries.networking.istio.io`, as RBAC and kubectl name a kind. */
export function qualifiedName({ apiVersion, plural }: KubeKind): string {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return group === '' ? plural : `${plural}.${group}`;
}
