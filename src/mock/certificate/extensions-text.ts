import { generalNameText, untilNul } from './general-name-text.js';
import { elementOf, elementsOf, oidText } from './tlv.js';
import type { Tlv } from './tlv.js';

/** Value lines stand at column 8; what lies within them two further to the right. */
const indent = ' '.repeat(8);

/** The value of an extension as it is printed, or undefined where the bytes are not of its type. */
type Render = (value: Tlv) => string | undefined;

/**
 * The extensions of a certificate as `X509::extensions` gives them: the text that OpenSSL 1.0.2 makes by
 * `X509V3_extensions_print` with the title "X509v3 extensions". In bytes, because nothing in it is escaped: one name
 * can look like two, and a comment like a SubjectAltName.
 *
 * @param der one that TLS has accepted as a certificate.
 */
export function extensionsText(der: Buffer): Buffer {
  const extensions = extensionsOf(der);
  if (extensions.length === 0) return Buffer.from('(no extensions)');
  return Buffer.from(`X509v3 extensions:\n${extensions.map(extensionText).join('')}`, 'latin1');
}

interface Extension {
  readonly oid: string;
  readonly isCritical: boolean;
  readonly octets: Buffer;
}

function extensionsOf(der: Buffer): readonly Extension[] {
  const certificate = elementOf(der);
  const tbs = certificate === undefined ? undefined : elementOf(certificate.content);
  const wrapped = (tbs === undefined ? [] : (elementsOf(tbs.content) ?? [])).find(({ tag }) => tag === 0xa3);
  const list = wrapped === undefined ? undefined : elementOf(wrapped.content);
  return (list === undefined ? [] : (elementsOf(list.content) ?? [])).map(({ content }) => {
    const parts = elementsOf(content) ?? [];
    return {
      oid: oidText(parts[0]?.content ?? Buffer.alloc(0)),
      isCritical: parts.some(({ tag, content: value }) => tag === 0x01 && value[0] !== 0),
      octets: parts.find(({ tag }) => tag === 0x04)?.content ?? Buffer.alloc(0),
    };
  });
}

function extensionText({ oid, isCritical, octets }: Extension): string {
  const [name, render] = known[oid] ?? [oid, () => undefined];
  const value = elementOf(octets);
  const text = (value === undefined ? undefined : render(value)) ?? `${indent}${dump(octets)}`;
  return `    ${name}: ${isCritical ? 'critical' : ''}\n${text}\n`;
}

/** What cannot be read is printed byte by byte, line ends kept. */
function dump(octets: Buffer): string {
  return octets.toString('latin1').replaceAll(/[^\n\r -~]/g, '.');
}

/** Values on one line; a list without any is a line of its own. */
function onOneLine(values: readonly string[]): string {
  return values.length === 0 ? `${indent}<EMPTY>\n` : `${indent}${values.join(', ')}`;
}

function onLines(values: readonly string[]): string {
  return values.length === 0 ? onOneLine([]) : values.map((value) => `${indent}${value}\n`).join('');
}

const sequence = (value: Tlv): readonly Tlv[] | undefined =>
  value.tag === 0x30 ? elementsOf(value.content) : undefined;

/** Each of the elements by one function; undefined as soon as it gives that. */
function each<T>(elements: readonly Tlv[] | undefined, read: (element: Tlv) => T | undefined) {
  const values = elements?.map(read);
  return values?.every((value) => value !== undefined) === true ? (values as readonly T[]) : undefined;
}

const generalNames: Render = (value) => {
  const names = each(sequence(value), generalNameText);
  return names === undefined ? undefined : onOneLine(names);
};

const basicConstraints: Render = (value) => {
  const parts = sequence(value);
  if (parts === undefined || parts.some(({ tag }) => tag !== 0x01 && tag !== 0x02)) return undefined;
  const isCa = parts.some(({ tag, content }) => tag === 0x01 && content[0] !== 0);
  const pathLength = parts.find(({ tag }) => tag === 0x02)?.content;
  const limit =
    pathLength === undefined ? [] : [`pathlen:${BigInt(`0x${pathLength.toString('hex') || '0'}`)}`];
  return onOneLine([`CA:${isCa ? 'TRUE' : 'FALSE'}`, ...limit]);
};

const usages = [
  'Digital Signature',
  'Non Repudiation',
  'Key Encipherment',
  'Data Encipherment',
  'Key Agreement',
  'Certificate Sign',
  'CRL Sign',
  'Encipher Only',
  'Decipher Only',
];

const keyUsage: Render = ({ tag, content }) => {
  if (tag !== 0x03 || content.length === 0) return undefined;
  const isSet = (bit: number) => ((content[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0;
  return onOneLine(usages.filter((_name, bit) => isSet(bit)));
};

const purposes: Readonly<Record<string, string>> = {
  '1.3.6.1.5.5.7.3.1': 'TLS Web Server Authentication',
  '1.3.6.1.5.5.7.3.2': 'TLS Web Client Authentication',
  '1.3.6.1.5.5.7.3.3': 'Code Signing',
  '1.3.6.1.5.5.7.3.4': 'E-mail Protection',
  '1.3.6.1.5.5.7.3.8': 'Time Stamping',
  '1.3.6.1.5.5.7.3.9': 'OCSP Signing',
  '2.5.29.37.0': 'Any Extended Key Usage',
};

const oid = ({ tag, content }: Tlv): string | undefined => (tag === 0x06 ? oidText(content) : undefined);

const extendedKeyUsage: Render = (value) => {
  const found = each(sequence(value), oid);
  return found === undefined ? undefined : onOneLine(found.map((purpose) => purposes[purpose] ?? purpose));
};

const hex = (content: Buffer): string => (content.toString('hex').toUpperCase().match(/../g) ?? []).join(':');

const subjectKeyIdentifier: Render = ({ tag, content }) =>
  tag === 0x04 ? `${indent}${hex(content)}` : undefined;

const authorityKeyIdentifier: Render = (value) => {
  const parts = each(sequence(value), ({ tag, content }) => {
    if (tag === 0x80) return [`keyid:${hex(content)}`];
    if (tag === 0x82) return [`serial:${hex(content)}`];
    return tag === 0xa1 ? (each(elementsOf(content), generalNameText) ?? []) : undefined;
  });
  return parts === undefined ? undefined : onLines(parts.flat());
};

const accessMethods: Readonly<Record<string, string>> = {
  '1.3.6.1.5.5.7.48.1': 'OCSP',
  '1.3.6.1.5.5.7.48.2': 'CA Issuers',
};

const authorityInformationAccess: Render = (value) => {
  const lines = each(sequence(value), ({ content }) => {
    const [method, place] = elementsOf(content) ?? [];
    const name = place === undefined ? undefined : generalNameText(place);
    const by = method === undefined ? undefined : oid(method);
    return by === undefined || name === undefined ? undefined : `${accessMethods[by] ?? by} - ${name}`;
  });
  return lines === undefined ? undefined : onLines(lines);
};

const distributionPoints: Render = (value) => {
  const points = each(sequence(value), ({ content }) => {
    const place = elementsOf(content)?.find(({ tag }) => tag === 0xa0);
    const full = place === undefined ? undefined : elementOf(place.content);
    const names = full?.tag === 0xa0 ? each(elementsOf(full.content), generalNameText) : [];
    if (names === undefined) return undefined;
    const lines = names.map((name) => `${indent}  ${name}\n`).join('');
    return `\n${names.length === 0 ? '' : `${indent}Full Name:\n`}${lines}`;
  });
  return points?.join('');
};

const certificatePolicies: Render = (value) => {
  const policies = each(sequence(value), ({ content }) => {
    const [policy, qualifiers] = elementsOf(content) ?? [];
    const name = policy === undefined ? undefined : oid(policy);
    const parts = qualifiers === undefined ? [] : each(elementsOf(qualifiers.content), qualifierText);
    return name === undefined || parts === undefined
      ? undefined
      : `${indent}Policy: ${name}\n${parts.join('')}`;
  });
  return policies?.join('');
};

function qualifierText({ content }: Tlv): string | undefined {
  const [type, value] = elementsOf(content) ?? [];
  if (type === undefined || value === undefined) return undefined;
  const id = oid(type);
  if (id === '1.3.6.1.5.5.7.2.1') return `${indent}  CPS: ${untilNul(value.content)}\n`;
  if (id !== '1.3.6.1.5.5.7.2.2') return `${indent}  Unknown Qualifier: ${id}\n`;
  const notice = (elementsOf(value.content) ?? []).find(({ tag }) => tag !== 0x30);
  const text =
    notice === undefined ? '' : `${indent}    Explicit Text: ${notice.content.toString('latin1')}\n`;
  return `${indent}  User Notice:\n${text}`;
}

const nameConstraints: Render = (value) => {
  const parts = each(sequence(value), ({ tag, content }) => {
    if (tag !== 0xa0 && tag !== 0xa1) return undefined;
    const names = each(elementsOf(content), (subtree) => {
      const base = elementOf(subtree.content);
      return base === undefined ? undefined : generalNameText(base);
    });
    const title = tag === 0xa0 ? 'Permitted' : 'Excluded';
    return names === undefined
      ? undefined
      : `${indent}${title}:\n${names.map((name) => `${indent}  ${name}\n`).join('')}`;
  });
  return parts?.join('');
};

const comment: Render = ({ tag, content }) => (tag === 0x16 ? `${indent}${untilNul(content)}` : undefined);

const known: Readonly<Record<string, readonly [name: string, render: Render]>> = {
  '1.3.6.1.5.5.7.1.1': ['Authority Information Access', authorityInformationAccess],
  '2.5.29.14': ['X509v3 Subject Key Identifier', subjectKeyIdentifier],
  '2.5.29.15': ['X509v3 Key Usage', keyUsage],
  '2.5.29.17': ['X509v3 Subject Alternative Name', generalNames],
  '2.5.29.18': ['X509v3 Issuer Alternative Name', generalNames],
  '2.5.29.19': ['X509v3 Basic Constraints', basicConstraints],
  '2.5.29.30': ['X509v3 Name Constraints', nameConstraints],
  '2.5.29.31': ['X509v3 CRL Distribution Points', distributionPoints],
  '2.5.29.32': ['X509v3 Certificate Policies', certificatePolicies],
  '2.5.29.35': ['X509v3 Authority Key Identifier', authorityKeyIdentifier],
  '2.5.29.37': ['X509v3 Extended Key Usage', extendedKeyUsage],
  '2.16.840.1.113730.1.13': ['Netscape Comment', comment],
};
