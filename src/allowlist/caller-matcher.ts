import { parseSpiffeId, serviceAccountSpiffeId } from '../spiffe/spiffe-id.js';
import type { CallerSet } from './caller-set.js';
import { expandPrincipal } from './trust-domain-aliases.js';

/** What of a set of callers a matcher matches. */
export interface Overlap {
  /** Every caller of these matches. */
  readonly sets: readonly CallerSet[];
  /** Whether nobody else of the set does: false where the rest cannot be put into records. */
  readonly isExact: boolean;
}

/** What one value of a policy says about the identity of a caller. */
export interface CallerMatcher {
  within(set: CallerSet): Overlap;
}

const nothing: Overlap = { sets: [], isExact: true };
const unknown: Overlap = { sets: [], isExact: false };
const scheme = 'spiffe://';
/** What a segment of a SPIFFE ID may consist of. */
const segment = /^[A-Za-z0-9._-]+$/;

function when(isMatch: boolean, set: CallerSet): Overlap {
  return isMatch ? { sets: [set], isExact: true } : nothing;
}

/** A value of `trustDomains`: one of the mesh's stands for all of them. */
export function trustDomainMatcher(value: string, trustDomains: readonly string[]): CallerMatcher {
  const meant = trustDomains.includes(value) ? trustDomains : [value];
  return {
    within: (set) => when(meant.includes(set.kind === 'caller' ? set.id.trustDomain : set.trustDomain), set),
  };
}

/**
 * A value of `namespaces`, in which each `*` stands for any characters.
 *
 * Istio asks whether `/ns/VALUE/` is anywhere in the ID (I:pilot/pkg/security/authz/model/generator.go). An account's
 * name comes behind the last slash and so has no part in it: all of a namespace match, or none.
 */
export function namespaceMatcher(value: string): CallerMatcher {
  const pieces = `/ns/${value}/`.split('*');
  const within = (set: CallerSet): Overlap => {
    if (set.kind === 'caller') return when(hasInOrder(set.id.text, pieces), set);
    const { trustDomain } = set;
    if (set.kind === 'namespace') {
      return when(hasInOrder(`${scheme}${trustDomain}/ns/${set.namespace}/sa/`, pieces), set);
    }
    if (value === '*') return when(true, set);
    if (value.includes('*')) return unknown;
    // A namespace "ns" has "/ns/sa/" in its IDs, and a trust domain "ns" has "/ns/ns/".
    const named = [...new Set([value, 'ns'])].filter((namespace) => segment.test(namespace));
    const sets = named.flatMap((namespace) => within({ kind: 'namespace', trustDomain, namespace }).sets);
    return { sets, isExact: trustDomain !== 'ns' || value !== 'ns' };
  };
  return { within };
}

/** Whether the pieces follow each other; by search, because an expression of many `.*` may take for ever. */
function hasInOrder(text: string, pieces: readonly string[]): boolean {
  let from = 0;
  return pieces.every((piece) => {
    const found = text.indexOf(piece, from);
    from = found + piece.length;
    return found !== -1;
  });
}

/**
 * A value of `serviceAccounts`: `NAMESPACE/NAME`, or `NAME` in the namespace of the policy.
 *
 * Istio's expression also takes IDs with more segments (I:pilot/pkg/security/authz/model/generator.go).
 */
export function serviceAccountMatcher(value: string, policyNamespace: string): CallerMatcher {
  const slash = value.indexOf('/');
  const namespace = slash === -1 ? policyNamespace : value.slice(0, slash);
  const serviceAccount = value.slice(slash + 1);
  const pattern = new RegExp(
    `^spiffe://.+/ns/${literally(namespace)}/(.+/|)sa/${literally(serviceAccount)}(/.+)?$`,
  );
  return {
    within: (set) => {
      if (set.kind === 'caller') return when(pattern.test(set.id.text), set);
      if (set.kind === 'namespace' && set.namespace !== namespace) return nothing;
      return account(set.trustDomain, namespace, serviceAccount);
    },
  };
}

/**
 * A value of `principals`: exact, `PREFIX*`, `*SUFFIX` or `*`, without `spiffe://`, matched against the whole ID.
 *
 * @param trustDomains that of the mesh, then its aliases.
 */
export function principalMatcher(value: string, trustDomains: readonly string[]): CallerMatcher {
  return anyOf(expandPrincipal(value, trustDomains).map(expandedPrincipalMatcher));
}

function expandedPrincipalMatcher(value: string): CallerMatcher {
  if (value === '*') return { within: (set) => when(true, set) };
  if (value.startsWith('*')) return suffixMatcher(value.slice(1));
  if (value.endsWith('*')) return prefixMatcher(value.slice(0, -1));
  return {
    within: (set) => {
      if (set.kind === 'caller') return when(set.id.text === scheme + value, set);
      const id = parseSpiffeId(scheme + value);
      if (!id.ok || id.value.namespace === undefined || id.value.trustDomain !== set.trustDomain) {
        return nothing;
      }
      if (set.kind === 'namespace' && id.value.namespace !== set.namespace) return nothing;
      return { sets: [{ kind: 'caller', id: id.value }], isExact: true };
    },
  };
}

function prefixMatcher(prefix: string): CallerMatcher {
  return {
    within: (set) => {
      if (set.kind === 'caller') return when(set.id.text.startsWith(scheme + prefix), set);
      const { trustDomain } = set;
      const stem = `${trustDomain}/ns/${set.kind === 'namespace' ? `${set.namespace}/sa/` : ''}`;
      if (stem.startsWith(prefix)) return when(true, set);
      if (!prefix.startsWith(stem)) return nothing;
      const rest = prefix.slice(stem.length);
      if (set.kind === 'namespace') return segment.test(rest) ? unknown : nothing;
      const slash = rest.indexOf('/');
      if (slash === -1) return segment.test(rest) ? unknown : nothing;
      const namespace = rest.slice(0, slash);
      if (!segment.test(namespace)) return nothing;
      return prefixMatcher(prefix).within({ kind: 'namespace', trustDomain, namespace });
    },
  };
}

function suffixMatcher(suffix: string): CallerMatcher {
  return {
    within: (set) => {
      if (set.kind === 'caller') {
        const { text } = set.id;
        return when(text.endsWith(suffix) && text.length >= scheme.length + suffix.length, set);
      }
      const { trustDomain } = set;
      const [name = '', ...before] = suffix.split('/').reverse();
      if (!segment.test(name)) return nothing;
      if (before.length === 0) return unknown;
      const head = before.reverse().join('/');
      if (set.kind === 'namespace') {
        const isMatch = `${trustDomain}/ns/${set.namespace}/sa`.endsWith(head);
        return isMatch ? account(trustDomain, set.namespace, name) : nothing;
      }
      // Only a suffix that spells the namespace out names a single account.
      const [sa, namespace, ...rest] = head.split('/').reverse();
      if (rest.length === 0 || namespace === undefined) {
        const isPossible = namespace === undefined ? 'sa'.endsWith(sa ?? '') : sa === 'sa';
        return isPossible && (namespace === undefined || namespace === '' || segment.test(namespace))
          ? unknown
          : nothing;
      }
      if (!segment.test(namespace)) return nothing;
      return suffixMatcher(suffix).within({ kind: 'namespace', trustDomain, namespace });
    },
  };
}

/** Matches whom any of these matches; nobody, when there are none. */
export function anyOf(matchers: readonly CallerMatcher[]): CallerMatcher {
  return {
    within: (set) => {
      const sets: CallerSet[] = [];
      let isExact = true;
      for (const matcher of matchers) {
        const overlap = matcher.within(set);
        if (overlap.sets.includes(set)) return overlap;
        sets.push(...overlap.sets);
        isExact &&= overlap.isExact;
      }
      return { sets, isExact };
    },
  };
}

/** One account, or nobody where these are no names that a SPIFFE ID can have. */
function account(trustDomain: string, namespace: string, serviceAccount: string): Overlap {
  const id = serviceAccountSpiffeId({ trustDomain, namespace, serviceAccount });
  return id.ok ? { sets: [{ kind: 'caller', id: id.value }], isExact: true } : nothing;
}

function literally(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
