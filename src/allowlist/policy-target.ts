import type { AuthorizationPolicy } from './authorization-policy.js';

/** What a policy can be for, of one mesh service: its workload and the objects that stand for it. */
export interface PolicyWorkload {
  readonly namespace: string;
  /** Of the mesh: a policy in it is for all namespaces. */
  readonly rootNamespace: string;
  /** Those that the agent gives to the endpoints of the service. */
  readonly labels: Readonly<Record<string, string>>;
  /** Objects in the service's namespace that a policy may name. */
  readonly objects: ReadonlyArray<{ readonly group: string; readonly kind: string; readonly name: string }>;
}

/**
 * Whether a policy is for a mesh service; `unreadable` when that cannot be told.
 *
 * Source: I:pilot/pkg/model/authorization.go (namespace and root namespace), policyattachment.go (references, which
 * name objects of the policy's own namespace).
 */
export function targets(
  { namespace, target }: Pick<AuthorizationPolicy, 'namespace' | 'target'>,
  workload: PolicyWorkload,
): boolean | 'unreadable' {
  const isLocal = namespace === workload.namespace;
  if (!isLocal && namespace !== workload.rootNamespace) return false;
  if (target.kind === 'unreadable') return 'unreadable';
  if (target.kind === 'labels') {
    return Object.entries(target.matchLabels).every(
      ([key, value]) => Object.hasOwn(workload.labels, key) && workload.labels[key] === value,
    );
  }
  return (
    isLocal &&
    target.refs.some((ref) =>
      workload.objects.some(
        ({ group, kind, name }) =>
          kind === ref.kind && name === ref.name && group === (ref.group === 'core' ? '' : ref.group),
      ),
    )
  );
}
