import type { X509Certificate } from 'node:crypto';

import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';
import { certificateFacts, extendedKeyUsageOids } from './certificate-facts.js';

const anyExtendedKeyUsage = '2.5.29.37.0';
/** Real meshes have one to three intermediates; this bounds the search in a hostile pool. */
const maxIntermediates = 8;

/**
 * Finds the way from a certificate to one of the roots, and checks each step of it: names and key identifiers,
 * signature, validity, CA flag, keyCertSign, path length, extended key usage (RFC 5280 section 6.1, with the
 * nesting of extended key usages that Go and so Istio demands).
 *
 * @param from a leaf, or with `willSign` the CA certificate that is going to sign leaves.
 * @param options.intermediates in any order; Istio's own test chains come root first.
 * @returns the certificates from `from` to the root, both included; or why no way exists, told for the step that
 *   came nearest to a root.
 */
export function findChain(
  from: X509Certificate,
  options: {
    readonly intermediates: readonly X509Certificate[];
    readonly roots: readonly X509Certificate[];
    readonly at: Date;
    readonly willSign?: boolean;
  },
): Parsed<X509Certificate[]> {
  const { intermediates, roots, at } = options;
  const isRoot = (certificate: X509Certificate): boolean =>
    roots.some((root) => root.raw.equals(certificate.raw));
  let nearest = { length: 0, reason: '' };

  const climb = (chain: readonly X509Certificate[]): X509Certificate[] | undefined => {
    const last = chain.at(-1) ?? from;
    const isSigner = chain.length > 1 || options.willSign === true;
    const intermediatesBelow = chain.length - (options.willSign === true ? 1 : 2);
    const reason =
      validityOffence(last, at) ?? (isSigner ? signerOffence(last, intermediatesBelow) : undefined);
    if (reason !== undefined) return giveUp(chain, reason);
    if (isRoot(last)) return [...chain];
    if (chain.length > maxIntermediates)
      return giveUp(chain, `it has more than ${maxIntermediates} intermediates`);
    const issuers = [...roots, ...intermediates].filter(
      (candidate) =>
        !chain.includes(candidate) && last.checkIssued(candidate) && last.verify(candidate.publicKey),
    );
    for (const issuer of issuers) {
      const found = climb([...chain, issuer]);
      if (found !== undefined) return found;
    }
    return issuers.length === 0
      ? giveUp(chain, `${certificateName(last)} is signed by nobody among the intermediates and roots`)
      : undefined;
  };
  const giveUp = (chain: readonly X509Certificate[], reason: string): undefined => {
    if (chain.length > nearest.length) nearest = { length: chain.length, reason };
  };

  const chain = climb([from]);
  return chain === undefined ? refused(nearest.reason) : accepted(chain);
}

/** A certificate in a message: its subject on one line, or its serial number when it has none. */
export function certificateName(certificate: X509Certificate): string {
  // Node gives undefined for an empty subject, against its type declaration.
  const subject = certificate.subject as string | undefined;
  if (subject === undefined || subject === '') return `the certificate ${certificate.serialNumber}`;
  return `the certificate of ${subject.split('\n').toReversed().join(', ')}`;
}

function validityOffence(certificate: X509Certificate, at: Date): string | undefined {
  if (at < new Date(certificate.validFrom)) {
    return `${certificateName(certificate)} is not valid before ${isoSeconds(certificate.validFrom)}`;
  }
  if (at > new Date(certificate.validTo)) {
    return `${certificateName(certificate)} expired at ${isoSeconds(certificate.validTo)}`;
  }
  return undefined;
}

function signerOffence(certificate: X509Certificate, intermediatesBelow: number): string | undefined {
  const name = certificateName(certificate);
  const { basicConstraints, keyUsages, extendedKeyUsages } = certificateFacts(certificate);
  // Roots without any extension exist (Istio's multilevelpki test roots); trust makes them CAs, not a flag.
  const isBareRoot = basicConstraints === undefined && certificate.subject === certificate.issuer;
  if (basicConstraints?.ca !== true && !isBareRoot) return `${name} is not a CA`;
  if (keyUsages?.includes('keyCertSign') === false) return `${name} may not sign certificates (keyCertSign)`;
  if (basicConstraints?.pathLength !== undefined && intermediatesBelow > basicConstraints.pathLength) {
    return `${name} allows ${basicConstraints.pathLength} intermediates below it and has ${intermediatesBelow}`;
  }
  if (
    extendedKeyUsages !== undefined &&
    !extendedKeyUsages.includes(anyExtendedKeyUsage) &&
    !extendedKeyUsages.includes(extendedKeyUsageOids.serverAuth)
  ) {
    return `${name} is limited to other uses than serverAuth`;
  }
  return undefined;
}

function isoSeconds(opensslDate: string): string {
  return new Date(opensslDate).toISOString().replace('.000Z', 'Z');
}
