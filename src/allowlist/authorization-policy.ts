import type { KubeObject } from '../kube/object.js';
import { parseRule } from './policy-rule.js';
import type { PolicyRule } from './policy-rule.js';

const policyActions = ['ALLOW', 'DENY', 'AUDIT', 'CUSTOM'] as const;
type PolicyAction = (typeof policyActions)[number];

/** An object in the policy's own namespace that it is attached to. */
interface TargetRef {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

/** Whom a policy is for; everything in its namespace when it has no labels and no references. */
type PolicyTarget =
  | { readonly kind: 'labels'; readonly matchLabels: Readonly<Record<string, string>> }
  | { readonly kind: 'references'; readonly refs: readonly TargetRef[] }
  | { readonly kind: 'unreadable'; readonly path: string };

/** An AuthorizationPolicy (security.istio.io/v1) as far as it can be read; what cannot stays in it as unreadable. */
export interface AuthorizationPolicy {
  readonly namespace: string;
  readonly name: string;
  /** Undefined when it is none that Istio has. */
  readonly action: PolicyAction | undefined;
  /** Istio only logs what such a policy would do. */
  readonly isDryRun: boolean;
  readonly target: PolicyTarget;
  readonly rules: readonly PolicyRule[];
  /** Whether `rules` is there and is no list. */
  readonly areRulesUnreadable: boolean;
}

const dryRunAnnotation = 'istio.io/dry-run';
/** Of Go's strconv.ParseBool, which Istio reads the annotation with; anything else is no. */
const goTrue = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);

/** Reads an AuthorizationPolicy. It cannot fail: what is wrong is kept as such, for whoever has to decide on it. */
export function parseAuthorizationPolicy(object: KubeObject): AuthorizationPolicy {
  const { metadata } = object;
  const spec = object['spec'] ?? {};
  const { action = 'ALLOW', rules: given } = isMapping(spec) ? spec : { action: undefined, rules: undefined };
  const rules = given ?? [];
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    action: isMapping(spec) ? policyActions.find((known) => known === action) : undefined,
    isDryRun: goTrue.has(metadata.annotations?.[dryRunAnnotation] ?? ''),
    target: isMapping(spec) ? parseTarget(spec) : { kind: 'labels', matchLabels: {} },
    rules: Array.isArray(rules) ? rules.map((rule, index) => parseRule(rule, `rules[${index}]`)) : [],
    areRulesUnreadable: !Array.isArray(rules),
  };
}

function parseTarget({ selector, targetRef, targetRefs }: Mapping): PolicyTarget {
  const isAttached =
    (targetRef ?? undefined) !== undefined || (Array.isArray(targetRefs) && targetRefs.length > 0);
  if (selector !== undefined && selector !== null) {
    // Istio takes one or the other.
    if (isAttached) return { kind: 'unreadable', path: 'selector' };
    const matchLabels = isMapping(selector) ? (selector['matchLabels'] ?? {}) : undefined;
    if (!isMapping(matchLabels) || !Object.values(matchLabels).every((value) => typeof value === 'string')) {
      return { kind: 'unreadable', path: 'selector' };
    }
    return { kind: 'labels', matchLabels: matchLabels as Record<string, string> };
  }
  const single = targetRef === undefined || targetRef === null ? [] : [targetRef];
  const several = targetRefs ?? [];
  if (!Array.isArray(several)) return { kind: 'unreadable', path: 'targetRefs' };
  const refs = [...single, ...(several as readonly unknown[])];
  if (refs.length === 0) return { kind: 'labels', matchLabels: {} };
  const parsed = refs.map((ref) => {
    const {
      group = '',
      kind,
      name,
      namespace = '',
    } = isMapping(ref) ? ref : { kind: undefined, name: undefined };
    return typeof group === 'string' &&
      typeof kind === 'string' &&
      typeof name === 'string' &&
      namespace === ''
      ? { group, kind, name }
      : undefined;
  });
  if (parsed.includes(undefined))
    return { kind: 'unreadable', path: single.length > 0 ? 'targetRef' : 'targetRefs' };
  return { kind: 'references', refs: parsed.filter((ref) => ref !== undefined) };
}

type Mapping = Readonly<Record<string, unknown>>;

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
