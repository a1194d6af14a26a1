import { X509Certificate } from 'node:crypto';
import { findChain } from '../pki/chain.js';
import type { CallerCertificates } from './certificate-file.js';

/**
 * Why the TLS stack would end the handshake before it asks the rule: time and, where the roots are known, the chain.
 *
 * A leaf that signed itself needs no roots to be refused: none of the mesh's is one.
 *
 * @returns undefined when there is no objection
 */
export function tlsObjection(
  { der, others }: CallerCertificates,
  { now, roots }: { readonly now: Date; readonly roots: readonly X509Certificate[] | undefined },
): string | undefined {
  const leaf = readCertificate(der);
  if (leaf === undefined) return 'OpenSSL cannot read it';
  if (now < new Date(leaf.validFrom)) return `it is not valid before ${isoSeconds(leaf.validFrom)}`;
  if (now > new Date(leaf.validTo)) return `it expired at ${isoSeconds(leaf.validTo)}`;
  if (roots === undefined) return hasSignedItself(leaf) ? 'it has signed itself' : undefined;
  const intermediates = others.map(readCertificate).filter((other) => other !== undefined);
  const chain = findChain(leaf, { intermediates, roots, at: now });
  return chain.ok ? undefined : chain.reason;
}

/** By its signature and names alone: a leaf has no keyCertSign, so OpenSSL would not call it its own issuer. */
function hasSignedItself(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey);
}

/** @returns undefined also for one with a key that OpenSSL does not know */
function readCertificate(der: Buffer): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(der);
    return certificate.publicKey.type === 'public' ? certificate : undefined;
  } catch {
    return undefined;
  }
}

function isoSeconds(opensslDate: string): string {
  return new Date(opensslDate).toISOString().replace('.000Z', 'Z');
}
