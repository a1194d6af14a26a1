import type { X509Certificate } from 'node:crypto';

import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';
import { parseCertificatesPem } from '../pki/pem.js';

/** What a mesh CA gave, apart: nothing of it is checked yet. */
interface IssuedCertificates {
  readonly leaf: X509Certificate;
  /** Whatever else came before the roots, in its order. */
  readonly others: readonly X509Certificate[];
  /** Everything in the last element, which should be the roots of the mesh. */
  readonly anchors: readonly X509Certificate[];
}

/**
 * Takes the answer of `CreateCertificate` apart: leaf first, root certificates in the last element.
 *
 * Since Istio 1.26 each element but the last holds one certificate; before, the leaf's element held the whole chain.
 * The last one holds all roots of a mesh that has several. An answer of one element has no root; Istio's own client
 * refuses it too (security/pkg/nodeagent/cache/secretcache.go).
 */
export function parseCertificateAnswer(certChain: readonly string[]): Parsed<IssuedCertificates> {
  if (certChain.length < 2) {
    return refused(`it has ${certChain.length} elements instead of a certificate and the roots`);
  }
  const elements: X509Certificate[][] = [];
  for (const [index, pem] of certChain.entries()) {
    const certificates = parseCertificatesPem(pem);
    if (!certificates.ok) return refused(`element ${index + 1}: ${certificates.reason}`);
    elements.push(certificates.value);
  }
  const anchors = elements.at(-1) ?? [];
  const [leaf, ...others] = elements.slice(0, -1).flat();
  if (leaf === undefined) return refused('it has no certificate before the roots');
  if (anchors.length === 0) return refused('its last element, which is for the roots, is empty');
  return accepted({ leaf, others, anchors });
}
