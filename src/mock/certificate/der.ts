import { Constructed, ObjectIdentifier } from 'asn1js';
import type { BaseBlock } from 'asn1js';

/** The items of a SEQUENCE, SET or constructed context tag; nothing for anything else. */
export function itemsOf(block: BaseBlock | undefined): readonly BaseBlock[] {
  return block instanceof Constructed ? block.valueBlock.value : [];
}

/** The content octets of a primitive. */
export function bytesOf(block: BaseBlock | undefined): Uint8Array {
  if (block === undefined) return new Uint8Array();
  const encoded = new Uint8Array(block.valueBeforeDecodeView);
  return encoded.subarray(block.idBlock.blockLength + block.lenBlock.blockLength);
}

export function oidOf(block: BaseBlock | undefined): string | undefined {
  return block instanceof ObjectIdentifier ? block.valueBlock.toString() : undefined;
}

/** The number of a context-specific tag, such as 0 for `[0]`. */
export function contextTag(block: BaseBlock | undefined): number | undefined {
  return block?.idBlock.tagClass === 3 ? block.idBlock.tagNumber : undefined;
}
