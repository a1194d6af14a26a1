import { X509Certificate, createHash } from 'node:crypto';
import { Sequence, fromBER } from 'asn1js';
import type { BaseBlock } from 'asn1js';
import { pemBlocks } from './file-content.js';
import { renderName, renderSubjectAltName } from './openssl-text.js';
import { bytesOf, contextTag, itemsOf, oidOf } from './der.js';

/** What `sys/file/ssl-cert` shows of one certificate. */
export interface CertificateFacts {
  /** `CN=a,O=b,C=US`: most specific first, without escaping. Empty for an empty subject. */
  readonly subject: string;
  readonly issuer: string;
  /** Epoch seconds. */
  readonly expirationDate: number;
  /** `Oct  7 14:15:29 2029 GMT` */
  readonly expirationString: string;
  /** Decimal up to 32 bits, colon-separated lower-case hex beyond. */
  readonly serialNumber: string;
  /** `SHA256/76:B5:...` */
  readonly fingerprint: string;
  readonly keyType: string;
  readonly keySize: number;
  readonly curveName: string;
  readonly version: number;
  readonly email?: string;
  /** `URI:spiffe://..., DNS:...`, as OpenSSL prints it. */
  readonly subjectAlternativeName?: string;
  /** SHA-256 of the public key, to tell whether a private key belongs to it. */
  readonly publicKeyHash: string;
}

/** Reads every certificate of a PEM file; undefined when there is none, or one of them is not a certificate. */
export function parseCertificates(file: string): readonly CertificateFacts[] | undefined {
  const blocks = pemBlocks(file, '(?:TRUSTED |X509 )?CERTIFICATE');
  if (blocks.length === 0) return undefined;
  try {
    return blocks.map((pem) => factsOf(new X509Certificate(pem)));
  } catch {
    return undefined;
  }
}

/** The hash that a private key's public half is compared with. */
export function hashPublicKey(spki: Buffer): string {
  return createHash('sha256').update(spki).digest('hex');
}

function factsOf(certificate: X509Certificate): CertificateFacts {
  const fields = tbsFields(certificate.raw);
  const key = certificate.publicKey;
  const email = fields.email ?? firstEmail(fields.subjectAltName);
  return {
    subject: fields.subject,
    issuer: fields.issuer,
    expirationDate: Math.floor(Date.parse(certificate.validTo) / 1000),
    expirationString: certificate.validTo,
    serialNumber: renderSerial(certificate.serialNumber),
    fingerprint: `SHA256/${certificate.fingerprint256}`,
    keyType: `${key.asymmetricKeyType ?? 'unknown'}-public`,
    keySize: keySize(key.asymmetricKeyDetails),
    curveName: key.asymmetricKeyDetails?.namedCurve ?? 'none',
    version: fields.version,
    publicKeyHash: hashPublicKey(key.export({ type: 'spki', format: 'der' })),
    ...(email === undefined ? {} : { email }),
    ...(fields.subjectAltName === undefined ? {} : { subjectAlternativeName: fields.subjectAltName }),
  };
}

/** Bits of a key: the RSA modulus, or the order of the curve. */
export function keySize(
  details: { readonly modulusLength?: number; readonly namedCurve?: string } | undefined,
): number {
  if (details?.modulusLength !== undefined) return details.modulusLength;
  const curves: Readonly<Record<string, number>> = {
    prime256v1: 256,
    secp256k1: 256,
    secp384r1: 384,
    secp521r1: 521,
  };
  return curves[details?.namedCurve ?? ''] ?? 0;
}

function renderSerial(hex: string): string {
  const digits = hex.length % 2 === 0 ? hex : `0${hex}`;
  const value = BigInt(`0x${digits}`);
  if (value < 2n ** 32n) return value.toString();
  return (digits.toLowerCase().match(/../g) ?? []).join(':');
}

interface TbsFields {
  readonly version: number;
  readonly subject: string;
  readonly issuer: string;
  readonly email: string | undefined;
  readonly subjectAltName: string | undefined;
}

/** The fields of TBSCertificate (RFC 5280 section 4.1) that node:crypto does not give as values. */
function tbsFields(der: Buffer): TbsFields {
  const parsed = fromBER(der);
  if (parsed.offset === -1 || !(parsed.result instanceof Sequence)) throw new TypeError('not a certificate');
  const tbs = itemsOf(itemsOf(parsed.result)[0]);
  const hasVersion = contextTag(tbs[0]) === 0;
  const fields = hasVersion ? tbs.slice(1) : tbs;
  const [, , issuer, , subject] = fields;
  const extensions = itemsOf(itemsOf(fields.find((field) => contextTag(field) === 3))[0]);
  const subjectName = renderName(subject);
  return {
    version: hasVersion ? (bytesOf(itemsOf(tbs[0])[0])[0] ?? 0) + 1 : 1,
    subject: subjectName,
    issuer: renderName(issuer),
    email: /(?:^|,)emailAddress=([^,]*)/.exec(subjectName)?.[1],
    subjectAltName: subjectAltName(extensions),
  };
}

function subjectAltName(extensions: readonly BaseBlock[]): string | undefined {
  for (const extension of extensions) {
    const parts = itemsOf(extension);
    if (oidOf(parts[0]) !== '2.5.29.17') continue;
    const value = parts.at(-1);
    const names = value === undefined ? undefined : fromBER(bytesOf(value)).result;
    return names instanceof Sequence ? renderSubjectAltName(names) : undefined;
  }
  return undefined;
}

function firstEmail(subjectAltNameText: string | undefined): string | undefined {
  return /(?:^|, )email:([^,]*)/.exec(subjectAltNameText ?? '')?.[1];
}
