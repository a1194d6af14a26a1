import { DerReader } from './der-reader.js';
import type { DerElement } from './der-reader.js';
import { WalkFault } from './svid-refusal.js';
import type { WalkRefusal } from './svid-refusal.js';

/** A certificate above this size is not looked at; Istio's leaves have 500 to 1,200 bytes. */
export const maxCertificateBytes = 16_384;
/** DER elements that one walk reads at most; an Istio leaf has about 40. */
const maxCertificateElements = 400;

/** What a certificate says about whom it is for: facts, not yet a judgement. */
export interface CertificateWalk {
  readonly subjectIsEmpty: boolean;
  readonly sanExtensions: number;
  /** Of the last one. */
  readonly sanIsCritical: boolean;
  /** The bytes of every uniformResourceIdentifier, in order, of all SAN extensions. */
  readonly uris: readonly Buffer[];
  /** cA of basicConstraints; undefined where the extension is absent. */
  readonly isCa: boolean | undefined;
  /** Whether KeyUsage is critical and fit for a leaf; undefined where the extension is absent. */
  readonly hasLeafKeyUsage: boolean | undefined;
  /** Whether ExtendedKeyUsage names serverAuth and clientAuth; undefined where the extension is absent. */
  readonly hasBothAuthUsages: boolean | undefined;
  readonly hasUnknownCriticalExtension: boolean;
}

type Findings = { -readonly [K in keyof CertificateWalk]: CertificateWalk[K] };

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  extensions: 0xa3,
  uri: 0x86,
} as const;

/** Identifier octets of tbsCertificate: version, serial number to public key, two unique IDs, extensions. */
const tbsCertificateTags = /^(?:160,)?2,48,48,48,48,48(?:,129)?(?:,130)?(?:,163)?$/;
/** The subject's place among them, without the version. */
const subjectField = 4;

/** GeneralName's choices beside the URI (RFC 5280 section 4.2.1.6): allowed, never looked into. */
const otherNameTags: ReadonlySet<number> = new Set([0xa0, 0x81, 0x82, 0xa3, 0xa4, 0xa5, 0x87, 0x88]);

/** Content octets of 2.5.29.15, 17, 19 and 37, and of the two usages. */
const ids = {
  keyUsage: '551d0f',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  extendedKeyUsage: '551d25',
  serverAuth: '2b06010505070301',
  clientAuth: '2b06010505070302',
} as const;

/**
 * Walks a certificate's DER from the outside in and reports what identity decisions need.
 *
 * Every part is reached by structure, never by searching for bytes: hostile certificates carry whole forged extensions
 * inside a subject, a comment or a DNS name. Key, signature and times are not looked at; they are the TLS stack's part.
 * It is the twin of the walk in irules/spiffe_allowlist.tcl: same order, same caps, same refusals.
 *
 * @param der one certificate and nothing behind it.
 */
export function walkCertificate(
  der: Buffer,
):
  | { readonly ok: true; readonly walk: CertificateWalk }
  | { readonly ok: false; readonly reason: WalkRefusal } {
  try {
    return { ok: true, walk: walk(der) };
  } catch (error) {
    if (error instanceof WalkFault) return { ok: false, reason: error.reason };
    throw error;
  }
}

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue } (RFC 5280 section 4.1). */
function walk(der: Buffer): CertificateWalk {
  if (der.length === 0) throw new WalkFault('no-certificate');
  if (der.length > maxCertificateBytes) throw new WalkFault('too-large');
  const reader = new DerReader(maxCertificateElements);
  const parts = reader.elements(reader.only(der, tags.sequence));
  const [tbsCertificate] = parts;
  const expectedParts = [tags.sequence, tags.sequence, tags.bitString].join();
  if (tbsCertificate === undefined || tagsOf(parts) !== expectedParts) throw new WalkFault('malformed');
  const fields = reader.elements(tbsCertificate.content);
  if (!tbsCertificateTags.test(tagsOf(fields))) throw new WalkFault('malformed');
  const findings: Findings = {
    subjectIsEmpty: fields[subjectField + (fields[0]?.tag === 0xa0 ? 1 : 0)]?.content.length === 0,
    sanExtensions: 0,
    sanIsCritical: false,
    uris: [],
    isCa: undefined,
    hasLeafKeyUsage: undefined,
    hasBothAuthUsages: undefined,
    hasUnknownCriticalExtension: false,
  };
  const last = fields.at(-1);
  if (last?.tag === tags.extensions) {
    const extensions = reader.elements(reader.only(last.content, tags.sequence));
    for (const extension of extensions) readExtension(reader, extension, findings);
  }
  return findings;
}

/** Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }. */
function readExtension(reader: DerReader, extension: DerElement, findings: Findings): void {
  if (extension.tag !== tags.sequence) throw new WalkFault('malformed');
  const members = reader.elements(extension.content);
  const critical = members.length === 3 && members[1]?.tag === tags.boolean ? members[1] : undefined;
  const isCritical = critical !== undefined && readBoolean(critical.content);
  const [id, value] = critical === undefined ? members : [members[0], members[2]];
  if (id?.tag !== tags.oid || value?.tag !== tags.octetString) throw new WalkFault('malformed');
  if (members.length !== (critical === undefined ? 2 : 3)) throw new WalkFault('malformed');
  switch (id.content.toString('hex')) {
    case ids.subjectAltName:
      findings.sanExtensions += 1;
      findings.sanIsCritical = isCritical;
      findings.uris = [...findings.uris, ...readUris(reader, value.content)];
      return;
    case ids.basicConstraints:
      expectFirst(findings.isCa);
      findings.isCa = readCaFlag(reader, value.content);
      return;
    case ids.keyUsage:
      expectFirst(findings.hasLeafKeyUsage);
      findings.hasLeafKeyUsage = isLeafKeyUsage(reader.only(value.content, tags.bitString)) && isCritical;
      return;
    case ids.extendedKeyUsage:
      expectFirst(findings.hasBothAuthUsages);
      findings.hasBothAuthUsages = readBothAuthUsages(reader, value.content);
      return;
    default:
      findings.hasUnknownCriticalExtension ||= isCritical;
  }
}

/** No extension may come twice (RFC 5280 section 4.2); the SAN has a refusal of its own for that. */
function expectFirst(found: boolean | undefined): void {
  if (found !== undefined) throw new WalkFault('malformed');
}

function readUris(reader: DerReader, value: Buffer): Buffer[] {
  const names = reader.elements(reader.only(value, tags.sequence));
  if (names.some(({ tag }) => tag !== tags.uri && !otherNameTags.has(tag))) throw new WalkFault('malformed');
  return names.filter(({ tag }) => tag === tags.uri).map(({ content }) => content);
}

/** BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL }. */
function readCaFlag(reader: DerReader, value: Buffer): boolean {
  const fields = reader.elements(reader.only(value, tags.sequence));
  const flag = fields[0]?.tag === tags.boolean ? fields[0] : undefined;
  const rest = tagsOf(fields.slice(flag === undefined ? 0 : 1));
  const isCa = flag !== undefined && readBoolean(flag.content);
  if (rest !== '' && rest !== String(tags.integer)) throw new WalkFault('malformed');
  return isCa;
}

/**
 * Whether digitalSignature (bit 0) is set, and neither keyCertSign (5) nor cRLSign (6) (X509-SVID.md section 4.3).
 *
 * @param bitString the octet that counts the unused bits, and the bits.
 */
function isLeafKeyUsage(bitString: Buffer): boolean {
  const [unusedBits, bits = 0] = bitString;
  if (unusedBits === undefined || unusedBits > 7) throw new WalkFault('malformed');
  return (bits & 0x86) === 0x80;
}

function readBothAuthUsages(reader: DerReader, value: Buffer): boolean {
  const usages = reader.elements(reader.only(value, tags.sequence));
  if (usages.some(({ tag }) => tag !== tags.oid)) throw new WalkFault('malformed');
  const found = usages.map(({ content }) => content.toString('hex'));
  return found.includes(ids.serverAuth) && found.includes(ids.clientAuth);
}

/** DER knows one TRUE, 0xFF; anything else is an attempt to be read differently elsewhere. */
function readBoolean(content: Buffer): boolean {
  if (content.length !== 1 || (content[0] !== 0x00 && content[0] !== 0xff)) throw new WalkFault('malformed');
  return content[0] === 0xff;
}

function tagsOf(elements: readonly DerElement[]): string {
  return elements.map(({ tag }) => tag).join();
}
