import { backOffMs } from '../back-off.js';
import type { InstalledPair } from './pair.js';

/**
 * What the ledger remembers of a pair whose successors did not pass their proof: the pair was rolled back to.
 *
 * It stands with the facts of the pair in use and not with those of the failed one: that one is removed, and the
 * wait has to outlive it, and any restart of the agent. It ends with the pair, when a successor is proven.
 */
export interface RotationFailure {
  /** In a row. */
  readonly failures: number;
  readonly failedAt: Date;
  /** The first 12 hex digits of the last failed leaf's SHA-256, as in the names of its objects. */
  readonly fingerprint: string;
}

type Facts = InstalledPair['pair']['facts'];

/** A broken device is not sent a new pair every second, and a mended one does not wait for half a day. */
const backOff = { firstMs: 5 * 60_000, longestMs: 3_600_000 };

/** @returns undefined for a pair that nothing was rolled back to */
export function rotationFailure(facts: Facts): RotationFailure | undefined {
  const { failures, failed } = facts;
  const at = facts['failed-at'];
  if (failed === undefined || !isNumber(failures) || !isNumber(at)) return undefined;
  return { failures: Number(failures), failedAt: new Date(Number(at) * 1000), fingerprint: failed };
}

/** The facts of the pair that was rolled back to. */
export function factsAfterFailure(facts: Facts, failedFingerprint: string, now: Date): Facts {
  return {
    ...facts,
    failures: String((rotationFailure(facts)?.failures ?? 0) + 1),
    failed: failedFingerprint.slice(0, 12),
    'failed-at': String(Math.floor(now.getTime() / 1000)),
  };
}

/** When the next new pair is tried: five minutes after the first failure, then ten, up to an hour. */
export function nextTry({ failures, failedAt }: RotationFailure): Date {
  // The pairs of a fleet fail one by one; nothing has to be spread.
  return new Date(failedAt.getTime() + backOffMs(backOff, failures, () => 0));
}

/**
 * The failure for whose sake an installed pair is kept although a new one is called for.
 *
 * @returns undefined when there was none, when the wait is over, and for a pair that has expired: none is worse
 */
export function failureToWaitFor(
  { pair, notAfter }: Pick<InstalledPair, 'pair' | 'notAfter'>,
  now: Date,
): RotationFailure | undefined {
  const failure = rotationFailure(pair.facts);
  return failure !== undefined && now < nextTry(failure) && now < notAfter ? failure : undefined;
}

/**
 * Why a pair that was in use before is not put back: it would be worse than the one that failed.
 *
 * @param roots SHA-256 of each root of the trust bundle as it is now: one that was taken out is not brought back
 * @returns undefined for one that is as good as it was
 */
export function whyNotGood(
  { spiffeId, notBefore, notAfter, rootFingerprint256 }: InstalledPair,
  now: { readonly spiffeId: string; readonly roots: readonly string[]; readonly at: Date },
): string | undefined {
  if (spiffeId !== now.spiffeId) return `it is of ${spiffeId}`;
  if (now.at < notBefore) return `it is not valid before ${notBefore.toISOString()}`;
  if (now.at >= notAfter) return `it expired at ${notAfter.toISOString()}`;
  if (!now.roots.includes(rootFingerprint256)) return 'its root is none of the mesh any more';
  return undefined;
}

function isNumber(text: string | undefined): text is string {
  return text !== undefined && /^\d+$/.test(text);
}
