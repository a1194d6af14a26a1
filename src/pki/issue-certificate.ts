import { hash, randomBytes, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { BitString, Integer, ObjectIdentifier, OctetString, Sequence, Set, Utf8String } from 'asn1js';
import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtKeyUsage,
  Extension,
  PublicKeyInfo,
  RelativeDistinguishedNames,
  Time,
} from 'pkijs';

import { certificateFacts, extendedKeyUsageOids, extensionOids, keyUsages } from './certificate-facts.js';
import type { ExtendedKeyUsage, KeyUsage } from './certificate-facts.js';
import { algorithmIdentifier, signatureAlgorithmOf, signDer } from './signature-algorithm.js';
import { encodeSubjectAltNames } from './subject-alt-names.js';
import type { SubjectAltNames } from './subject-alt-names.js';

const attributeOids = {
  commonName: '2.5.4.3',
  locality: '2.5.4.7',
  organization: '2.5.4.10',
} as const;

interface NameAttribute {
  readonly type: keyof typeof attributeOids;
  readonly value: string;
}

/** What a certificate shall say; a field left out leaves its extension out. */
export interface CertificateTemplate {
  /** None for the empty subject of a workload certificate. */
  readonly subject: readonly NameAttribute[];
  readonly publicKey: KeyObject;
  /** Whole seconds count; the rest is cut off. */
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly keyUsages?: readonly KeyUsage[];
  readonly extendedKeyUsages?: readonly ExtendedKeyUsage[];
  readonly basicConstraints?: { readonly ca: boolean; readonly pathLength?: number };
  readonly hasSubjectKeyIdentifier?: boolean;
  readonly subjectAltNames?: SubjectAltNames;
}

/** Who signs; without a certificate the new one is signed by its own key. */
interface CertificateIssuer {
  readonly certificate?: X509Certificate;
  readonly privateKey: KeyObject;
}

/**
 * Writes and signs a version 3 certificate (RFC 5280 section 4.1) with a random 128-bit serial number.
 *
 * Extensions stand in the order in which Go's crypto/x509 and so istiod writes them, the subject alternative name
 * last. KeyUsage and BasicConstraints are critical, ExtendedKeyUsage and the key identifiers are not.
 *
 * @throws AgentError MESH_ERR_CA_KEY_UNSUPPORTED when the signer's key is neither RSA nor ECDSA.
 */
export function issueCertificate(template: CertificateTemplate, issuer: CertificateIssuer): X509Certificate {
  const algorithm = signatureAlgorithmOf(issuer.privateKey);
  const subject = encodeName(template.subject);
  const certificate = new Certificate({
    version: 2,
    serialNumber: Integer.fromBigInt(BigInt(`0x${randomBytes(16).toString('hex')}`) || 1n),
    signature: algorithmIdentifier(algorithm),
    issuer: issuer.certificate === undefined ? subject : Certificate.fromBER(issuer.certificate.raw).subject,
    notBefore: encodeTime(template.notBefore),
    notAfter: encodeTime(template.notAfter),
    subject,
    subjectPublicKeyInfo: PublicKeyInfo.fromBER(template.publicKey.export({ type: 'spki', format: 'der' })),
    extensions: encodeExtensions(template, issuer),
    signatureAlgorithm: algorithmIdentifier(algorithm),
  });
  const tbs = Buffer.from(certificate.encodeTBS().toBER());
  certificate.signatureValue = new BitString({ valueHex: signDer(tbs, issuer.privateKey, algorithm) });
  return new X509Certificate(Buffer.from(certificate.toSchema(true).toBER()));
}

function encodeExtensions(template: CertificateTemplate, issuer: CertificateIssuer): Extension[] {
  const extensions: Extension[] = [];
  const add = (extnID: string, critical: boolean, value: { toBER(): ArrayBuffer }): void => {
    extensions.push(new Extension({ extnID, critical, extnValue: value.toBER() }));
  };
  if (template.keyUsages !== undefined)
    add(extensionOids.keyUsage, true, encodeKeyUsages(template.keyUsages));
  if (template.extendedKeyUsages !== undefined) {
    const keyPurposes = template.extendedKeyUsages.map((usage) => extendedKeyUsageOids[usage]);
    add(extensionOids.extendedKeyUsage, false, new ExtKeyUsage({ keyPurposes }).toSchema());
  }
  if (template.basicConstraints !== undefined) {
    const { ca, pathLength } = template.basicConstraints;
    const constraints = new BasicConstraints({
      cA: ca,
      ...(pathLength === undefined ? {} : { pathLenConstraint: pathLength }),
    });
    add(extensionOids.basicConstraints, true, constraints.toSchema());
  }
  if (template.hasSubjectKeyIdentifier === true) {
    const keyIdentifier = new OctetString({ valueHex: subjectKeyIdentifier(template.publicKey) });
    add(extensionOids.subjectKeyIdentifier, false, keyIdentifier);
  }
  const issuerKeyIdentifier = issuer.certificate && certificateFacts(issuer.certificate).subjectKeyIdentifier;
  if (issuerKeyIdentifier !== undefined) {
    const keyIdentifier = new OctetString({ valueHex: issuerKeyIdentifier });
    add(
      extensionOids.authorityKeyIdentifier,
      false,
      new AuthorityKeyIdentifier({ keyIdentifier }).toSchema(),
    );
  }
  if (template.subjectAltNames !== undefined) {
    const value = encodeSubjectAltNames(template.subjectAltNames);
    add(extensionOids.subjectAltName, template.subjectAltNames.isCritical, value);
  }
  return extensions;
}

/** One attribute a relative name; pkijs by itself would put all into one and write an empty name as `[SET {}]`. */
function encodeName(attributes: readonly NameAttribute[]): RelativeDistinguishedNames {
  const name = new Sequence({
    value: attributes.map(
      ({ type, value }) =>
        new Set({
          value: [
            new Sequence({
              value: [new ObjectIdentifier({ value: attributeOids[type] }), new Utf8String({ value })],
            }),
          ],
        }),
    ),
  });
  return new RelativeDistinguishedNames({ valueBeforeDecode: name.toBER() });
}

/** UTCTime through 2049 and GeneralizedTime after it (RFC 5280 section 4.1.2.5), without fractions. */
function encodeTime(date: Date): Time {
  const value = new Date(Math.floor(date.getTime() / 1000) * 1000);
  return new Time({ type: value.getUTCFullYear() >= 2050 ? 1 : 0, value });
}

/** DER wants a bit string of names without trailing zero bits. */
function encodeKeyUsages(usages: readonly KeyUsage[]): BitString {
  const bits = usages.map((usage) => keyUsages.indexOf(usage));
  const octet = bits.reduce((octet, bit) => octet | (0x80 >> bit), 0);
  return new BitString({
    valueHex: usages.length === 0 ? Buffer.alloc(0) : Buffer.of(octet),
    unusedBits: usages.length === 0 ? 0 : 7 - Math.max(...bits),
  });
}

/** The leftmost 160 bits of the SHA-256 of the public key's bits (RFC 7093 section 2, method 1). */
function subjectKeyIdentifier(publicKey: KeyObject): Buffer {
  const { subjectPublicKey } = PublicKeyInfo.fromBER(publicKey.export({ type: 'spki', format: 'der' }));
  const digest = hash('sha256', Buffer.from(subjectPublicKey.valueBlock.valueHexView), 'buffer');
  return digest.subarray(0, 20);
}
