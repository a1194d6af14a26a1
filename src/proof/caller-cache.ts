import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { Secret } from '../secret.js';
import type { SpiffeId } from '../spiffe/spiffe-id.js';
import { Svid } from '../spiffe/svid.js';
import type { TrustBundle } from '../spiffe/trust-bundle.js';

/** A caller is not used when it has less than this left: a proof lasts seconds, and clocks differ by minutes. */
const marginMs = 5 * 60_000;

/** A caller in PEM: parsed certificates and keys are ten times the size, and there may be one for each service. */
interface PackedCaller {
  readonly spiffeId: SpiffeId;
  readonly leafPem: string;
  readonly chainPems: readonly string[];
  readonly keyPem: Secret;
}

interface Minted {
  readonly caller: Promise<PackedCaller>;
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
  async get(spiffeId: SpiffeId, trustBundle: TrustBundle, mint: () => Promise<Svid>): Promise<Svid> {
    const nowMs = this.#clock.now().getTime();
    for (const [old, { usableUntilMs }] of this.#minted) if (usableUntilMs <= nowMs) this.#minted.delete(old);
    const roots = trustBundle.roots.map(({ fingerprint256 }) => fingerprint256).toSorted();
    const key = createHash('sha256')
      .update(JSON.stringify([spiffeId.text, roots]))
      .digest('hex');
    const known = this.#minted.get(key);
    if (known !== undefined) return unpack(await known.caller);
    const svid = mint();
    const minted: Minted = { caller: svid.then(pack), usableUntilMs: Infinity };
    this.#minted.set(key, minted);
    try {
      const { notAfter } = await svid;
      minted.usableUntilMs = notAfter.getTime() - marginMs;
    } catch {
      this.#minted.delete(key);
    }
    return unpack(await minted.caller);
  }
}

function pack(svid: Svid): PackedCaller {
  return {
    spiffeId: svid.spiffeId,
    leafPem: svid.renderLeafPem(),
    chainPems: svid.chain.map((certificate) => certificate.toString()),
    keyPem: svid.renderKeyPem(),
  };
}

function unpack({ spiffeId, leafPem, chainPems, keyPem }: PackedCaller): Svid {
  return new Svid({
    spiffeId,
    leaf: new X509Certificate(leafPem),
    chain: chainPems.map((pem) => new X509Certificate(pem)),
    privateKey: createPrivateKey(keyPem.reveal()),
  });
}
