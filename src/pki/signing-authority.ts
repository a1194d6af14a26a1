import type { KeyObject, X509Certificate } from 'node:crypto';

import { AgentError } from '../errors.js';
import { TrustBundle } from '../spiffe/trust-bundle.js';
import { caSecretName, parseCaSecret } from './ca-secret.js';
import type { CaSecret } from './ca-secret.js';
import { certificateFacts } from './certificate-facts.js';
import { certificateName, findChain } from './chain.js';
import { isKeyPair } from './key-pair.js';
import { signatureAlgorithmOf } from './signature-algorithm.js';

/**
 * The mesh CA: a certificate with its key that mints any identity of the mesh, checked when it was read.
 *
 * Who holds one can be every workload, so it is kept no longer than one mint needs it.
 */
export class SigningAuthority {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
  /** From the signing certificate upwards, without the root; empty when the root itself signs. */
  readonly chain: readonly X509Certificate[];
  /** The root that the chain ends in. */
  readonly root: X509Certificate;

  private constructor(parts: {
    certificate: X509Certificate;
    privateKey: KeyObject;
    path: readonly X509Certificate[];
  }) {
    this.certificate = parts.certificate;
    this.privateKey = parts.privateKey;
    this.chain = parts.path.slice(0, -1);
    this.root = parts.path.at(-1) ?? parts.certificate;
  }

  /** When the signing certificate ends; nothing that it signs is valid for longer. */
  get notAfter(): Date {
    return new Date(this.certificate.validTo);
  }

  /**
   * Reads the CA from a secret and checks it: key and certificate belong together, it is a CA that may sign leaves,
   * valid now, and its chain reaches a root of the secret.
   *
   * @throws AgentError MESH_ERR_CA_*, which names the secret and the key of it.
   */
  static fromSecret(secret: CaSecret, now: Date): SigningAuthority {
    const { layout, certificate, privateKey, intermediates, roots } = parseCaSecret(secret);
    const certificatePlace = `${layout.certificate} of ${caSecretName(secret)}`;
    const keyPlace = `${layout.privateKey} of ${caSecretName(secret)}`;
    if (!isKeyPair(certificate.publicKey, privateKey)) {
      throw new AgentError(
        'MESH_ERR_CA_KEY_MISMATCH',
        `${keyPlace} is not the key of ${layout.certificate}`,
        'put the key of that certificate into the secret, or the certificate of that key',
      );
    }
    signatureAlgorithmOf(privateKey, keyPlace);
    expectValid(certificate, now, certificatePlace);
    expectCa(certificate, certificatePlace);
    const trustBundle = TrustBundle.of([{ origin: layout.roots, certificates: roots }]);
    const path = findChain(certificate, {
      intermediates,
      roots: trustBundle.certificates,
      at: now,
      willSign: true,
    });
    if (!path.ok) {
      throw new AgentError(
        'MESH_ERR_CA_CHAIN',
        `${certificatePlace} does not lead to a root of ${layout.roots}: ${path.reason}`,
        `put the intermediates into ${layout.chain ?? layout.certificate} and the root that ends them into ${layout.roots}`,
      );
    }
    return new SigningAuthority({ certificate, privateKey, path: path.value });
  }
}

function expectValid(certificate: X509Certificate, now: Date, place: string): void {
  const from = new Date(certificate.validFrom);
  const to = new Date(certificate.validTo);
  if (now >= from && now < to) return;
  throw new AgentError(
    'MESH_ERR_CA_EXPIRED',
    now < from
      ? `${place} is not valid before ${from.toISOString()}`
      : `${place} expired at ${to.toISOString()}`,
    now < from ? 'compare the clocks of the agent and of the CA' : "renew the mesh's CA, then start again",
  );
}

function expectCa(certificate: X509Certificate, place: string): void {
  const { basicConstraints, keyUsages } = certificateFacts(certificate);
  const lacks =
    basicConstraints?.ca !== true
      ? 'is not a CA certificate'
      : keyUsages?.includes('keyCertSign') === false
        ? 'may not sign certificates (its KeyUsage lacks keyCertSign)'
        : undefined;
  if (lacks === undefined) return;
  throw new AgentError(
    'MESH_ERR_CA_CHAIN',
    `${place}, ${certificateName(certificate)}, ${lacks}`,
    'put a CA certificate with keyCertSign there',
  );
}
