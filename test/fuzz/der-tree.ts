import { der } from '../support/der.js';

/** An element of a certificate that can be changed and written again; a leaf of the tree has content alone. */
export interface DerNode {
  tag: number;
  content: Buffer;
  children: DerNode[] | undefined;
  /** Written as they are in place of the length that fits. */
  lengthOctets?: Buffer;
}

const constructed = 0x20;
const octetString = 0x04;

/** Reads what can be read; a part that is no sequence of elements becomes content. */
export function readTree(bytes: Buffer): DerNode[] | undefined {
  const nodes: DerNode[] = [];
  let at = 0;
  while (at < bytes.length) {
    const [tag = 0, first] = bytes.subarray(at, at + 2);
    if (first === undefined) return undefined;
    const octets = first < 0x80 ? 0 : first & 0x7f;
    if (octets > 3 || at + 2 + octets > bytes.length) return undefined;
    const start = at + 2 + octets;
    const end = start + (octets === 0 ? first & 0x7f : bytes.readUIntBE(at + 2, octets));
    if (end > bytes.length) return undefined;
    const content = bytes.subarray(start, end);
    const mayHoldElements = (tag & constructed) !== 0 || tag === octetString;
    nodes.push({ tag, content, children: mayHoldElements ? readTree(content) : undefined });
    at = end;
  }
  return nodes;
}

export function writeTree(nodes: readonly DerNode[]): Buffer {
  return Buffer.concat(
    nodes.map(({ tag, content, children, lengthOctets }) => {
      const inner = children === undefined ? content : writeTree(children);
      return lengthOctets === undefined
        ? der(tag, inner)
        : Buffer.concat([Buffer.of(tag), lengthOctets, inner]);
    }),
  );
}

/** Where a node stands, so that it can be taken out or joined by others. */
export interface Place {
  readonly siblings: DerNode[];
  readonly index: number;
  readonly node: DerNode;
}

/** All nodes, parents before their children. */
export function placesOf(siblings: DerNode[]): Place[] {
  return siblings.flatMap((node, index) => [
    { siblings, index, node },
    ...(node.children === undefined ? [] : placesOf(node.children)),
  ]);
}
