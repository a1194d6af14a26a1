import type { AgentError } from '../errors.js';
import type { KeyType } from '../pki/key-pair.js';
import type { SpiffeId } from '../spiffe/spiffe-id.js';
import type { Svid } from '../spiffe/svid.js';
import type { TrustBundle } from '../spiffe/trust-bundle.js';

/** What is asked of an identity source. */
export interface SvidRequest {
  readonly spiffeId: SpiffeId;
  /** A wish: sources shorten it, some ignore it. */
  readonly ttlMs: number;
  /** Of the new key; sources that hand out ready keys ignore it. */
  readonly keyType: KeyType;
}

export interface FetchedSvid {
  readonly svid: Svid;
  /** The roots that it may be verified by: those of every place, and those that came with it. */
  readonly trustBundle: TrustBundle;
  /** The roots that the mesh CA named in its answer; undefined for a source that asks none. */
  readonly answered?: TrustBundle;
}

/** Where an SVID comes from: istiod, a CA secret, a Kubernetes secret, files, the SPIFFE Workload API. */
export interface IdentitySource {
  /** As the configuration calls it, for messages. */
  readonly name: string;
  /** Whether it can mint any identity of the mesh, as the holder of the CA key can; the proof then makes callers. */
  readonly canImpersonate: boolean;
  /**
   * Whether each call makes a new key and certificate. A source that hands out what somebody else renews does not, and
   * is asked on every reconcile: what was replaced there has to reach the device, whatever the age of the old one.
   */
  readonly mintsKeys: boolean;
  /** The failure of before with which `fetchSvid` would answer now, without asking anybody. */
  readonly sparedFor?: (spiffeId: SpiffeId) => AgentError | undefined;
  /**
   * Gets an SVID; each call gives a new key where the source makes keys.
   *
   * Use `fetchVerifiedSvid`: what a source gives is not to be trusted before it was checked.
   *
   * @throws AgentError when there is none to have; the signal's reason when it aborts first.
   */
  fetchSvid(request: SvidRequest, signal: AbortSignal): Promise<FetchedSvid>;
  /**
   * Gets the mesh's roots as they are now, without a certificate.
   *
   * @throws AgentError when they cannot be had: roots that are unknown are not the same as none.
   */
  fetchTrustBundle(signal: AbortSignal): Promise<TrustBundle>;
}
