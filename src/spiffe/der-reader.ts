import { WalkFault } from './svid-refusal.js';

/** One element: its identifier octet and its content octets. */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
}

/**
 * Takes DER apart (ITU-T X.690 sections 8.1 and 10.1), on a budget of elements for all it reads.
 *
 * Refused is what DER forbids or no certificate needs: tag numbers above 30, indefinite lengths, lengths of more than
 * three octets or not in their shortest form, elements that outrun their parent, bytes left over.
 */
export class DerReader {
  #elementsLeft: number;

  constructor(maxElements: number) {
    this.#elementsLeft = maxElements;
  }

  /**
   * The elements that lie side by side in `bytes`.
   *
   * @throws WalkFault `malformed`, or `too-large` when the budget is spent.
   */
  elements(bytes: Buffer): DerElement[] {
    const elements: DerElement[] = [];
    let offset = 0;
    while (offset < bytes.length) {
      if (offset + 2 > bytes.length) throw new WalkFault('malformed');
      const tag = bytes.readUInt8(offset);
      if ((tag & 0x1f) === 0x1f) throw new WalkFault('malformed');
      const { length, start } = readLength(bytes, offset + 1);
      if (start + length > bytes.length) throw new WalkFault('malformed');
      if (this.#elementsLeft === 0) throw new WalkFault('too-large');
      this.#elementsLeft -= 1;
      elements.push({ tag, content: bytes.subarray(start, start + length) });
      offset = start + length;
    }
    return elements;
  }

  /** The content of the one element that fills `bytes` and has this identifier octet. */
  only(bytes: Buffer, tag: number): Buffer {
    const [element, ...others] = this.elements(bytes);
    if (element?.tag !== tag || others.length > 0) throw new WalkFault('malformed');
    return element.content;
  }
}

function readLength(bytes: Buffer, offset: number): { length: number; start: number } {
  const first = bytes.readUInt8(offset);
  if (first < 0x80) return { length: first, start: offset + 1 };
  const octets = first & 0x7f;
  const start = offset + 1 + octets;
  if (octets < 1 || octets > 3 || start > bytes.length) throw new WalkFault('malformed');
  const length = bytes.readUIntBE(offset + 1, octets);
  const isShortest = length >= (octets === 1 ? 0x80 : 256 ** (octets - 1));
  if (!isShortest) throw new WalkFault('malformed');
  return { length, start };
}
