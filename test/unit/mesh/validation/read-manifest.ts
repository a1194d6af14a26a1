import { isMap, isScalar, parseAllDocuments, Scalar, visit } from 'yaml';
import type { Document } from 'yaml';
import { accepted, refused } from '../../../../src/parsed.js';
import type { Parsed } from '../../../../src/parsed.js';

/**
 * Reads the objects of a manifest as the Kubernetes API server's YAML parser does.
 *
 * That one reads an unquoted IPv6 address in a flow list (`[2001:db8::]`) as text; YAML's rules make a mapping of it,
 * from a key that ends in a colon to nothing.
 */
export function readManifest(text: string): Parsed<unknown[]> {
  const documents = parseAllDocuments(text, { logLevel: 'silent' });
  if (!Array.isArray(documents)) return accepted([]);
  for (const document of documents) {
    const [error] = document.errors;
    if (error !== undefined) return refused(`line ${error.linePos?.[0].line ?? 1} is not YAML`);
    mendAddresses(document, text);
  }
  const objects = documents.map((document): unknown => document.toJS({ maxAliasCount: 100 }));
  return accepted(objects.filter((object) => object !== null));
}

function mendAddresses(document: Document, text: string): void {
  visit(document, {
    Seq: (_, list) => {
      if (list.flow !== true) return;
      for (const [index, item] of list.items.entries()) {
        if (!isMap(item) || item.items.length !== 1) continue;
        const [pair] = item.items;
        const key = pair?.key;
        if (!isScalar(key) || typeof key.value !== 'string' || key.type !== Scalar.PLAIN) continue;
        if (isScalar(pair?.value) && pair.value.value !== null) continue;
        const end = key.range?.[1] ?? 0;
        if (/^:[,\]]/.test(text.slice(end, end + 2))) list.items[index] = new Scalar(`${key.value}:`);
      }
    },
  });
}
