import type { KubeObject } from '../kube/object.js';
import type { PermissionRule } from '../mesh/permissions.js';
import type { AgentPermissions } from './agent-permissions.js';

interface AgentAccount {
  readonly namespace: string;
  readonly serviceAccount: string;
}

const apiVersion = 'rbac.authorization.k8s.io/v1';
const apiGroup = 'rbac.authorization.k8s.io';
const labels = { 'app.kubernetes.io/name': 'bigip-mesh-agent' };

/** The agent's account, a Role and its binding in each namespace, and a ClusterRole where one is needed. Pure. */
export function renderRbac(
  { inNamespace, inCluster }: AgentPermissions,
  { namespace, serviceAccount: name }: AgentAccount,
): KubeObject[] {
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  const pair = (scope: { readonly namespace?: string }, kind: string, rules: readonly PermissionRule[]) => [
    { apiVersion, kind, metadata: { name, ...scope, labels }, rules },
    {
      apiVersion,
      kind: `${kind}Binding`,
      metadata: { name, ...scope, labels },
      roleRef: { apiGroup, kind, name },
      subjects,
    },
  ];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace, labels } },
    ...[...inNamespace].flatMap(([scope, rules]) => pair({ namespace: scope }, 'Role', rules)),
    ...(inCluster.length === 0 ? [] : pair({}, 'ClusterRole', inCluster)),
  ];
}
