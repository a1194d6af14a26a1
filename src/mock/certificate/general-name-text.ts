import { attributeNames } from './attribute-names.js';
import { elementOf, elementsOf, oidText } from './tlv.js';
import type { Tlv } from './tlv.js';

/**
 * One name of a SubjectAltName (RFC 5280 4.2.1.6) as OpenSSL 1.0.2 prints it, in bytes: nothing is escaped, and a NUL
 * ends a value.
 *
 * @returns undefined for what is not a GeneralName.
 */
export function generalNameText({ tag, content }: Tlv): string | undefined {
  switch (tag) {
    case 0xa0:
      return 'othername:<unsupported>';
    case 0x81:
      return `email:${untilNul(content)}`;
    case 0x82:
      return `DNS:${untilNul(content)}`;
    case 0xa4: {
      const name = elementOf(content);
      return name?.tag === 0x30 ? `DirName:${directoryName(name.content)}` : undefined;
    }
    case 0xa5:
      return elementsOf(content)?.some((part) => part.tag === 0xa1) === true
        ? 'EdiPartyName:<unsupported>'
        : undefined;
    case 0x86:
      return `URI:${untilNul(content)}`;
    case 0x87:
      return `IP Address:${addressText(content)}`;
    case 0x88:
      return `Registered ID:${oidText(content)}`;
    default:
      return undefined;
  }
}

export function untilNul(content: Buffer): string {
  const end = content.indexOf(0);
  return content.subarray(0, end === -1 ? content.length : end).toString('latin1');
}

/** `/O=x/CN=y`; what is not printable ASCII comes as `\x0A`. */
function directoryName(sequence: Buffer): string {
  const attributes = (elementsOf(sequence) ?? []).flatMap((set) => elementsOf(set.content) ?? []);
  return attributes
    .map((attribute) => {
      const [type, value] = elementsOf(attribute.content) ?? [];
      const oid = oidText(type?.content ?? Buffer.alloc(0));
      const text = [...(value?.content ?? [])]
        .map((octet) =>
          octet < 0x20 || octet > 0x7e
            ? `\\x${octet.toString(16).toUpperCase().padStart(2, '0')}`
            : String.fromCharCode(octet),
        )
        .join('');
      return `/${attributeNames[oid] ?? oid}=${text}`;
    })
    .join('');
}

function addressText(octets: Buffer): string {
  if (octets.length === 4) return octets.join('.');
  if (octets.length !== 16) return '<invalid>';
  const groups = [0, 2, 4, 6, 8, 10, 12, 14].map((at) => octets.readUInt16BE(at).toString(16).toUpperCase());
  return groups.join(':');
}
