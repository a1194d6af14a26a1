import { isJsonObject, sameJson } from '../json.js';
import type { Json, JsonObject } from '../json.js';
import type { ListMap, Schema } from '../schema.js';
import { FieldSet } from './field-set.js';
import type { FieldPath } from './field-set.js';

/** A part of a map or of a list whose parts can have owners of their own. */
interface Part {
  readonly element: string;
  readonly value: Json;
  readonly schema: Schema | undefined;
}

/** The parts of a value that merges part by part; undefined for scalars and what is atomic. */
function partsOf(value: Json, schema: Schema | undefined): Part[] | undefined {
  if (Array.isArray(value)) {
    const list = schema?.list;
    if (list === undefined) return undefined;
    return value.map((item) => ({ element: listElement(item, list), value: item, schema: schema?.items }));
  }
  if (!isJsonObject(value) || schema?.atomicMap === true) return undefined;
  return Object.entries(value).flatMap(([field, child]) =>
    child === undefined
      ? []
      : [{ element: `f:${field}`, value: child, schema: schema?.fields?.[field] ?? schema?.items }],
  );
}

function listElement(item: Json, list: 'set' | ListMap): string {
  if (list === 'set' || !isJsonObject(item)) return `v:${JSON.stringify(item)}`;
  const keys = list.keys.toSorted().map((key) => [key, item[key] ?? list.defaults?.[key] ?? null]);
  return `k:${JSON.stringify(Object.fromEntries(keys))}`;
}

/**
 * Every field that a value sets: leaves, empty containers, and the items of lists with keys.
 *
 * @returns path by path the value to compare; an item itself has none, only its leaves do.
 */
function leavesOf(value: Json, schema: Schema | undefined): Map<string, [FieldPath, Json | undefined]> {
  const leaves = new Map<string, [FieldPath, Json | undefined]>();
  const add = (path: FieldPath, leaf: Json | undefined): void => {
    leaves.set(path.join('\u0000'), [path, leaf]);
  };
  const walk = (part: Json, partSchema: Schema | undefined, path: FieldPath): void => {
    const parts = partsOf(part, partSchema);
    if (parts === undefined || parts.length === 0) {
      if (path.length > 0) add(path, part);
      return;
    }
    if (path.at(-1)?.startsWith('k:') === true) add(path, undefined);
    for (const child of parts) walk(child.value, child.schema, [...path, child.element]);
  };
  walk(value, schema, []);
  return leaves;
}

/** The fields that an object sets. */
export function fieldsOf(object: JsonObject, schema: Schema): FieldSet {
  return new FieldSet([...leavesOf(object, schema).values()].map(([path]) => path));
}

/** What changed from one object to the next. */
export function compare(
  before: JsonObject,
  after: JsonObject,
  schema: Schema,
): { readonly changed: FieldSet; readonly removed: FieldSet } {
  const old = leavesOf(before, schema);
  const now = leavesOf(after, schema);
  const changed: FieldPath[] = [];
  for (const [key, [path, value]] of now) {
    const [, previous] = old.get(key) ?? [];
    if (!old.has(key) || !sameJson(previous, value)) changed.push(path);
  }
  const removed = [...old].filter(([key]) => !now.has(key)).map(([, [path]]) => path);
  return { changed: new FieldSet(changed), removed: new FieldSet(removed) };
}

/** Lays the applied configuration over the live value: maps and lists with keys part by part, the rest whole. */
export function merge(live: Json | undefined, applied: Json, schema: Schema | undefined): Json {
  if (Array.isArray(applied) && Array.isArray(live) && schema?.list !== undefined) {
    const ours = partsOf(applied, schema) ?? [];
    const theirs = new Map((partsOf(live, schema) ?? []).map((part) => [part.element, part.value]));
    const elements = new Set(ours.map((part) => part.element));
    return [
      ...ours.map((part) => merge(theirs.get(part.element), part.value, part.schema)),
      ...[...theirs].filter(([element]) => !elements.has(element)).map(([, value]) => value),
    ];
  }
  if (isJsonObject(applied) && isJsonObject(live) && schema?.atomicMap !== true) {
    const merged: JsonObject = { ...live };
    for (const part of partsOf(applied, schema) ?? []) {
      const field = part.element.slice(2);
      merged[field] = merge(live[field], part.value, part.schema);
    }
    return merged;
  }
  return applied;
}

/** The value without the fields of a set; containers that this empties go too. */
export function removeFields(object: JsonObject, fields: FieldSet, schema: Schema): JsonObject {
  const pruned = prune(object, schema, [], fields);
  return isJsonObject(pruned) ? pruned : {};
}

function prune(value: Json, schema: Schema | undefined, path: FieldPath, fields: FieldSet): Json | undefined {
  if (fields.has(path)) return undefined;
  const parts = partsOf(value, schema);
  if (parts === undefined || parts.length === 0 || !fields.reaches(path)) return value;
  const kept = parts.flatMap((part) => {
    const child = prune(part.value, part.schema, [...path, part.element], fields);
    return child === undefined ? [] : [[part.element, child] as const];
  });
  if (kept.length === 0) return undefined;
  if (Array.isArray(value)) return kept.map(([, child]) => child);
  return Object.fromEntries(kept.map(([element, child]) => [element.slice(2), child]));
}
