import { istiodSection, secretSection } from '../config/identity.js';
import type { AgentConfig } from '../config/schema.js';
import { fillIn } from '../identity/svid-pem.js';
import type { PermissionRule } from '../mesh/permissions.js';
import { registrationPermissions } from '../mesh/permissions.js';
import { registeredService } from '../mesh/registered-service.js';
import { statusName } from '../controller/status-config-map.js';

export interface AgentPermissions {
  /** For a Role in each of these namespaces. */
  readonly inNamespace: ReadonlyMap<string, readonly PermissionRule[]>;
  /** For a ClusterRole; empty where none is needed. */
  readonly inCluster: readonly PermissionRule[];
}

const core = '';
const readOne = ['get'];
const follow = ['get', 'list', 'watch'];

/**
 * What the agent may do in the cluster to serve this config, as controller and by its one-shot commands, and nothing
 * else. Pure.
 *
 * Secrets are named, each of them: the agent can list none.
 *
 * @param place.agentNamespace where its Leases and its status are
 * @throws AgentError MESH_ERR_CONFIG_INVALID for a service that cannot be registered
 */
export function agentPermissions(
  config: AgentConfig,
  { agentNamespace, trustDomain }: { readonly agentNamespace: string; readonly trustDomain: string },
): AgentPermissions {
  const rules = new Map<string, PermissionRule[]>();
  const allow = (namespace: string, ...more: readonly PermissionRule[]): void => {
    rules.set(namespace, [...(rules.get(namespace) ?? []), ...more]);
  };
  const { devices, identity, mesh, services } = config;
  const { inNamespace, inCluster } = registrationPermissions(
    services
      .map((service) => registeredService(service, trustDomain))
      .filter((service) => service !== undefined),
  );

  allow(agentNamespace, ...controllerRules);
  for (const { credentials } of devices) {
    if (credentials.secretRef === undefined) continue;
    const { namespace, name } = credentials.secretRef;
    allow(namespace, named(core, 'secrets', [name], readOne));
  }
  allow(
    mesh.rootNamespace,
    named(core, 'configmaps', ['istio', 'istio-ca-crl', 'istio-ca-root-cert'], follow),
  );
  if (identity.source === 'ca-secret') {
    allow(mesh.rootNamespace, named(core, 'secrets', ['cacerts', 'istio-ca-secret'], follow));
  }
  const readsPolicies = services.some(({ allowlist }) => allowlist.fromAuthorizationPolicies);
  if (readsPolicies) allow(mesh.rootNamespace, policies, tellEvents);
  for (const namespace of new Set(services.map((service) => service.identity.namespace))) {
    const own = services.filter((service) => service.identity.namespace === namespace);
    allow(
      namespace,
      { apiGroups: [core], resources: ['configmaps'], verbs: ['list', 'watch'] },
      tellEvents,
      ...identityRules(config, own),
      ...(inNamespace.get(namespace) ?? []),
    );
    const hasPolicies = own.some(({ allowlist }) => allowlist.fromAuthorizationPolicies);
    if (hasPolicies && namespace !== mesh.rootNamespace) allow(namespace, policies);
  }
  return { inNamespace: rules, inCluster };
}

const tellEvents: PermissionRule = { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] };

/** Leases are listed to see who else is there; what is created cannot be held to a name. */
const controllerRules: readonly PermissionRule[] = [
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['list', 'create', 'update', 'delete'],
  },
  { apiGroups: [core], resources: ['configmaps'], verbs: ['create'] },
  tellEvents,
  named(core, 'configmaps', [statusName], ['get', 'patch']),
];

const policies: PermissionRule = {
  apiGroups: ['security.istio.io'],
  resources: ['authorizationpolicies'],
  verbs: ['list', 'watch'],
};

/** What the identity source needs beside the services' namespaces. */
function identityRules(
  { identity }: Pick<AgentConfig, 'identity'>,
  services: AgentConfig['services'],
): PermissionRule[] {
  const accounts = [...new Set(services.map((service) => service.identity.serviceAccount))].toSorted();
  if (identity.source === 'istiod') {
    const { tokenFile } = identity.istiod ?? istiodSection.parse({});
    return tokenFile === undefined ? [named(core, 'serviceaccounts/token', accounts, ['create'])] : [];
  }
  if (identity.source !== 'secret') return [];
  const { name } = identity.secret ?? secretSection.parse({});
  const names = services.map((service) => fillIn(name, service.identity));
  return [named(core, 'secrets', [...new Set(names)].toSorted(), follow)];
}

function named(
  apiGroup: string,
  resource: string,
  resourceNames: readonly string[],
  verbs: readonly string[],
): PermissionRule {
  return { apiGroups: [apiGroup], resources: [resource], resourceNames, verbs };
}
