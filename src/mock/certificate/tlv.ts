/** One element of a certificate, by the offsets of its content. */
export interface Tlv {
  /** The identifier octet: class, constructed bit and number. */
  readonly tag: number;
  readonly content: Buffer;
}

/**
 * The elements of some bytes, one after the other, as OpenSSL 1.0.2 takes them: definite lengths, which need not be in
 * the shortest form.
 *
 * @returns undefined where an element does not fit, or where its form is not one of those.
 */
export function elementsOf(bytes: Buffer): readonly Tlv[] | undefined {
  const elements: Tlv[] = [];
  for (let at = 0; at < bytes.length;) {
    const element = firstElement(bytes.subarray(at));
    if (element === undefined) return undefined;
    elements.push(element.tlv);
    at += element.size;
  }
  return elements;
}

/** The first element; what follows it is nobody's concern. */
export function elementOf(bytes: Buffer): Tlv | undefined {
  return firstElement(bytes)?.tlv;
}

function firstElement(bytes: Buffer): { readonly tlv: Tlv; readonly size: number } | undefined {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined;
  const octets = first > 0x80 ? first - 0x80 : 0;
  if (first === 0x80 || octets > 4 || bytes.length < 2 + octets) return undefined;
  const length = octets === 0 ? first : bytes.readUIntBE(2, octets);
  const from = 2 + octets;
  if (from + length > bytes.length) return undefined;
  return { tlv: { tag, content: bytes.subarray(from, from + length) }, size: from + length };
}

/** `2.5.29.17` of its content octets. */
export function oidText(content: Buffer): string {
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const octet of content) {
    arc = (arc << 7n) | BigInt(octet & 0x7f);
    if (octet & 0x80) continue;
    arcs.push(arc);
    arc = 0n;
  }
  const [first = 0n, ...rest] = arcs;
  const top = first < 40n ? 0n : first < 80n ? 1n : 2n;
  return [top, first - top * 40n, ...rest].join('.');
}
