import { parseSpiffeId } from '../spiffe/spiffe-id.js';
import type { SpiffeId } from '../spiffe/spiffe-id.js';

/**
 * A set of callers that one record of a data group can stand for: one caller, every service account of a namespace,
 * every service account of a trust domain. The latter two hold IDs of Istio's form only.
 *
 * Of any two such sets one includes the other, or they have nobody in common.
 */
export type CallerSet =
  | { readonly kind: 'caller'; readonly id: SpiffeId }
  | { readonly kind: 'namespace'; readonly trustDomain: string; readonly namespace: string }
  | { readonly kind: 'trust-domain'; readonly trustDomain: string };

/** The text of its entry, which is the name of its record. */
export function entryTextOf(set: CallerSet): string {
  if (set.kind === 'caller') return set.id.text;
  return `spiffe://${set.trustDomain}/ns/${set.kind === 'namespace' ? `${set.namespace}/sa/*` : '*'}`;
}

export function trustDomainOf(set: CallerSet): string {
  return set.kind === 'caller' ? set.id.trustDomain : set.trustDomain;
}

/** @param text that of an entry, as `parseEntryText` accepts it. */
export function callerSetOf(text: string): CallerSet {
  const [, trustDomain = '', , namespace = ''] = text.slice('spiffe:/'.length).split('/');
  if (text.endsWith('/sa/*')) return { kind: 'namespace', trustDomain, namespace };
  if (text.endsWith('/ns/*')) return { kind: 'trust-domain', trustDomain };
  const id = parseSpiffeId(text);
  if (!id.ok) throw new Error('the text of an entry was checked when it was read');
  return { kind: 'caller', id: id.value };
}

/** Whether every caller of `inner` is one of `outer`. */
export function includes(outer: CallerSet, inner: CallerSet): boolean {
  if (outer.kind === 'caller') return inner.kind === 'caller' && inner.id.text === outer.id.text;
  if (outer.trustDomain !== trustDomainOf(inner)) return false;
  // An ID of another form than Istio's is in no set but its own.
  const isIstioForm = inner.kind !== 'caller' || inner.id.namespace !== undefined;
  if (outer.kind === 'trust-domain') return isIstioForm;
  if (inner.kind === 'trust-domain') return false;
  return (inner.kind === 'caller' ? inner.id.namespace : inner.namespace) === outer.namespace;
}

export function haveCallersInCommon(a: CallerSet, b: CallerSet): boolean {
  return includes(a, b) || includes(b, a);
}
