import { AgentError } from '../../errors.js';
import { findChain } from '../../pki/chain.js';
import type { ProofCallers } from '../../proof/proof.js';
import type { TrustBundle } from '../../spiffe/trust-bundle.js';

/**
 * Lets nobody call for a proof whom the device cannot know: that he is refused would say nothing of the device.
 *
 * It happens when the mesh CA changes its root between two looks at it. What its answer named is remembered, and added
 * with the next reconcile.
 *
 * @throws AgentError MESH_ERR_ROOT_NEW
 */
export function requireKnownRoots(
  { good, bad }: Pick<ProofCallers, 'good' | 'bad'>,
  trustBundle: TrustBundle,
  at: Date,
): void {
  for (const caller of [good, bad]) {
    if (caller === undefined) continue;
    const { leaf, chain: intermediates } = caller;
    const path = findChain(leaf, { intermediates, roots: trustBundle.certificates, at });
    if (path.ok) continue;
    throw new AgentError(
      'MESH_ERR_ROOT_NEW',
      `the certificate of ${caller.spiffeId.text} leads to no root that the device accepts: ${path.reason}`,
      'the controller adds the root that the mesh CA named, without it bigip-mesh apply does; if it is in identity.rootRotation.remove, let the CA sign under another one',
    );
  }
}
