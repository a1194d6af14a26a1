import { isJsonObject } from '../json.js';
import type { JsonObject } from '../json.js';

/**
 * A path inside an object, in the elements that `managedFields` uses: `f:spec` for a field, `k:{"port":9000}` for
 * the item of a list with keys, `v:"a"` for a member of a set.
 */
export type FieldPath = readonly string[];

const separator = '\u0000';

/**
 * The fields that one manager owns.
 *
 * Source of the encoding: sigs.k8s.io/structured-merge-diff, fieldpath/serialize.go (FieldsV1).
 */
export class FieldSet {
  readonly #paths: ReadonlyMap<string, FieldPath>;

  constructor(paths: Iterable<FieldPath> = []) {
    this.#paths = new Map([...paths].map((path) => [path.join(separator), path]));
  }

  get size(): number {
    return this.#paths.size;
  }

  paths(): FieldPath[] {
    return [...this.#paths.values()];
  }

  has(path: FieldPath): boolean {
    return this.#paths.has(path.join(separator));
  }

  /** Whether the path or anything below it is in the set. */
  reaches(path: FieldPath): boolean {
    return this.paths().some((own) => path.every((element, index) => own[index] === element));
  }

  union(other: FieldSet): FieldSet {
    return new FieldSet([...this.paths(), ...other.paths()]);
  }

  without(other: FieldSet): FieldSet {
    return this.filter((path) => !other.has(path));
  }

  intersection(other: FieldSet): FieldSet {
    return this.filter((path) => other.has(path));
  }

  filter(keep: (path: FieldPath) => boolean): FieldSet {
    return new FieldSet(this.paths().filter(keep));
  }

  equals(other: FieldSet): boolean {
    return this.size === other.size && this.without(other).size === 0;
  }

  toFieldsV1(): JsonObject {
    const root: JsonObject = {};
    for (const path of this.paths()) {
      let node = root;
      for (const element of path) {
        const child = node[element];
        if (isJsonObject(child)) {
          node = child;
        } else {
          const created: JsonObject = {};
          node[element] = created;
          node = created;
        }
      }
      // Marked as a member; the mark is dropped below where nothing lies underneath.
      node['.'] = {};
    }
    dropLeafMarks(root);
    return root;
  }

  static fromFieldsV1(fields: JsonObject): FieldSet {
    const paths: FieldPath[] = [];
    collect(fields, [], paths);
    return new FieldSet(paths);
  }
}

/** `.spec.ports[port=9000,protocol="TCP"].name`, as conflict messages name a field. */
export function describePath(path: FieldPath): string {
  return path
    .map((element) => {
      const content = element.slice(2);
      if (element.startsWith('f:')) return `.${content}`;
      if (element.startsWith('v:')) return `[=${content}]`;
      const keys = JSON.parse(content) as Record<string, unknown>;
      const pairs = Object.entries(keys).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
      return `[${pairs.join(',')}]`;
    })
    .join('');
}

function dropLeafMarks(node: JsonObject): void {
  for (const child of Object.values(node)) {
    if (!isJsonObject(child)) continue;
    if (Object.keys(child).length === 1 && '.' in child) delete child['.'];
    else dropLeafMarks(child);
  }
}

function collect(node: JsonObject, at: FieldPath, paths: FieldPath[]): void {
  for (const [element, child] of Object.entries(node)) {
    if (element === '.') {
      paths.push(at);
    } else if (isJsonObject(child)) {
      if (Object.keys(child).length === 0) paths.push([...at, element]);
      else collect(child, [...at, element], paths);
    }
  }
}
