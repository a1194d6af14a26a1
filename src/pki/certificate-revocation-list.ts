import { createHash, verify } from 'node:crypto';
import type { X509Certificate } from 'node:crypto';

import { fromBER } from 'asn1js';
import {
  AuthorityKeyIdentifier,
  Certificate,
  CertificateRevocationList,
  RelativeDistinguishedNames,
} from 'pkijs';
import type { Extension } from 'pkijs';

import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';
import { certificateFacts, extensionOids } from './certificate-facts.js';
import { certificateName } from './chain.js';
import { splitPem } from './pem.js';

/** A complete CRL of one CA, over all that it issued (RFC 5280 section 5); its signature is not looked at yet. */
export interface RevocationList {
  readonly der: Buffer;
  /** For messages: `O=Istio, CN=Root CA`. */
  readonly issuer: string;
  /** The first 12 hex digits of a hash over issuer name and authority key identifier: the same for all lists of a CA. */
  readonly issuerId: string;
  readonly thisUpdate: Date;
  /** By when the next one is published; undefined: nobody said. */
  readonly nextUpdate: Date | undefined;
  /** How many certificates it names. */
  readonly revoked: number;
  /** What its signature is checked by: read once, because lists may be long. */
  readonly signed: {
    /** The name of the CA, DER. */
    readonly issuerName: Buffer;
    readonly authorityKeyId: Buffer | undefined;
    readonly tbs: Buffer;
    readonly hash: 'sha256' | 'sha384' | 'sha512';
    readonly signature: Buffer;
  };
}

const crlOids = {
  deltaIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  certificateIssuer: '2.5.29.29',
} as const;

const hashes: Readonly<Record<string, 'sha256' | 'sha384' | 'sha512'>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
};

/** A ConfigMap holds 1 MiB, and no element is shorter than two bytes; the parser's own limit is 10,000. */
const maxNodes = 2 ** 19;

const attributeNames: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
};

/**
 * Reads every CRL of a PEM text (RFC 7468 section 7), in its order.
 *
 * @returns a verdict for each list by itself, so that one that is broken does not hide the others; a refusal of the
 *   whole where it is no PEM, or holds no CRL.
 */
export function parseRevocationListsPem(text: string): Parsed<ReadonlyArray<Parsed<RevocationList>>> {
  const blocks = splitPem(text);
  if (!blocks.ok) return blocks;
  const lists = blocks.value.filter(({ label }) => label === 'X509 CRL');
  if (lists.length === 0) return refused('it holds no CRL');
  return accepted(
    lists.map((block, index) => {
      const base64 = block.text.replaceAll(/-----[^-]+-----|\s/g, '');
      const list = parseRevocationList(Buffer.from(base64, 'base64'));
      return list.ok ? list : refused(`list ${index + 1}: ${list.reason}`);
    }),
  );
}

/** One PEM block each, 64 columns. */
export function renderRevocationListsPem(lists: readonly RevocationList[]): string {
  return lists
    .map(({ der }) => {
      const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
      return `-----BEGIN X509 CRL-----\n${lines.join('\n')}\n-----END X509 CRL-----\n`;
    })
    .join('');
}

/**
 * Checks a CRL as RFC 5280 section 6.3.3 says: it is in force, and signed by one of the given CAs, which may sign CRLs.
 * That it has expired is no offence here: what it revokes stays revoked.
 *
 * @param issuers CAs that are trusted themselves; this does not look for their way to a root.
 * @returns the CA that signed it.
 */
export function verifyRevocationList(
  list: RevocationList,
  issuers: readonly X509Certificate[],
  at: Date,
): Parsed<X509Certificate> {
  const named = issuers.filter((issuer) => isNamedBy(list, issuer));
  if (named.length === 0) return refused(`the CRL of ${list.issuer} is of a CA that is not known`);
  const signer = named.find((issuer) => isSignedBy(list, issuer));
  if (signer === undefined) return refused(`the signature of the CRL of ${list.issuer} is not that CA's`);
  if (certificateFacts(signer).keyUsages?.includes('cRLSign') === false)
    return refused(`${certificateName(signer)} may not sign CRLs: its key usage lacks cRLSign`);
  if (at < list.thisUpdate)
    return refused(`the CRL of ${list.issuer} is not in force before ${list.thisUpdate.toISOString()}`);
  return accepted(signer);
}

/** Whether a list says that it is of this CA, by name and key identifier. */
export function isNamedBy({ signed }: RevocationList, issuer: X509Certificate): boolean {
  const { issuerName, authorityKeyId } = signed;
  const name = RelativeDistinguishedNames.fromBER(issuerName);
  if (!name.isEqual(Certificate.fromBER(issuer.raw).subject)) return false;
  const keyId = certificateFacts(issuer).subjectKeyIdentifier;
  return authorityKeyId === undefined || keyId === undefined || authorityKeyId.equals(keyId);
}

function isSignedBy({ signed }: RevocationList, issuer: X509Certificate): boolean {
  try {
    return verify(signed.hash, signed.tbs, issuer.publicKey, signed.signature);
  } catch {
    return false;
  }
}

function parseRevocationList(der: Buffer): Parsed<RevocationList> {
  try {
    const { offset, result: schema } = fromBER(der, { maxNodes });
    if (offset !== der.length) return refused('it is no CRL');
    return judgeRevocationList(der, new CertificateRevocationList({ schema }));
  } catch {
    return refused('it is no CRL');
  }
}

function judgeRevocationList(der: Buffer, list: CertificateRevocationList): Parsed<RevocationList> {
  const { revokedCertificates = [], signature, signatureAlgorithm } = list;
  const extensions = list.crlExtensions?.extensions ?? [];
  const issuer = nameOf(list);
  const hash = hashes[signatureAlgorithm.algorithmId];
  if (hash === undefined)
    return refused(`the CRL of ${issuer} is signed by ${signatureAlgorithm.algorithmId}, which is not taken`);
  if (signature.algorithmId !== signatureAlgorithm.algorithmId)
    return refused(`the CRL of ${issuer} names two signature algorithms`);
  const why =
    partOf(extensions) ??
    revokedCertificates
      .map(({ crlEntryExtensions }) => partOf(crlEntryExtensions?.extensions ?? []))
      .find((offence) => offence !== undefined);
  if (why !== undefined) return refused(`the CRL of ${issuer} ${why}`);
  const issuerName = Buffer.from(list.issuer.toSchema().toBER());
  const authorityKeyId = readAuthorityKeyId(extensions);
  const identity = createHash('sha256')
    .update(issuerName)
    .update(authorityKeyId ?? '');
  return accepted({
    der,
    issuer,
    issuerId: identity.digest('hex').slice(0, 12),
    thisUpdate: list.thisUpdate.value,
    nextUpdate: list.nextUpdate?.value,
    revoked: revokedCertificates.length,
    signed: {
      issuerName,
      authorityKeyId,
      tbs: Buffer.from(list.tbsView),
      hash,
      signature: Buffer.from(list.signatureValue.valueBlock.valueHexView),
    },
  });
}

/** Why a list is not all that its CA has to say of what it issued itself (RFC 5280 sections 5.2.4, 5.2.5, 5.3.3). */
function partOf(extensions: readonly Extension[]): string | undefined {
  for (const { extnID, critical } of extensions) {
    if (extnID === crlOids.deltaIndicator) return 'is a delta CRL, which is none without its base';
    if (extnID === crlOids.issuingDistributionPoint)
      return 'is for a part of the certificates only, or an indirect one (issuingDistributionPoint)';
    if (extnID === crlOids.certificateIssuer) return 'is an indirect one (certificateIssuer)';
    if (critical && extnID !== extensionOids.authorityKeyIdentifier)
      return `has a critical extension that is not known (${extnID})`;
  }
  return undefined;
}

function readAuthorityKeyId(extensions: readonly Extension[]): Buffer | undefined {
  const extension = extensions.find(({ extnID }) => extnID === extensionOids.authorityKeyIdentifier);
  if (extension === undefined) return undefined;
  const { keyIdentifier } = AuthorityKeyIdentifier.fromBER(extension.extnValue.valueBlock.valueHexView);
  return keyIdentifier && Buffer.from(keyIdentifier.valueBlock.valueHexView);
}

function nameOf({ issuer }: CertificateRevocationList): string {
  const attributes = issuer.typesAndValues.map(
    ({ type, value }) => `${attributeNames[type] ?? type}=${value.valueBlock.value}`,
  );
  return attributes.length === 0 ? 'an issuer without a name' : attributes.join(', ');
}
