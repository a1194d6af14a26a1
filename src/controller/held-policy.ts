import type { AllowlistRefusal } from '../allowlist/allowlist.js';
import { parseAuthorizationPolicy } from '../allowlist/authorization-policy.js';
import type { AuthorizationPolicy } from '../allowlist/authorization-policy.js';
import { kinds } from '../kube/kinds.js';
import type { KubeObject } from '../kube/object.js';
import type { HeldSource } from './held-source.js';

/** One AuthorizationPolicy as it was last seen; what it means for a service is worked out when it is asked for. */
export interface HeldPolicy {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly policy: AuthorizationPolicy;
}

export function holdPolicy(object: KubeObject): HeldPolicy {
  const { uid = '', resourceVersion = '' } = object.metadata;
  return { uid, resourceVersion, policy: parseAuthorizationPolicy(object) };
}

/** @param refusals of all policies for one service. */
export function policySource(
  { uid, resourceVersion, policy: { namespace, name } }: HeldPolicy,
  refusals: readonly AllowlistRefusal[],
): HeldSource {
  return {
    kind: kinds.authorizationPolicy,
    namespace,
    name,
    uid,
    resourceVersion,
    refusals: refusals.filter((refusal) => refusal.namespace === namespace && refusal.policy === name),
    isDenyKept: false,
  };
}
