import { AgentError } from '../errors.js';
import type { SpiffeId } from '../spiffe/spiffe-id.js';
import { Svid } from '../spiffe/svid.js';
import { issueCertificate } from './issue-certificate.js';
import { generateKeyPair } from './key-pair.js';
import type { KeyType } from './key-pair.js';
import type { SigningAuthority } from './signing-authority.js';

/** Clocks in a cluster differ a little; istiod allows for the same (security/pkg/pki/util/generate_cert.go). */
const clockSkewMs = 2 * 60 * 1000;

/**
 * Makes a new key and a workload certificate of exactly the profile that istiod gives its workloads: empty subject,
 * one critical URI SAN, KeyUsage digitalSignature and keyEncipherment, both extended usages, CA:FALSE, valid from two
 * minutes ago until `ttlMs` from now or the signer's end, whichever comes first.
 *
 * @throws AgentError MESH_ERR_CA_EXPIRED when the signer has ended by `now`.
 */
export async function mintSvid(
  authority: SigningAuthority,
  request: {
    readonly spiffeId: SpiffeId;
    readonly keyType: KeyType;
    readonly ttlMs: number;
    readonly now: Date;
  },
): Promise<Svid> {
  const { spiffeId, keyType, ttlMs, now } = request;
  if (authority.notAfter <= now) {
    throw new AgentError(
      'MESH_ERR_CA_EXPIRED',
      `the mesh CA's certificate expired at ${authority.notAfter.toISOString()}`,
      "renew the mesh's CA, then start again",
    );
  }
  const { publicKey, privateKey } = await generateKeyPair(keyType);
  const leaf = issueCertificate(
    {
      subject: [],
      publicKey,
      notBefore: new Date(now.getTime() - clockSkewMs),
      notAfter: new Date(Math.min(now.getTime() + ttlMs, authority.notAfter.getTime())),
      keyUsages: ['digitalSignature', 'keyEncipherment'],
      extendedKeyUsages: ['serverAuth', 'clientAuth'],
      basicConstraints: { ca: false },
      subjectAltNames: { isCritical: true, names: [{ type: 'uri', value: spiffeId.text }] },
    },
    authority,
  );
  return new Svid({ spiffeId, leaf, chain: authority.chain, privateKey });
}
