import type { X509Certificate } from 'node:crypto';

import { BitString, fromBER, Sequence } from 'asn1js';
import type { BaseBlock, ValueBlock } from 'asn1js';
import { BasicConstraints, Certificate, ExtKeyUsage } from 'pkijs';

/** Bits of KeyUsage by their number (RFC 5280 section 4.2.1.3). */
export const keyUsages = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
] as const;
export type KeyUsage = (typeof keyUsages)[number];

export const extendedKeyUsageOids = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;
export type ExtendedKeyUsage = keyof typeof extendedKeyUsageOids;

export const extensionOids = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** One entry of a subject alternative name, its bytes one character each; `other` is a hex dump. */
interface SubjectAltName {
  readonly type: 'uri' | 'dns' | 'email' | 'ip' | 'other';
  readonly value: string;
}

/** What is in a certificate, for reports and for chain building; judging an SVID is `readSvidClaims`' part. */
export interface CertificateFacts {
  readonly subjectAltNames: readonly SubjectAltName[];
  readonly basicConstraints?: { readonly ca: boolean; readonly pathLength?: number };
  readonly keyUsages?: readonly KeyUsage[];
  /** OIDs in dotted form. */
  readonly extendedKeyUsages?: readonly string[];
  /** The content of the key identifier. */
  readonly subjectKeyIdentifier?: Buffer;
}

/**
 * Reads the extensions that node does not give as values.
 *
 * Node's `subjectAltName` is one comma-joined text with quotes of its own, and its `keyUsage` is the extended one;
 * both are left alone here.
 */
export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  const values = extensionValues(certificate);
  const basicConstraints = values.get(extensionOids.basicConstraints);
  const keyUsage = values.get(extensionOids.keyUsage);
  const extendedKeyUsage = values.get(extensionOids.extendedKeyUsage);
  const keyIdentifier = values.get(extensionOids.subjectKeyIdentifier);
  return {
    subjectAltNames: subjectAltNames(values.get(extensionOids.subjectAltName)),
    ...(basicConstraints === undefined ? {} : { basicConstraints: readBasicConstraints(basicConstraints) }),
    ...(keyUsage === undefined ? {} : { keyUsages: readKeyUsages(keyUsage) }),
    ...(extendedKeyUsage === undefined
      ? {}
      : { extendedKeyUsages: [...new ExtKeyUsage({ schema: decode(extendedKeyUsage) }).keyPurposes] }),
    ...(keyIdentifier === undefined ? {} : { subjectKeyIdentifier: contentOf(decode(keyIdentifier)) }),
  };
}

/** The DER inside of each extension's octet string, by OID; the first one where an OID repeats. */
function extensionValues(certificate: X509Certificate): Map<string, Uint8Array> {
  const values = new Map<string, Uint8Array>();
  for (const { extnID, extnValue } of Certificate.fromBER(certificate.raw).extensions ?? []) {
    if (!values.has(extnID)) values.set(extnID, extnValue.valueBlock.valueHexView);
  }
  return values;
}

function readBasicConstraints(der: Uint8Array): { ca: boolean; pathLength?: number } {
  const { cA, pathLenConstraint } = new BasicConstraints({ schema: decode(der) });
  return { ca: cA, ...(typeof pathLenConstraint === 'number' ? { pathLength: pathLenConstraint } : {}) };
}

function readKeyUsages(der: Uint8Array): KeyUsage[] {
  const block = decode(der);
  const bits = block instanceof BitString ? (block.valueBlock.valueHexView[0] ?? 0) : 0;
  return keyUsages.filter((_, bit) => (bits & (0x80 >> bit)) !== 0);
}

function subjectAltNames(der: Uint8Array | undefined): SubjectAltName[] {
  if (der === undefined) return [];
  const names = decode(der);
  return names instanceof Sequence ? names.valueBlock.value.map(subjectAltName) : [];
}

function subjectAltName(name: BaseBlock<ValueBlock>): SubjectAltName {
  const content = contentOf(name);
  switch (name.idBlock.tagNumber) {
    case 1:
      return { type: 'email', value: content.toString('latin1') };
    case 2:
      return { type: 'dns', value: content.toString('latin1') };
    case 6:
      return { type: 'uri', value: content.toString('latin1') };
    case 7:
      return { type: 'ip', value: renderIp(content) };
    default:
      return { type: 'other', value: content.toString('hex') };
  }
}

function renderIp(content: Buffer): string {
  if (content.length === 4) return [...content].join('.');
  return (
    content
      .toString('hex')
      .match(/.{1,4}/g)
      ?.join(':') ?? ''
  );
}

function decode(der: Uint8Array): BaseBlock<ValueBlock> {
  return fromBER(der).result;
}

/** The content octets of an element, whatever its type. */
function contentOf(block: BaseBlock<ValueBlock>): Buffer {
  const element = block.valueBeforeDecodeView;
  return Buffer.from(element.subarray(element.byteLength - block.lenBlock.length));
}
