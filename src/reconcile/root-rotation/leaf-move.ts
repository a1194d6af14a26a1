import type { TrustBundle } from '../../spiffe/trust-bundle.js';
import type { InstalledPair } from '../pair.js';
import type { RootRecord } from './root-record.js';

/** Below this share of its lifetime a certificate is replaced without waiting for a proof of its successor's root. */
const patienceShare = 0.25;

interface LeafMove {
  /** The root that the new certificate is under. */
  readonly root: string;
  /** What the sources name now. */
  readonly sources: TrustBundle;
  readonly known: readonly RootRecord[];
  /** What the device serves; undefined when it is nothing that callers could accept now. */
  readonly served: InstalledPair | undefined;
  readonly now: Date;
}

/**
 * Why a new certificate is not to be served, or not yet; undefined when it may. Pure.
 *
 * Callers verify the device by the roots that the mesh publishes to them. A certificate under another root, however
 * valid, is an outage; the one that is served is better.
 */
export function whyLeafStays({ root, sources, known, served, now }: LeafMove): string | undefined {
  const name = `root ${root.slice(0, 12)}`;
  if (served?.rootFingerprint256 === root) {
    // Callers would trust it as little as the one that is served: nothing is worth changing the device all the time.
    return hasLostItsRoot(served, sources) && !isNearItsEnd(served, now)
      ? `the mesh CA still signs under ${name}, which the mesh does not publish any more`
      : undefined;
  }
  const found = sources.find(root);
  if (found?.isPublished !== true) {
    // What the operator names in the config file he answers for, where nothing better is served.
    if (served === undefined && found !== undefined) return undefined;
    return `the mesh CA signs under ${name}, which the mesh does not publish to callers yet`;
  }
  if (served === undefined) return undefined;
  const isUrgent = sources.find(served.rootFingerprint256)?.isPublished !== true || isNearItsEnd(served, now);
  const isProven = known.some(({ fingerprint256, stage }) => fingerprint256 === root && stage === 'accepted');
  return isUrgent || isProven
    ? undefined
    : `the mesh CA signs under ${name}, which is not proven on the device yet`;
}

/**
 * Whether the mesh took away the root of a certificate that is served: callers who learn that refuse it.
 *
 * A root that callers never were given by the mesh itself, but by some way that the config file stands for, is none.
 */
export function hasLostItsRoot(served: InstalledPair, sources: TrustBundle): boolean {
  const root = sources.find(served.rootFingerprint256);
  return root === undefined || (!root.isPublished && served.wasPublished);
}

function isNearItsEnd({ notBefore, notAfter }: InstalledPair, now: Date): boolean {
  const lifetime = notAfter.getTime() - notBefore.getTime();
  return notAfter.getTime() - now.getTime() < lifetime * patienceShare;
}
