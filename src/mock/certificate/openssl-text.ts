import type { BaseBlock } from 'asn1js';
import { bytesOf, contextTag, itemsOf, oidOf } from './der.js';

/** OpenSSL's short names of the attributes that subjects carry. */
const attributeNames: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.9.1': 'emailAddress',
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.42': 'GN',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
};

/** A distinguished name as `sys/file/ssl-cert` shows it: `CN=a,O=b, Inc.,C=US`, last attribute first, unescaped. */
export function renderName(name: BaseBlock | undefined): string {
  const attributes = itemsOf(name).flatMap((set) => itemsOf(set));
  return attributes
    .map((attribute) => {
      const [type, value] = itemsOf(attribute);
      const oid = oidOf(type) ?? '';
      return `${attributeNames[oid] ?? oid}=${textOf(value)}`;
    })
    .toReversed()
    .join(',');
}

/** GeneralNames as OpenSSL prints them, `URI:a, DNS:b`; nothing is escaped. */
export function renderSubjectAltName(names: BaseBlock): string {
  return itemsOf(names).map(renderGeneralName).join(', ');
}

function renderGeneralName(name: BaseBlock): string {
  switch (contextTag(name)) {
    case 0:
      return 'othername:<unsupported>';
    case 1:
      return `email:${textOf(name)}`;
    case 2:
      return `DNS:${textOf(name)}`;
    case 4:
      return `DirName:${renderName(itemsOf(name)[0])}`;
    case 6:
      return `URI:${textOf(name)}`;
    case 7:
      return `IP Address:${renderAddress(bytesOf(name))}`;
    case 8:
      return 'Registered ID:<unsupported>';
    case undefined:
    default:
      return '<unsupported>';
  }
}

function renderAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '<invalid>';
  const groups = Buffer.from(bytes).toString('hex').match(/.{4}/g) ?? [];
  return groups.map((group) => Number.parseInt(group, 16).toString(16).toUpperCase()).join(':');
}

function textOf(block: BaseBlock | undefined): string {
  const bytes = Buffer.from(bytesOf(block));
  // BMPString (30) is the one string type of names that is not a superset of ASCII.
  return block?.idBlock.tagClass === 1 && block.idBlock.tagNumber === 30
    ? bytes.swap16().toString('utf16le')
    : bytes.toString('utf8');
}
