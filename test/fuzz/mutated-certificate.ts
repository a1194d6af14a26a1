import * as fc from 'fast-check';
import { oid } from '../support/der.js';
import { loadSvidVectors, trustedSleep, vectorDer } from '../support/svid-vectors.js';
import { anyCertificate } from '../unit/irule/any-certificate.js';
import { placesOf, readTree, writeTree } from './der-tree.js';
import type { DerNode, Place } from './der-tree.js';

type BytesEdit = (bytes: Buffer, at: number) => Buffer;
type NodeEdit = (place: Place) => void;

const smallBytes = fc.uint8Array({ minLength: 1, maxLength: 8 }).map((bytes) => Buffer.from(bytes));

/** Names that stand one step away from a listed one. */
const nearNames = [
  trustedSleep,
  'spiffe://cluster.local/ns/batch/sa/worker',
  'spiffe://cluster.local/ns/batch/sa/retired',
  'spiffe://cluster.local/ns/batch/sa/*',
  'spiffe://cluster.local/ns/batch/sa/a/b',
  'spiffe://cluster.local/ns/batch',
  'spiffe://Cluster.local/ns/trusted/sa/sleep',
  'spiffe://cluster.local./ns/trusted/sa/sleep',
  'spiffe://cluster.local/ns/trusted/sa/sleep/',
  'spiffe://cluster.local/ns/x/../trusted/sa/sleep',
  'spiffe://cluster.local/ns/trusted/sa/sleep?',
  `${trustedSleep}\0.evil`,
  `${trustedSleep}\n`,
  `x, URI:${trustedSleep}`,
  `${trustedSleep}, DNS:x`,
  `spiffe://cluster.local/${'a'.repeat(2025)}`,
  `spiffe://cluster.local/${'a'.repeat(2026)}`,
  `spiffe://${'a'.repeat(255)}/ns/trusted/sa/sleep`,
  `spiffe://${'a'.repeat(256)}/ns/trusted/sa/sleep`,
  `SPIFFE://cluster.local/ns/trusted/sa/sleep`,
];
const generalNames = [
  0x80, 0x81, 0x82, 0x83, 0x85, 0x86, 0x87, 0x88, 0x89, 0xa0, 0xa3, 0xa4, 0xa5, 0xa6, 0x16,
];

const bytesEdit: fc.Arbitrary<BytesEdit> = fc.oneof(
  fc.nat(255).map((byte): BytesEdit => (bytes, at) => {
    const changed = Buffer.from(bytes);
    changed[at] = byte;
    return changed;
  }),
  fc.nat(7).map((bit): BytesEdit => (bytes, at) => {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ (1 << bit);
    return changed;
  }),
  smallBytes.map(
    (more): BytesEdit =>
      (bytes, at) =>
        Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]),
  ),
  fc.integer({ min: 1, max: 40 }).map(
    (length): BytesEdit =>
      (bytes, at) =>
        Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]),
  ),
  fc.integer({ min: 1, max: 80 }).map(
    (length): BytesEdit =>
      (bytes, at) =>
        Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]),
  ),
);

const setContent =
  (content: Buffer): NodeEdit =>
  ({ node }) => {
    node.content = content;
    node.children = undefined;
  };
const changeContent =
  (edit: BytesEdit, at: number): NodeEdit =>
  ({ node }) => {
    const content = node.children === undefined ? node.content : writeTree(node.children);
    node.content = edit(content, content.length === 0 ? 0 : at % content.length);
    node.children = undefined;
  };

/** The lengths around a changed element are made to fit, so that the parser gets as far as to that element. */
const nodeEdit: fc.Arbitrary<NodeEdit> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(...nearNames).map((name) => setContent(Buffer.from(name, 'latin1'))),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom(...generalNames), fc.constantFrom(...nearNames)).map(
      ([tag, name]): NodeEdit =>
        ({ siblings, index }) =>
          siblings.splice(index, 0, { tag, content: Buffer.from(name, 'latin1'), children: undefined }),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(bytesEdit, fc.nat()).map(([edit, at]) => changeContent(edit, at)),
  },
  { weight: 1, arbitrary: smallBytes.map(setContent) },
  { weight: 1, arbitrary: fc.constant<NodeEdit>(setContent(Buffer.alloc(0))) },
  {
    weight: 2,
    arbitrary: fc.oneof(fc.nat(255), fc.constantFrom(...generalNames)).map((tag): NodeEdit => ({ node }) => {
      node.tag = tag;
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('80', '00', '7f', '8100', '8105', '82000a', '84ffffffff', 'ff')
      .map((hex): NodeEdit => ({ node }) => {
        node.lengthOctets = Buffer.from(hex, 'hex');
      }),
  },
  { weight: 2, arbitrary: fc.constant<NodeEdit>(({ siblings, index }) => siblings.splice(index, 1)) },
  {
    weight: 1,
    arbitrary: fc.constant<NodeEdit>(({ siblings, index, node }) => siblings.splice(index, 0, node)),
  },
  {
    weight: 2,
    arbitrary: fc.constant<NodeEdit>(({ siblings, index }) => siblings.push(...siblings.splice(index, 1))),
  },
);

/** What an edit aims at: an entry of the SubjectAltName, anything in it, any extension, or anything at all. */
type Aim = 'name' | 'san' | 'extension' | 'anything';
interface TreeEdit {
  readonly aim: Aim;
  readonly at: number;
  readonly edit: NodeEdit;
}

const treeEdit: fc.Arbitrary<TreeEdit> = fc.record({
  aim: fc.constantFrom<Aim>('name', 'name', 'name', 'name', 'name', 'san', 'extension', 'anything'),
  at: fc.nat(),
  edit: nodeEdit,
});

const extensionsTag = 0xa3;
const sanOid = oid.san.subarray(2);
const isSan = ({ children }: DerNode): boolean => children?.[0]?.content.equals(sanOid) === true;

/** Everything, when there is nothing of what is aimed at. */
function targets(nodes: DerNode[], aim: Aim): Place[] {
  const all = placesOf(nodes);
  const sans = all.filter(({ node }) => isSan(node));
  const aimed = {
    name: () =>
      sans.flatMap(({ node }) => {
        const names = node.children?.at(-1)?.children?.[0]?.children ?? [];
        return names.map((name, index) => ({ siblings: names, index, node: name }));
      }),
    san: () => sans.flatMap(({ node }) => placesOf(node.children ?? [])),
    extension: () =>
      all
        .filter(({ node }) => node.tag === extensionsTag)
        .flatMap(({ node }) => placesOf(node.children ?? [])),
    anything: () => all,
  }[aim]();
  return aimed.length === 0 ? all : aimed;
}

function editTree(certificate: Buffer, edits: readonly TreeEdit[]): Buffer {
  const nodes = readTree(certificate);
  if (nodes === undefined) return certificate;
  for (const { aim, at, edit } of edits) {
    const places = targets(nodes, aim);
    const place = places[at % places.length];
    if (place !== undefined) edit(place);
  }
  return writeTree(nodes);
}

function editBytes(
  certificate: Buffer,
  edits: ReadonlyArray<readonly [edit: BytesEdit, at: number]>,
): Buffer {
  return edits.reduce((bytes, [edit, at]) => edit(bytes, at % Math.max(bytes.length, 1)), certificate);
}

const seeds = loadSvidVectors().map(vectorDer);
const seed: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...seeds) },
  { weight: 1, arbitrary: anyCertificate },
);

/** Published vectors and made-up certificates, changed in one to four elements, in bytes, or in both. */
export const mutatedCertificate: fc.Arbitrary<Buffer> = fc
  .tuple(
    seed,
    fc.array(treeEdit, { minLength: 1, maxLength: 3, size: 'xsmall' }),
    fc.array(fc.tuple(bytesEdit, fc.nat()), { minLength: 1, maxLength: 2 }),
    fc.constantFrom('tree', 'tree', 'tree', 'tree', 'tree', 'tree', 'tree', 'bytes', 'both'),
  )
  .map(([certificate, treeEdits, bytesEdits, how]) => {
    const edited = how === 'bytes' ? certificate : editTree(certificate, treeEdits);
    return how === 'tree' ? edited : editBytes(edited, bytesEdits);
  })
  // A handshake without a certificate is another case than one that cannot be read.
  .filter((certificate) => certificate.length > 0);
