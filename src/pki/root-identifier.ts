import type { X509Certificate } from 'node:crypto';

import { Certificate } from 'pkijs';
import { certificateFacts } from './certificate-facts.js';

/** By what certificates name the root that issued them, in lower-case hexadecimal digits. */
export interface RootIdentifier {
  /** The content of its subjectKeyIdentifier; undefined where it has none (RFC 5280 section 4.2.1.2). */
  readonly keyId: string | undefined;
  /** Its subject in DER, as it stands in the issuer field of what it issued; undefined where it cannot be taken apart. */
  readonly subject: string | undefined;
  /** Its public key in DER: two certificates of one key issue alike. */
  readonly publicKey: string;
}

export function identifyRoot(certificate: X509Certificate): RootIdentifier {
  const publicKey = certificate.publicKey.export({ type: 'spki', format: 'der' }).toString('hex');
  try {
    const { subject } = Certificate.fromBER(certificate.raw);
    return {
      keyId: certificateFacts(certificate).subjectKeyIdentifier?.toString('hex'),
      subject: Buffer.from(subject.valueBeforeDecode).toString('hex'),
      publicKey,
    };
  } catch {
    // An old root of odd encoding, which OpenSSL reads and the parser does not.
    return { keyId: undefined, subject: undefined, publicKey };
  }
}
