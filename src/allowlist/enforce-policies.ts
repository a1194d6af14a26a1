import type { Allowlist, AllowlistEntry, RuleOrigin, RuleRefusal } from './allowlist.js';
import type { AuthorizationPolicy } from './authorization-policy.js';
import { callerSetOf, entryTextOf, haveCallersInCommon, includes, trustDomainOf } from './caller-set.js';
import type { CallerSet } from './caller-set.js';
import { mergeAllowlists } from './merge-allowlists.js';
import type { PolicyRule } from './policy-rule.js';
import { targets } from './policy-target.js';
import type { PolicyWorkload } from './policy-target.js';
import { sourceWithin, sparedWithin } from './source-matcher.js';
import type { SetWithout, SourceMatcher } from './source-matcher.js';
import { translateAllowRule, translateDenyRule } from './translate-rule.js';
import type { ListenAddress, TranslatedRule } from './translate-rule.js';

/** A mesh service, as policies know it. */
export interface PolicyScope extends PolicyWorkload {
  /** That of the mesh, then its aliases. */
  readonly trustDomains: readonly string[];
  readonly listen: ListenAddress;
}

/** How many policies are for a service, by what they do. */
export interface PolicyCounts {
  readonly allow: number;
  readonly deny: number;
  /** Not enforced, whatever their action. */
  readonly dryRun: number;
}

export interface EnforcedPolicies {
  readonly allowlist: Allowlist;
  readonly refusals: readonly RuleRefusal[];
  /** Those that are for the service, dry runs included. */
  readonly concerned: readonly AuthorizationPolicy[];
  readonly counts: PolicyCounts;
}

/** Callers that something admits. */
interface AdmittedSet {
  readonly entry: AllowlistEntry;
  readonly set: CallerSet;
}

/** The same without those that a rule of ALLOW leaves out. */
type Admitted = AdmittedSet & SetWithout;

/**
 * Adds AuthorizationPolicies to what the ConfigMaps of a service say.
 *
 * Who gets in is on one of the two and is denied by neither. A rule of ALLOW that records cannot say admits less, a
 * rule of DENY denies more, and each is named. Policies enforce, so that `audit` of a ConfigMap does not hold beside
 * them.
 *
 * @param configMaps what those say together.
 * @param policies of the service's namespace and of the root namespace; those for others are passed over.
 */
export function enforcePolicies(
  configMaps: Allowlist,
  policies: readonly AuthorizationPolicy[],
  scope: PolicyScope,
): EnforcedPolicies {
  const refusals: RuleRefusal[] = [];
  const concerned = policies.filter((policy) => isConcerned(policy, scope, refusals));
  const enforced = concerned.filter(({ isDryRun }) => !isDryRun);
  const allowing = enforced.filter(({ action }) => action === 'ALLOW');
  const denying = enforced.filter(({ action }) => action !== 'ALLOW' && action !== 'AUDIT');
  const universe = scope.trustDomains.map((trustDomain): CallerSet => ({
    kind: 'trust-domain',
    trustDomain,
  }));

  const admitted: Admitted[] = configMaps.allow.map((entry) => ({
    entry,
    set: callerSetOf(entry.text),
    except: [],
  }));
  for (const [origin, { sources, findings }] of rulesOf(allowing, scope, translateAllowRule)) {
    refusals.push(...findings.map((finding) => ({ ...placeOf(origin), ...finding })));
    const overlaps = sources.flatMap((source) =>
      [...universe, ...source.named].map((set) => sourceWithin(source, set)),
    );
    for (const part of overlaps.flatMap(({ parts }) => parts)) {
      admitted.push({ ...part, entry: entryOf(part.set, { ...origin, key: 'allow' }) });
    }
    if (overlaps.some(({ isExact }) => !isExact)) {
      refusals.push({ ...placeOf(origin), path: origin.path, reason: inexactAllow });
    }
  }
  const settled = settleExceptions(admitted, refusals);

  let allow: readonly AdmittedSet[] = settled.allow;
  const deny: AllowlistEntry[] = [...configMaps.deny, ...settled.deny];
  for (const [origin, { sources, findings }] of rulesOf(denying, scope, translateDenyRule)) {
    refusals.push(...findings.map((finding) => ({ ...placeOf(origin), ...finding })));
    for (const source of sources) {
      const denied = subtract(allow, source, universe);
      allow = denied.allow;
      deny.push(...denied.sets.map((set) => entryOf(set, { ...origin, key: 'deny' })));
      if (denied.isWidened) refusals.push({ ...placeOf(origin), path: origin.path, reason: inexactDeny });
    }
  }
  return {
    allowlist: mergeAllowlists([{ allow: allow.map(({ entry }) => entry), deny, mode: 'enforce' }]),
    refusals,
    concerned,
    counts: { allow: allowing.length, deny: denying.length, dryRun: concerned.length - enforced.length },
  };
}

const inexactAllow =
  'whom it matches cannot all be put into records, which end at a whole namespace or service account; those that can are admitted';
const inexactDeny =
  'whom it matches cannot be put into records, which end at a whole namespace or service account; it denies more';

/** A policy whose target cannot be read is for the service if it denies, and is not if it allows. */
function isConcerned(policy: AuthorizationPolicy, scope: PolicyScope, refusals: RuleRefusal[]): boolean {
  const isTarget = targets(policy, scope);
  if (isTarget === false || policy.action === 'AUDIT') return false;
  const refuse = (path: string, reason: string): void => {
    if (!policy.isDryRun) refusals.push({ namespace: policy.namespace, policy: policy.name, path, reason });
  };
  const isAllow = policy.action === 'ALLOW';
  if (isTarget === 'unreadable' && policy.target.kind === 'unreadable') {
    refuse(
      policy.target.path,
      `it does not say whom the policy is for; ${isAllow ? 'it is for nobody' : 'it counts as if it were for this service'}`,
    );
    if (isAllow) return false;
  }
  if (policy.action === undefined)
    refuse('action', 'it is none that Istio has; the policy counts as one of DENY');
  if (policy.action === 'CUSTOM') {
    refuse('action', 'a device cannot ask the provider of CUSTOM; whom its rules match is denied');
  }
  if (policy.areRulesUnreadable) {
    refuse('rules', `they are no list; the policy ${isAllow ? 'admits nobody' : 'denies everybody'}`);
  } else if (policy.action === 'DENY' && policy.rules.length === 0) {
    refuse('rules', 'a policy of DENY without rules denies nobody, as in Istio');
  }
  return true;
}

/** The rules of policies, translated; those of a DENY that cannot be read deny everybody. */
function rulesOf(
  policies: readonly AuthorizationPolicy[],
  scope: PolicyScope,
  translate: typeof translateAllowRule,
): ReadonlyArray<readonly [Omit<RuleOrigin, 'key'>, TranslatedRule]> {
  return policies.flatMap(({ namespace, name, action, rules, areRulesUnreadable }) => {
    const everybody: PolicyRule = { path: 'rules', sources: [[]], operations: [[]], conditions: [] };
    const all = areRulesUnreadable && action !== 'ALLOW' ? [everybody] : rules;
    return all.map((rule) => {
      const origin = { namespace, policy: name, path: rule.path };
      return [origin, translate(rule, { ...scope, namespace })] as const;
    });
  });
}

/**
 * Whom rules of ALLOW leave out of a larger set (`namespaces: [a], notPrincipals: [a/x]`) is denied, unless something
 * else admits exactly him. Where it admits a part of them, no record can say both, and the rule's part is left out.
 */
function settleExceptions(
  admitted: readonly Admitted[],
  refusals: RuleRefusal[],
): { readonly allow: readonly AdmittedSet[]; readonly deny: readonly AllowlistEntry[] } {
  const allow: AdmittedSet[] = [];
  const deny: AllowlistEntry[] = [];
  for (const { entry, set, except } of admitted) {
    const fates = except.map((excepted) => fateOf(excepted, admitted));
    const { origin } = entry;
    if (fates.includes('partly admitted') && origin.policy !== undefined) {
      refusals.push({ ...placeOf(origin), path: origin.path, reason: `${inexactException}: ${entry.text}` });
      continue;
    }
    allow.push({ entry, set });
    const denied = except.filter((_, index) => fates[index] === 'not admitted');
    if (origin.policy !== undefined)
      deny.push(...denied.map((one) => entryOf(one, { ...origin, key: 'deny' })));
  }
  return { allow, deny };
}

const inexactException =
  'whom it leaves out is partly admitted by another entry, and records cannot say both; this part admits nobody';

function fateOf(
  excepted: CallerSet,
  admitted: readonly Admitted[],
): 'admitted' | 'not admitted' | 'partly admitted' {
  const touching = admitted.filter(
    ({ set, except }) =>
      haveCallersInCommon(set, excepted) && !except.some((other) => includes(other, excepted)),
  );
  if (touching.length === 0) return 'not admitted';
  const isWhole = touching.some(
    ({ set, except }) =>
      includes(set, excepted) && !except.some((other) => haveCallersInCommon(other, excepted)),
  );
  return isWhole ? 'admitted' : 'partly admitted';
}

/** Takes whom a source matches out of what is admitted: by records that deny, and by narrower entries. */
function subtract(
  allow: readonly AdmittedSet[],
  source: SourceMatcher,
  universe: readonly CallerSet[],
): {
  readonly allow: readonly AdmittedSet[];
  readonly sets: readonly CallerSet[];
  /** Whether somebody is denied whom the source does not match. */
  readonly isWidened: boolean;
} {
  // Denied whether an entry admits them or not, so that the log and `explain` say so.
  const said = [...universe, ...source.named]
    .flatMap((set) => sourceWithin(source, set).parts)
    .flatMap(({ set, except }) => (except.length === 0 ? [set] : []));
  const sets = [...said];
  let isWidened = false;
  const left = allow.flatMap((one): readonly AdmittedSet[] => {
    const { entry, set: admitted } = one;
    const narrowed = (spared: readonly CallerSet[]): readonly AdmittedSet[] =>
      spared.map((set) => ({ entry: { ...entry, text: entryTextOf(set) }, set }));
    const { parts, isExact } = sourceWithin(source, admitted);
    if (!isExact) {
      isWidened = true;
      return narrowed(sparedWithin(source, admitted));
    }
    const whole = parts.find(({ set }) => includes(set, admitted));
    if (whole !== undefined && whole.except.length > 0) return narrowed(whole.except);
    isWidened ||= parts.some(({ except }) => except.length > 0);
    const unsaid = parts.filter(({ set }) => !said.some((other) => includes(other, set)));
    sets.push(...unsaid.map(({ set }) => set));
    return whole === undefined ? [one] : [];
  });
  return { allow: left, sets, isWidened };
}

function entryOf(set: CallerSet, origin: RuleOrigin): AllowlistEntry {
  return { text: entryTextOf(set), trustDomain: trustDomainOf(set), origin };
}

function placeOf({
  namespace,
  policy,
}: Pick<RuleOrigin, 'namespace' | 'policy'>): Pick<RuleOrigin, 'namespace' | 'policy'> {
  return { namespace, policy };
}
