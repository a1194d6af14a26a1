import type { RejectionReason } from '../allowlist/rejection-reason.js';

/** What one engine makes of a certificate. */
export interface Verdict {
  readonly decision: 'allow' | 'reject';
  /** Undefined when the certificate gives none. */
  readonly spiffeId: string | undefined;
  readonly reason: 'allowed' | RejectionReason;
}

const engineNames = ['rule', 'core'] as const;
export type EngineName = (typeof engineNames)[number];

/**
 * Something that decides about callers by their certificates: the shipped iRule, or the matcher in TypeScript.
 *
 * Neither looks at time and chain, which TLS judges before a rule is asked.
 */
export interface Engine {
  readonly name: EngineName;
  /** @param der the caller's own certificate, the first that it shows. */
  judge(der: Buffer): Promise<Verdict>;
}

export function isSameVerdict(a: Verdict, b: Verdict): boolean {
  return a.decision === b.decision && a.spiffeId === b.spiffeId && a.reason === b.reason;
}
