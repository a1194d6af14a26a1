import type { KeyObject, X509Certificate } from 'node:crypto';

import { findChain } from '../pki/chain.js';
import type { SpiffeId } from '../spiffe/spiffe-id.js';
import { Svid } from '../spiffe/svid.js';
import { isSelfSigned } from '../spiffe/trust-bundle.js';
import type { TrustBundle } from '../spiffe/trust-bundle.js';
import type { FetchedSvid } from './identity-source.js';

/** What an identity source has in its hands, before anybody judged it. */
export interface SvidParts {
  readonly leaf: X509Certificate;
  /** Whatever came with the leaf: intermediates in any order, roots among them, more than are needed. */
  readonly others: readonly X509Certificate[];
  readonly privateKey: KeyObject;
  readonly trustBundle: TrustBundle;
}

/**
 * Makes an SVID with its chain in the order in which a device serves it: from the leaf's issuer upwards, no root.
 *
 * It judges nothing: where no way leads to the bundle, the intermediates stay as they came, and `verifySvid` says
 * what is wrong with them.
 */
export function assembleSvid(
  spiffeId: SpiffeId,
  { leaf, others, privateKey, trustBundle }: SvidParts,
  at: Date,
): FetchedSvid {
  const intermediates = others.filter((certificate) => !isSelfSigned(certificate));
  const path = findChain(leaf, { intermediates, roots: trustBundle.certificates, at });
  const chain = path.ok ? path.value.slice(1, -1) : intermediates;
  return { svid: new Svid({ spiffeId, leaf, chain, privateKey }), trustBundle };
}
