import { fromBER, ObjectIdentifier, OctetString, Sequence } from 'asn1js';
import type { AsnType } from 'asn1js';

const contextSpecific = 3;
const extensionsNumber = 3;
const uriNumber = 6;
const subjectAltName = '2.5.29.17';

/**
 * The URIs of every SubjectAltName as asn1js reads them, one character a byte. Nothing of the product takes part.
 *
 * @returns undefined where asn1js gives up, or does not write again what it has read: it looks into every element,
 *   also into those that no check needs, and lets an inner one reach beyond its outer one.
 */
export function readUris(certificate: Buffer): readonly string[] | undefined {
  const [fields] = membersOf(parse(certificate)) ?? [];
  const block = membersOf(fields)?.find((field) => isContext(field, extensionsNumber));
  if (block === undefined) return undefined;
  const uris: string[] = [];
  for (const extension of membersOf(membersOf(block)?.[0]) ?? []) {
    const members = membersOf(extension) ?? [];
    const [identifier] = members;
    const value = members.at(-1);
    if (!(identifier instanceof ObjectIdentifier) || !(value instanceof OctetString)) continue;
    if (identifier.valueBlock.toString() !== subjectAltName) continue;
    const names = membersOf(parse(Buffer.from(value.valueBlock.valueHexView)));
    if (names === undefined) return undefined;
    uris.push(...names.filter((name) => isContext(name, uriNumber)).map(contentOf));
  }
  return uris;
}

function parse(bytes: Buffer): AsnType | undefined {
  try {
    const { offset, result } = fromBER(Uint8Array.from(bytes));
    return offset === bytes.length && Buffer.from(result.toBER()).equals(bytes) ? result : undefined;
  } catch {
    // Of a time that is none, for one, it says so by throwing.
    return undefined;
  }
}

function membersOf(element: AsnType | undefined): readonly AsnType[] | undefined {
  if (element === undefined) return undefined;
  const { value } = element.valueBlock as { value?: unknown };
  return element instanceof Sequence || element.idBlock.tagClass === contextSpecific
    ? (value as readonly AsnType[])
    : undefined;
}

function isContext(element: AsnType, number: number): boolean {
  return element.idBlock.tagClass === contextSpecific && element.idBlock.tagNumber === number;
}

function contentOf(element: AsnType): string {
  const { valueHexView } = element.valueBlock as unknown as { valueHexView: Uint8Array };
  return Buffer.from(valueHexView).toString('latin1');
}
