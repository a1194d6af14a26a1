import type { BaseBlock } from 'asn1js';
import { attributeNames } from './attribute-names.js';
import { bytesOf, contextTag, itemsOf, oidOf } from './der.js';

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
