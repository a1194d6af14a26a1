import type { SpiffeId } from '../spiffe/spiffe-id.js';
import type { Allowlist, AllowlistEntry } from './allowlist.js';
import type { AllowlistRejection } from './rejection-reason.js';

/** Why a caller with a readable SPIFFE ID is let in or not. */
type DecisionReason = 'allowed' | AllowlistRejection;

interface Decision {
  readonly decision: 'allow' | 'reject';
  /** The entry that decided; absent when none did. */
  readonly entry?: AllowlistEntry;
  readonly reason: DecisionReason;
}

/**
 * Decides on one caller by three look-ups in each list, as the iRule does: the ID itself, `/sa/*` of its
 * namespace, `/ns/*` of its trust domain. Deny comes before allow. Patterns are for IDs of Istio's form only.
 *
 * The mode has no part in it: what `audit` lets pass is still a rejection here.
 *
 * @param trustDomains the mesh's trust domain and its aliases; an ID of any other is rejected unseen.
 */
export function decide(
  allowlist: Pick<Allowlist, 'allow' | 'deny'>,
  trustDomains: readonly string[],
  spiffeId: SpiffeId,
): Decision {
  if (!trustDomains.includes(spiffeId.trustDomain)) return { decision: 'reject', reason: 'trust-domain' };
  const keys = lookUpKeys(spiffeId);
  const denied = find(allowlist.deny, keys);
  if (denied !== undefined) return { decision: 'reject', entry: denied, reason: 'denied' };
  const allowed = find(allowlist.allow, keys);
  if (allowed !== undefined) return { decision: 'allow', entry: allowed, reason: 'allowed' };
  return { decision: 'reject', reason: 'not-listed' };
}

/** The texts under which an entry for this caller can stand, the most exact first. */
function lookUpKeys(spiffeId: SpiffeId): readonly string[] {
  const { text, trustDomain, namespace } = spiffeId;
  if (namespace === undefined) return [text];
  return [text, `spiffe://${trustDomain}/ns/${namespace}/sa/*`, `spiffe://${trustDomain}/ns/*`];
}

function find(entries: readonly AllowlistEntry[], keys: readonly string[]): AllowlistEntry | undefined {
  for (const key of keys) {
    const entry = entries.find(({ text }) => text === key);
    if (entry !== undefined) return entry;
  }
  return undefined;
}
