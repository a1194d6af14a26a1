import { verify } from 'node:crypto';
import type { X509Certificate } from 'node:crypto';
import { extensionsText } from './extensions-text.js';
import { pemBlocks } from './file-content.js';
import { elementOf, elementsOf, oidText } from './tlv.js';
import type { Tlv } from './tlv.js';

/** What of a CRL (RFC 5280 section 5.1) decides over a certificate. */
export interface RevocationList {
  /** The content of the issuer's name. */
  readonly issuer: Buffer;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  /** Serial numbers in hex without leading zeros, as `X509Certificate.serialNumber` has them but for its zeros. */
  readonly serials: ReadonlySet<string>;
  isSignedBy(issuer: X509Certificate): boolean;
}

const hashes: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.5': 'sha1',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
};

/** The lists of a PEM file; what is no list decides over nobody. */
export function revocationLists(pem: string): readonly RevocationList[] {
  return pemBlocks(pem, 'X509 CRL').flatMap((block) => {
    const der = Buffer.from(block.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
    return revocationList(der) ?? [];
  });
}

/** The content of a certificate's subject. */
export function subjectOf({ raw }: X509Certificate): Buffer | undefined {
  const fields = childrenOf(childrenOf(elementOf(raw))[0]);
  const afterSerial = fields.findIndex(({ tag }) => tag === 0x02);
  return fields[afterSerial + 4]?.content;
}

export function serialOf({ serialNumber }: X509Certificate): string {
  return withoutZeros(serialNumber.toLowerCase());
}

/** Whether its key usage, if it has one, allows a CA to sign CRLs. */
export function maySignLists({ raw }: X509Certificate): boolean {
  const text = extensionsText(raw).toString('latin1');
  const usage = /X509v3 Key Usage:[^\n]*\n([^\n]*)/.exec(text)?.[1];
  return usage === undefined || usage.includes('CRL Sign');
}

function revocationList(der: Buffer): RevocationList | undefined {
  const outer = elementOf(der);
  const [tbs, algorithm, signature] = childrenOf(outer);
  if (outer === undefined || tbs === undefined || signature === undefined) return undefined;
  const fields = childrenOf(tbs).filter(({ tag }, index) => index > 0 || tag !== 0x02);
  const [, issuer, thisUpdate, ...rest] = fields;
  const from = dateOf(thisUpdate);
  if (issuer === undefined || from === undefined) return undefined;
  const nextUpdate = dateOf(rest[0]);
  const revoked = rest.find(({ tag }) => tag === 0x30);
  const serials = childrenOf(revoked).map((entry) => childrenOf(entry)[0]?.content.toString('hex') ?? '');
  const signed = outer.content.subarray(0, endOf(tbs) - outer.content.byteOffset);
  const hash = hashes[oidText(childrenOf(algorithm)[0]?.content ?? Buffer.alloc(0))];
  return {
    issuer: issuer.content,
    thisUpdate: from,
    nextUpdate,
    serials: new Set(serials.map(withoutZeros)),
    isSignedBy: ({ publicKey }) => {
      try {
        return hash !== undefined && verify(hash, signed, publicKey, signature.content.subarray(1));
      } catch {
        return false;
      }
    },
  };
}

function childrenOf(parent: Tlv | undefined): readonly Tlv[] {
  return parent === undefined ? [] : (elementsOf(parent.content) ?? []);
}

function endOf({ content }: Tlv): number {
  return content.byteOffset + content.length;
}

/** UTCTime and GeneralizedTime as RFC 5280 section 4.1.2.5 wants them. */
function dateOf(element: Tlv | undefined): Date | undefined {
  if (element === undefined || (element.tag !== 0x17 && element.tag !== 0x18)) return undefined;
  const text = element.content.toString('latin1');
  const digits = element.tag === 0x18 ? text : `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}`;
  return new Date(digits.replace(/^(....)(..)(..)(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}

function withoutZeros(hex: string): string {
  return hex.replace(/^0+(?=.)/, '');
}
