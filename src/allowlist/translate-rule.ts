import { BlockList, isIP } from 'node:net';
import { parseSpiffeId } from '../spiffe/spiffe-id.js';
import {
  namespaceMatcher,
  anyOf,
  principalMatcher,
  serviceAccountMatcher,
  trustDomainMatcher,
} from './caller-matcher.js';
import type { CallerMatcher } from './caller-matcher.js';
import type { CallerSet } from './caller-set.js';
import type { PolicyAttribute, PolicyClause, PolicyRule } from './policy-rule.js';
import type { SourceMatcher } from './source-matcher.js';
import { expandPrincipal } from './trust-domain-aliases.js';

/** Where the callers of a mesh service arrive. */
export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

interface RuleContext {
  /** Of the policy, which `serviceAccounts` without one are in. */
  readonly namespace: string;
  /** That of the mesh, then its aliases. */
  readonly trustDomains: readonly string[];
  readonly listen: ListenAddress;
}

/** What is said of a clause that a device cannot enforce. */
interface ClauseFinding {
  readonly path: string;
  readonly reason: string;
  /** Istio does the same on a TCP port. */
  readonly isRedundant?: true;
}

export interface TranslatedRule {
  /** Whom it matches: whom one of these does. */
  readonly sources: readonly SourceMatcher[];
  readonly findings: readonly ClauseFinding[];
}

/**
 * Translates a rule of ALLOW: it may match less than the rule says, never more.
 *
 * A rule with attributes of HTTP matches nothing on a TCP port, in Istio as here. A clause that cannot be enforced
 * takes its source with it, or the rule when it is no source's.
 */
export function translateAllowRule(rule: PolicyRule, context: RuleContext): TranslatedRule {
  const everywhere = [...rule.conditions, ...rule.operations.flat()];
  const ofSources = rule.sources.flat();
  const unusable = [...everywhere, ...ofSources].filter(isUnusable);
  if (unusable.length > 0) return refusedRule(unusable);
  if (!isForHere(rule, context.listen)) return { sources: [], findings: [] };
  const unseen = [
    ...everywhere.filter(isUnseen),
    ...ofSources.filter(({ attribute }) => attribute === 'http'),
  ];
  if (unseen.length > 0) return refusedRule(unseen);
  return {
    sources: rule.sources
      .filter((source) => !source.some(isUnseen))
      .map((source) => sourceMatcher([...source, ...rule.conditions], context)),
    findings: ofSources.filter(isUnseen).map((clause) => finding(clause, 'its source admits nobody')),
  };
}

function refusedRule(clauses: readonly PolicyClause[]): TranslatedRule {
  return { sources: [], findings: clauses.map((clause) => finding(clause, 'the rule admits nobody')) };
}

/** Translates a rule of DENY: it may match more than the rule says, never less. What cannot be enforced counts as met. */
export function translateDenyRule(rule: PolicyRule, context: RuleContext): TranslatedRule {
  const isIgnored = (clause: PolicyClause): boolean => isUnusable(clause) || isUnseen(clause);
  const kept = (clauses: readonly PolicyClause[]): readonly PolicyClause[] =>
    clauses.filter((clause) => !isIgnored(clause));
  const conditions = kept(rule.conditions);
  const enforced = { ...rule, operations: rule.operations.map(kept), conditions };
  if (!isForHere(enforced, context.listen)) return { sources: [], findings: [] };
  return {
    sources: rule.sources.map((source) => sourceMatcher([...kept(source), ...conditions], context)),
    findings: [...rule.sources.flat(), ...rule.operations.flat(), ...rule.conditions]
      .filter(isIgnored)
      .map((clause) => finding(clause, 'the rule denies whether it is met or not')),
  };
}

/** Whether it is not what Istio's schema and validation ask for. */
function isUnusable(clause: PolicyClause): boolean {
  return clause.attribute === 'unreadable' || isMalformed(clause);
}

/** Whether it speaks of something that a device's allowlist does not know. */
function isUnseen({ attribute }: PolicyClause): boolean {
  return attribute === 'http' || attribute === 'connection';
}

function finding({ path, attribute }: PolicyClause, consequence: string): ClauseFinding {
  if (attribute === 'http') {
    return {
      path,
      reason: `an attribute of HTTP, which nobody sees on a TCP port; ${consequence}, as in Istio`,
      isRedundant: true,
    };
  }
  const why =
    attribute === 'connection'
      ? "a device's allowlist knows callers by their SPIFFE IDs only"
      : "not as Istio's schema for an AuthorizationPolicy has it";
  return { path, reason: `${why}; ${consequence}` };
}

/** Whether port and address of the service are among those that the rule is for. */
function isForHere({ operations, conditions }: PolicyRule, listen: ListenAddress): boolean {
  return (
    conditions.every((clause) => isMetBy(clause, listen)) &&
    operations.some((operation) => operation.every((clause) => isMetBy(clause, listen)))
  );
}

function isMetBy({ attribute, values, notValues }: PolicyClause, listen: ListenAddress): boolean {
  if (attribute !== 'port' && attribute !== 'address') return true;
  const isHere = (value: string): boolean =>
    attribute === 'port' ? Number(value) === listen.port : isWithin(listen.address, value);
  return (values.length === 0 || values.some(isHere)) && !notValues.some(isHere);
}

/** Whether a port is no number, or an address no IP address or CIDR block. */
function isMalformed({ attribute, values, notValues }: PolicyClause): boolean {
  const isGood =
    attribute === 'port'
      ? (value: string) => /^[0-9]{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535
      : attribute === 'address'
        ? (value: string) => blockOf(value) !== undefined
        : () => true;
  return ![...values, ...notValues].every(isGood);
}

function isWithin(address: string, block: string): boolean {
  return blockOf(block)?.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4') ?? false;
}

function blockOf(text: string): BlockList | undefined {
  const [, address = '', length] = /^([^/]+)(?:\/([0-9]{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  const longest = version === 6 ? 128 : 32;
  if (version === 0 || address.includes('%') || Number(length ?? 0) > longest) return undefined;
  const block = new BlockList();
  block.addSubnet(address, Number(length ?? longest), version === 6 ? 'ipv6' : 'ipv4');
  return block;
}

function sourceMatcher(clauses: readonly PolicyClause[], context: RuleContext): SourceMatcher {
  const { namespace, trustDomains } = context;
  const matchers: Partial<Record<PolicyAttribute, (value: string) => CallerMatcher>> = {
    principal: (value) => principalMatcher(value, trustDomains),
    namespace: namespaceMatcher,
    'service-account': (value) => serviceAccountMatcher(value, namespace),
    'trust-domain': (value) => trustDomainMatcher(value, trustDomains),
  };
  const all: CallerMatcher[] = [];
  const not: CallerMatcher[] = [];
  const named: CallerSet[] = [];
  for (const clause of clauses) {
    const toMatcher = matchers[clause.attribute];
    if (toMatcher === undefined) continue;
    if (clause.values.length > 0) all.push(anyOf(clause.values.map(toMatcher)));
    not.push(...clause.notValues.map(toMatcher));
    if (clause.attribute === 'principal') named.push(...namedCallers(clause.values, trustDomains));
  }
  return { all, not, named };
}

/** IDs that are written in full and are of another form than Istio's. */
function namedCallers(principals: readonly string[], trustDomains: readonly string[]): readonly CallerSet[] {
  return principals
    .flatMap((principal) => expandPrincipal(principal, trustDomains))
    .flatMap((principal) => {
      const id = parseSpiffeId(`spiffe://${principal}`);
      const isOther = id.ok && id.value.path !== '' && id.value.namespace === undefined;
      return isOther && trustDomains.includes(id.value.trustDomain)
        ? [{ kind: 'caller', id: id.value } as const]
        : [];
    });
}
