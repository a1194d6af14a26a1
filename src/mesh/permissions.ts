import { kinds } from '../kube/kinds.js';
import type { KubeKind } from '../kube/object.js';
import { isKindOfForm, registeredKinds } from './registered-kinds.js';
import type { RegisteredService, RegistrationForm } from './registered-service.js';
import { renderRegistration } from './registration.js';

/** One rule of a Role or ClusterRole (rbac.authorization.k8s.io/v1). */
export interface PermissionRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface RegistrationPermissions {
  /** For a Role in each of these namespaces. */
  readonly inNamespace: ReadonlyMap<string, readonly PermissionRule[]>;
  /**
   * For a ClusterRole. Without it the definitions in the cluster are not read, and the built-in rules alone judge what
   * is written.
   */
  readonly inCluster: readonly PermissionRule[];
}

/**
 * What the agent may do to register these services, and nothing else. Pure.
 *
 * Names are given where the object has the same one for the lifetime of the service: endpoints are named after their
 * addresses and go when these change, and neither `create` nor `list` can be held to a name. An agent that is to move
 * a service from one form to another, and to remove what the first left, needs the rules of both: give the service in
 * both forms.
 *
 * @throws AgentError MESH_ERR_CONFIG_INVALID for a service that cannot be registered.
 */
export function registrationPermissions(services: readonly RegisteredService[]): RegistrationPermissions {
  const namespaces = [...new Set(services.map(({ namespace }) => namespace))].toSorted();
  const inNamespace = new Map(
    namespaces.map((namespace) => [
      namespace,
      namespaceRules(services.filter((service) => service.namespace === namespace)),
    ]),
  );
  const definitions = registeredKinds
    .filter((kind) => isIstio(kind) && services.some(({ form }) => isKindOfForm(kind, form)))
    .map((kind) => `${kind.plural}.${groupOf(kind)}`);
  const { customResourceDefinition } = kinds;
  const rule = {
    apiGroups: [groupOf(customResourceDefinition)],
    resources: [customResourceDefinition.plural],
    resourceNames: definitions,
    verbs: ['get'],
  };
  return { inNamespace, inCluster: definitions.length === 0 ? [] : [rule] };
}

function namespaceRules(services: readonly RegisteredService[]): PermissionRule[] {
  const forms = new Set<RegistrationForm>(services.map(({ form }) => form));
  const objects = services.flatMap(renderRegistration);
  const used = registeredKinds.filter((kind) => [...forms].some((form) => isKindOfForm(kind, form)));
  return used.flatMap((kind): PermissionRule[] => {
    const base = { apiGroups: [groupOf(kind)], resources: [kind.plural] };
    if (kind === kinds.workloadEntry) {
      return [
        { ...base, verbs: ['get', 'list', 'create', 'patch', 'delete'] },
        { ...base, resources: [`${kind.plural}/status`], verbs: ['patch'] },
      ];
    }
    if (kind === kinds.endpointSlice) {
      return [{ ...base, verbs: ['get', 'list', 'create', 'patch', 'delete'] }];
    }
    const names = objects.filter((object) => object.kind === kind).map(({ object }) => object.metadata.name);
    return [
      { ...base, verbs: ['list', 'create', 'delete'] },
      { ...base, resourceNames: [...new Set(names)].toSorted(), verbs: ['get', 'patch'] },
    ];
  });
}

function isIstio(kind: KubeKind): boolean {
  return groupOf(kind).endsWith('.istio.io');
}

function groupOf({ apiVersion }: KubeKind): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
}
