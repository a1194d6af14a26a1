import { AgentError } from '../errors.js';
import { findChain } from '../pki/chain.js';
import { isKeyPair } from '../pki/key-pair.js';
import type { SpiffeId } from '../spiffe/spiffe-id.js';
import { readSvidClaims } from '../spiffe/svid-claims.js';
import type { FetchedSvid, IdentitySource, SvidRequest } from './identity-source.js';

/** Gets an SVID and checks it; the one way in which the agent uses an identity source. */
export async function fetchVerifiedSvid(
  source: IdentitySource,
  request: SvidRequest,
  now: () => Date,
  signal: AbortSignal,
): Promise<FetchedSvid> {
  const fetched = await source.fetchSvid(request, signal);
  verifySvid(fetched, request.spiffeId, now(), source.name);
  return fetched;
}

/**
 * Checks what an identity source gave: the key is the leaf's, the leaf is an X509-SVID of exactly the expected ID, it
 * is valid now, and its chain leads to a root that came with it.
 *
 * @param sourceName for messages.
 * @throws AgentError MESH_ERR_SVID_*, the first that applies.
 */
export function verifySvid(
  { svid, trustBundle }: FetchedSvid,
  expected: SpiffeId,
  now: Date,
  sourceName: string,
): void {
  const what = `the certificate for ${expected.text} from ${sourceName}`;
  if (!isKeyPair(svid.leaf.publicKey, svid.privateKey)) {
    throw new AgentError(
      'MESH_ERR_SVID_KEY_MISMATCH',
      `the private key that came with ${what} is not its key`,
      `check that ${sourceName} was not read while it was being written`,
    );
  }
  const claims = readSvidClaims(svid.leaf.raw, { keyUsageMayBeAbsent: true });
  if (!claims.ok) {
    throw new AgentError(
      'MESH_ERR_SVID_WRONG_IDENTITY',
      `${what} is no X509-SVID (${claims.reason})`,
      'make the CA issue it with one URI SAN, the usages of a workload and CA:FALSE',
    );
  }
  if (claims.spiffeId.text !== expected.text || svid.spiffeId.text !== expected.text) {
    throw new AgentError(
      'MESH_ERR_SVID_WRONG_IDENTITY',
      `${what} carries ${claims.spiffeId.text}`,
      claims.spiffeId.trustDomain === expected.trustDomain
        ? "ask for this identity in the service's configuration, or give the source the right service account"
        : 'compare mesh.trustDomain with the trust domain that the CA signs for',
    );
  }
  expectValidNow(svid.notBefore, svid.notAfter, now, what);
  const chain = findChain(svid.leaf, {
    intermediates: svid.chain,
    roots: trustBundle.certificates,
    at: now,
  });
  if (!chain.ok) {
    throw new AgentError(
      'MESH_ERR_SVID_UNTRUSTED',
      `${what} does not lead to its trust bundle of ${trustBundle.roots.length} roots: ${chain.reason}`,
      `check the intermediates and roots that ${sourceName} gives`,
    );
  }
}

function expectValidNow(notBefore: Date, notAfter: Date, now: Date, what: string): void {
  if (notBefore <= now && now < notAfter) return;
  throw new AgentError(
    'MESH_ERR_SVID_NOT_VALID_NOW',
    now < notBefore
      ? `${what} is not valid before ${notBefore.toISOString()}`
      : `${what} expired at ${notAfter.toISOString()}`,
    now < notBefore ? 'compare the clocks of the agent and of the CA' : 'make the source renew it',
  );
}
