import { createHash } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { SpiffeId } from '../spiffe/spiffe-id.js';
import type { Svid } from '../spiffe/svid.js';
import type { TrustBundle } from '../spiffe/trust-bundle.js';

/** A caller is not used when it has less than this left: a proof lasts seconds, and clocks differ by minutes. */
const marginMs = 5 * 60_000;

interface Minted {
  readonly svid: Promise<Svid>;
  /** Until when it is used; unknown while it is being minted. */
  usableUntilMs: number;
}

/**
 * The callers of earlier proofs, so that repeating a proof needs no certificate from the mesh CA: in memory, and until
 * they come to their end or the mesh's roots change.
 */
export class CallerCache {
  readonly #clock: Clock;
  readonly #minted = new Map<string, Minted>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The caller of this ID, minted only when there is none that is still good under these roots. */
  get(spiffeId: SpiffeId, trustBundle: TrustBundle, mint: () => Promise<Svid>): Promise<Svid> {
    const nowMs = this.#clock.now().getTime();
    for (const [old, { usableUntilMs }] of this.#minted) if (usableUntilMs <= nowMs) this.#minted.delete(old);
    const roots = trustBundle.roots.map(({ fingerprint256 }) => fingerprint256).toSorted();
    const key = createHash('sha256')
      .update(JSON.stringify([spiffeId.text, roots]))
      .digest('hex');
    const known = this.#minted.get(key);
    if (known !== undefined) return known.svid;
    const minted: Minted = { svid: mint(), usableUntilMs: Infinity };
    this.#minted.set(key, minted);
    minted.svid.then(
      ({ notAfter }) => (minted.usableUntilMs = notAfter.getTime() - marginMs),
      () => this.#minted.delete(key),
    );
    return minted.svid;
  }
}
