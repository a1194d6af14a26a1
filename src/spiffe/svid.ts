import { createHash } from 'node:crypto';
import type { KeyObject, X509Certificate } from 'node:crypto';

import { Secret } from '../secret.js';
import type { SpiffeId } from './spiffe-id.js';

/**
 * An X509-SVID with its private key: what a device presents as one mesh service.
 *
 * It is a value and checks nothing; `verifySvid` of the identity folder does, before anything uses it.
 */
export class Svid {
  readonly spiffeId: SpiffeId;
  readonly leaf: X509Certificate;
  /** The intermediates from the leaf's issuer upwards, without any root; empty when a root signed the leaf. */
  readonly chain: readonly X509Certificate[];
  readonly privateKey: KeyObject;

  constructor(parts: {
    readonly spiffeId: SpiffeId;
    readonly leaf: X509Certificate;
    readonly chain: readonly X509Certificate[];
    readonly privateKey: KeyObject;
  }) {
    this.spiffeId = parts.spiffeId;
    this.leaf = parts.leaf;
    this.chain = Object.freeze([...parts.chain]);
    this.privateKey = parts.privateKey;
  }

  get notBefore(): Date {
    return new Date(this.leaf.validFrom);
  }

  get notAfter(): Date {
    return new Date(this.leaf.validTo);
  }

  /** SHA-256 of the leaf's DER, 64 lower-case hex digits. */
  get fingerprint256(): string {
    return certificateFingerprint(this.leaf);
  }

  renderLeafPem(): string {
    return renderCertificatesPem([this.leaf]);
  }

  /** The intermediates only, as a device takes them beside the leaf; the empty string when there are none. */
  renderChainPem(): string {
    return renderCertificatesPem(this.chain);
  }

  /** The private key as unencrypted PKCS#8. */
  renderKeyPem(): Secret {
    return new Secret(this.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  }
}

/** SHA-256 of the certificate's DER, 64 lower-case hex digits without colons. */
export function certificateFingerprint(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('hex');
}

/** One PEM block each, in the given order, 64 columns, a line feed at the end (RFC 7468). */
export function renderCertificatesPem(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => certificate.toString()).join('');
}
