import type { X509Certificate } from 'node:crypto';

import { walkCertificate } from './certificate-walk.js';
import { certificateFingerprint, renderCertificatesPem } from './svid.js';

/** Certificates and the place they were read from, such as `ConfigMap istio-system/istio-ca-root-cert`. */
export interface RootSource {
  readonly origin: string;
  readonly certificates: readonly X509Certificate[];
  /** Whether callers are given the roots of this place too, and so can verify a server under them. Default: no. */
  readonly isPublished?: boolean;
}

export interface TrustedRoot {
  readonly certificate: X509Certificate;
  /** SHA-256 of the DER, 64 lower-case hex digits. */
  readonly fingerprint256: string;
  /** Every place that named it, in the order of the sources. */
  readonly origins: readonly string[];
  /** Whether one of these places is one that callers are given too. */
  readonly isPublished: boolean;
}

/** A certificate that was offered as a root and is none, or was offered twice in one place. */
export interface NotARoot {
  readonly origin: string;
  /** Empty when the certificate has an empty subject. */
  readonly subject: string;
  readonly reason: 'not self-signed' | 'not a CA' | 'there twice';
}

/**
 * The root certificates that a device accepts callers from, and only roots.
 *
 * An intermediate as trust anchor would outlive its root's removal, so what is not self-signed is set aside and
 * named. Roots are de-duplicated by the SHA-256 of their DER and stand in the order of that hash: the same roots
 * always give the same text, whichever source was read first.
 */
export class TrustBundle {
  readonly roots: readonly TrustedRoot[];
  readonly setAside: readonly NotARoot[];

  private constructor(roots: readonly TrustedRoot[], setAside: readonly NotARoot[]) {
    this.roots = roots;
    this.setAside = setAside;
  }

  /** The union of what all the sources offer. */
  static of(sources: readonly RootSource[]): TrustBundle {
    const roots = new Map<
      string,
      { certificate: X509Certificate; origins: string[]; isPublished: boolean }
    >();
    const setAside: NotARoot[] = [];
    for (const { origin, certificates, isPublished = false } of sources) {
      const seen = new Set<string>();
      for (const certificate of certificates) {
        const reason = whyNotARoot(certificate);
        if (reason !== undefined) {
          setAside.push({ origin, subject: subjectOnOneLine(certificate), reason });
          continue;
        }
        const fingerprint = certificateFingerprint(certificate);
        const known = roots.get(fingerprint);
        if (known === undefined) {
          seen.add(fingerprint);
          roots.set(fingerprint, { certificate, origins: [origin], isPublished });
          continue;
        }
        if (seen.has(fingerprint))
          setAside.push({ origin, subject: subjectOnOneLine(certificate), reason: 'there twice' });
        if (!known.origins.includes(origin)) known.origins.push(origin);
        seen.add(fingerprint);
        known.isPublished ||= isPublished;
      }
    }
    return new TrustBundle(
      [...roots]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([fingerprint256, root]) => ({ ...root, fingerprint256 })),
      setAside,
    );
  }

  get isEmpty(): boolean {
    return this.roots.length === 0;
  }

  get certificates(): readonly X509Certificate[] {
    return this.roots.map((root) => root.certificate);
  }

  has(certificate: X509Certificate): boolean {
    return this.find(certificateFingerprint(certificate)) !== undefined;
  }

  /** @param fingerprint256 SHA-256 of the DER, lower-case hex */
  find(fingerprint256: string): TrustedRoot | undefined {
    return this.roots.find((root) => root.fingerprint256 === fingerprint256);
  }

  /** All roots as PEM, in their stable order. */
  toPem(): string {
    return renderCertificatesPem(this.certificates);
  }
}

/**
 * Issuer equal to subject is not enough: Istio's own test leaf `spiffe-workload-cert.pem` has that without being
 * self-signed. A root without basicConstraints counts, as it does for Istio; one that says CA:FALSE does not.
 */
function whyNotARoot(certificate: X509Certificate): 'not self-signed' | 'not a CA' | undefined {
  if (!isSelfSigned(certificate)) return 'not self-signed';
  // What the walk refuses, such as an old root of odd encoding, does not say CA:FALSE.
  const walked = walkCertificate(certificate.raw);
  return walked.ok && walked.walk.isCa === false ? 'not a CA' : undefined;
}

/** Whether the certificate's own key verifies its signature. */
export function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey);
}

function subjectOnOneLine(certificate: X509Certificate): string {
  // Node gives undefined for an empty subject, against its type declaration.
  const subject = certificate.subject as string | undefined;
  return (subject ?? '').split('\n').toReversed().join(', ');
}
