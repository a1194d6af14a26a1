import { X509Certificate } from 'node:crypto';
import { pemBlocks } from '../certificate/file-content.js';
import { maySignLists, revocationLists, serialOf, subjectOf } from '../certificate/revocation-list.js';
import type { RevocationList } from '../certificate/revocation-list.js';

/** Numbers of OpenSSL's X509_V_ERR_ constants. */
const unableToGetCrl = 3;
const crlSignatureFailure = 8;
const crlNotYetValid = 11;
const crlHasExpired = 12;
const certRevoked = 23;
const keyUsageNoCrlSign = 35;

/**
 * What `crlFile` and `allowExpiredCrl` of a client SSL profile do.
 *
 * What a BIG-IP does with a CA that has no list in the file is not on record; this is OpenSSL's X509_V_FLAG_CRL_CHECK
 * with X509_V_FLAG_CRL_CHECK_ALL (check_revocation and check_crl of x509_vfy.c), the strict reading: each certificate
 * of a chain, the root's included, wants a list of its issuer.
 *
 * It is no option of Node's TLS: that keeps the last error of a chain only, and so could not tell a revoked certificate
 * from an expired list.
 */
export class Revocation {
  readonly #lists: readonly RevocationList[];
  readonly #roots: readonly X509Certificate[];
  readonly #allowsExpired: boolean;

  constructor(options: { readonly crlPem: string; readonly caPem: string; readonly allowsExpired: boolean }) {
    this.#lists = revocationLists(options.crlPem);
    this.#roots = pemBlocks(options.caPem, 'CERTIFICATE').map((pem) => new X509Certificate(pem));
    this.#allowsExpired = options.allowsExpired;
  }

  /** @param chain one that verifies, leaf first, with or without its root. @returns 0 when nothing speaks against it */
  offenceOf(chain: readonly X509Certificate[], at: Date): number {
    const authorities = [...chain.slice(1), ...this.#roots];
    let certificate = chain[0];
    while (certificate !== undefined) {
      const current: X509Certificate = certificate;
      const issuer = authorities.find((authority) => isIssuedBy(current, authority));
      const offence = issuer === undefined ? unableToGetCrl : this.#offence(current, issuer, at);
      if (offence !== 0) return offence;
      certificate = issuer?.raw.equals(current.raw) === true ? undefined : issuer;
    }
    return 0;
  }

  #offence(certificate: X509Certificate, issuer: X509Certificate, at: Date): number {
    const name = subjectOf(issuer);
    const named = this.#lists.filter((list) => name?.equals(list.issuer));
    if (named.length === 0) return unableToGetCrl;
    const [newest] = named
      .filter((list) => list.isSignedBy(issuer))
      .toSorted((a, b) => b.thisUpdate.getTime() - a.thisUpdate.getTime());
    if (newest === undefined) return crlSignatureFailure;
    if (!maySignLists(issuer)) return keyUsageNoCrlSign;
    if (at < newest.thisUpdate) return crlNotYetValid;
    if (newest.serials.has(serialOf(certificate))) return certRevoked;
    const hasExpired = newest.nextUpdate !== undefined && newest.nextUpdate <= at;
    return hasExpired && !this.#allowsExpired ? crlHasExpired : 0;
  }
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
