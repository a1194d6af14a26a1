import { svidRefusals } from '../spiffe/svid-refusal.js';

/** Why a caller is refused whose certificate gives a SPIFFE ID. */
const allowlistRejections = ['trust-domain', 'denied', 'not-listed'] as const;
export type AllowlistRejection = (typeof allowlistRejections)[number];

/**
 * Every word that a rejection can have, a closed set: logs, counters, `explain` and the iRule have no others.
 *
 * `not-verified` is the TLS stack's (time and chain); `internal-error` is the rule's for what nobody foresaw.
 */
export const rejectionReasons = [
  ...svidRefusals,
  'not-verified',
  ...allowlistRejections,
  'internal-error',
] as const;
export type RejectionReason = (typeof rejectionReasons)[number];
