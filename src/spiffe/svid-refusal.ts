/**
 * Why a certificate gives no SPIFFE ID. Of several faults, the first of this list is named.
 *
 * The words are shared with the iRule, which logs them and counts by them.
 */
export const svidRefusals = [
  'no-certificate',
  'too-large',
  'malformed',
  'no-san',
  'duplicate-san',
  'no-uri',
  'many-uris',
  'bad-spiffe-id',
  'ca-certificate',
  'key-usage',
  'extended-key-usage',
  'san-not-critical',
  'unknown-critical-extension',
] as const;
export type SvidRefusal = (typeof svidRefusals)[number];

/** Why a certificate cannot be walked to its end; what the walk found before does not count then. */
export type WalkRefusal = 'no-certificate' | 'too-large' | 'malformed';

/** Carries a refusal out of the walk; it never leaves this folder. */
export class WalkFault extends Error {
  override readonly name = 'WalkFault';
  readonly reason: WalkRefusal;

  constructor(reason: WalkRefusal) {
    super(reason);
    this.reason = reason;
  }
}
