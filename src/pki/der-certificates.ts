import type { X509Certificate } from 'node:crypto';

import { fromBER } from 'asn1js';

import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';
import { parseCertificate } from './parse-certificate.js';

/**
 * Reads certificates in DER that stand one after the other without anything between, as the SPIFFE Workload API sends
 * them; one that is broken refuses the whole.
 */
export function parseCertificatesDer(der: Buffer): Parsed<X509Certificate[]> {
  const certificates: X509Certificate[] = [];
  for (let rest = der; rest.length > 0;) {
    const { offset } = fromBER(rest);
    const certificate = offset > 0 ? parseCertificate(rest.subarray(0, offset)) : undefined;
    if (certificate === undefined) return refused(`certificate ${certificates.length + 1} in it is broken`);
    certificates.push(certificate);
    rest = rest.subarray(offset);
  }
  return accepted(certificates);
}
