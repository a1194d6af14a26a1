import type { JsonObject } from './json.js';
import { objectAt, stringAt } from './json.js';
import { storageKey } from './resource.js';
import type { Resource } from './resource.js';

/** One write, as watches tell it. */
export interface Change {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** `storageKey` of the resource. */
  readonly resource: string;
  readonly object: JsonObject;
  readonly previous: JsonObject | undefined;
}

/** How many changes are kept before the oldest become "too old resource version". */
const keptChanges = 5_000;

/**
 * All objects with one version counter, like etcd's revision, and the log of the latest changes.
 *
 * Stored objects are never changed in place, so that readers need no copies.
 */
export class Store {
  readonly #objects = new Map<string, Map<string, JsonObject>>();
  readonly #listeners = new Set<(change: Change) => void>();
  #log: Change[] = [];
  #version = 1;
  /** The version after which the log is whole. */
  #oldest = 1;

  get version(): number {
    return this.#version;
  }

  get oldest(): number {
    return this.#oldest;
  }

  get(resource: Resource, namespace: string, name: string): JsonObject | undefined {
    return this.#objects.get(storageKey(resource))?.get(`${namespace}/${name}`);
  }

  /** By namespace, then name. */
  all(resource: Resource): JsonObject[] {
    const objects = this.#objects.get(storageKey(resource)) ?? new Map<string, JsonObject>();
    return sortedValues(objects);
  }

  /** As it was at a version that is not older than `oldest`. */
  allAt(resource: Resource, version: number): JsonObject[] {
    const objects = new Map(this.#objects.get(storageKey(resource)));
    for (const change of this.#log.toReversed()) {
      if (change.version <= version) break;
      if (change.resource !== storageKey(resource)) continue;
      if (change.previous === undefined) objects.delete(keyOf(change.object));
      else objects.set(keyOf(change.object), change.previous);
    }
    return sortedValues(objects);
  }

  /** @returns the object as stored, with its new `resourceVersion`. */
  put(resource: Resource, object: JsonObject): JsonObject {
    const objects = this.#objects.get(storageKey(resource)) ?? new Map<string, JsonObject>();
    this.#objects.set(storageKey(resource), objects);
    const previous = objects.get(keyOf(object));
    const stored = this.#stamped(object);
    objects.set(keyOf(object), stored);
    this.#record(previous === undefined ? 'ADDED' : 'MODIFIED', resource, stored, previous);
    return stored;
  }

  /** @returns the object as it was, with the version of its deletion. */
  remove(resource: Resource, object: JsonObject): JsonObject {
    const objects = this.#objects.get(storageKey(resource));
    const previous = objects?.get(keyOf(object));
    objects?.delete(keyOf(object));
    const last = this.#stamped(object);
    this.#record('DELETED', resource, last, previous);
    return last;
  }

  changesAfter(version: number): readonly Change[] {
    return this.#log.filter((change) => change.version > version);
  }

  /** Forgets the log, as etcd's compaction does: older versions are expired from now on. */
  compact(): void {
    this.#log = [];
    this.#oldest = this.#version;
  }

  /** @returns the function that ends the subscription. */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #stamped(object: JsonObject): JsonObject {
    this.#version += 1;
    return {
      ...object,
      metadata: { ...objectAt(object, 'metadata'), resourceVersion: String(this.#version) },
    };
  }

  #record(
    type: Change['type'],
    resource: Resource,
    object: JsonObject,
    previous: JsonObject | undefined,
  ): void {
    const change = { version: this.#version, type, resource: storageKey(resource), object, previous };
    this.#log.push(change);
    if (this.#log.length > keptChanges) this.#oldest = this.#log.shift()?.version ?? this.#oldest;
    for (const listener of this.#listeners) listener(change);
  }
}

function keyOf(object: JsonObject): string {
  const metadata = objectAt(object, 'metadata');
  return `${stringAt(metadata, 'namespace') ?? ''}/${stringAt(metadata, 'name') ?? ''}`;
}

function sortedValues(objects: ReadonlyMap<string, JsonObject>): JsonObject[] {
  return [...objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
}
