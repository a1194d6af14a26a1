import type { Json } from '../json.js';
import type { Secret } from '../../secret.js';
import type { FileContent } from '../certificate/file-content.js';
import type { ObjectName } from './object-name.js';

/** One object of the running configuration. */
export interface ConfigObject {
  /** The resource's path below `/mgmt/tm`: `ltm/pool`, `ltm/pool/members`. */
  readonly kind: string;
  readonly name: ObjectName;
  /** Full path of the object that a member of a subcollection belongs to. */
  readonly parent?: string;
  readonly generation: number;
  /** Members that were set; everything else is inherited or default. */
  readonly own: Readonly<Record<string, Json>>;
  /** Passphrases, by member path; they never render. */
  readonly secrets: Readonly<Record<string, Secret>>;
  /** What a file object holds. */
  readonly content?: FileContent;
}

type Objects = ReadonlyMap<string, ConfigObject>;

/**
 * The running configuration: an immutable value. A change makes a new one that shares what did not change,
 * so "nothing was left behind" needs no roll-back code.
 */
export class Configuration {
  readonly #kinds: ReadonlyMap<string, Objects>;
  /** The device-wide counter that objects take their generation from. */
  readonly generation: number;

  private constructor(kinds: ReadonlyMap<string, Objects>, generation: number) {
    this.#kinds = kinds;
    this.generation = generation;
  }

  static empty(generation = 1): Configuration {
    return new Configuration(new Map(), generation);
  }

  get(kind: string, fullPath: string, parent?: string): ConfigObject | undefined {
    return this.#kinds.get(kind)?.get(keyOf(fullPath, parent));
  }

  /** All objects of a kind, in the order in which they were added. */
  all(kind: string): readonly ConfigObject[] {
    return [...(this.#kinds.get(kind)?.values() ?? [])];
  }

  /** All objects of a kind, in the order of their full paths. */
  list(kind: string): readonly ConfigObject[] {
    return this.all(kind).toSorted(byFullPath);
  }

  /** Members of a subcollection, in the order in which they were added. */
  children(kind: string, parent: string): readonly ConfigObject[] {
    return this.all(kind).filter((object) => object.parent === parent);
  }

  /** The kinds that hold anything. */
  kinds(): readonly string[] {
    return [...this.#kinds.keys()];
  }

  with(object: ConfigObject): Configuration {
    const objects = new Map(this.#kinds.get(object.kind));
    objects.set(keyOf(object.name.fullPath, object.parent), object);
    return this.#replace(object.kind, objects);
  }

  without(object: ConfigObject): Configuration {
    const objects = new Map(this.#kinds.get(object.kind));
    objects.delete(keyOf(object.name.fullPath, object.parent));
    return this.#replace(object.kind, objects);
  }

  withNextGeneration(): Configuration {
    return new Configuration(this.#kinds, this.generation + 1);
  }

  #replace(kind: string, objects: Objects): Configuration {
    return new Configuration(new Map(this.#kinds).set(kind, objects), this.generation);
  }
}

function keyOf(fullPath: string, parent: string | undefined): string {
  return parent === undefined ? fullPath : `${parent} ${fullPath}`;
}

function byFullPath(a: ConfigObject, b: ConfigObject): number {
  return a.name.fullPath < b.name.fullPath ? -1 : a.name.fullPath > b.name.fullPath ? 1 : 0;
}
