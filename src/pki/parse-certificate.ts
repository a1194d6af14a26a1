import { X509Certificate } from 'node:crypto';

import { certificateFacts } from './certificate-facts.js';

/** Reads one certificate, PEM or DER; undefined for what is none, or has a part that cannot be read. */
export function parseCertificate(encoded: string | Buffer): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(encoded);
    // Reading all of it here means that nobody after this meets a part that cannot be read.
    certificateFacts(certificate);
    return certificate.publicKey.type === 'public' ? certificate : undefined;
  } catch {
    return undefined;
  }
}
