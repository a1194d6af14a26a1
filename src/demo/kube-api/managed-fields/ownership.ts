import type { JsonObject } from '../json.js';
import type { Schema } from '../schema.js';
import { FieldSet } from './field-set.js';
import type { FieldPath } from './field-set.js';
import { managedPart, readManagers, sameManager, withManagers } from './managers.js';
import type { Manager, ManagerEntry } from './managers.js';
import { compare, fieldsOf, merge, removeFields } from './typed-value.js';

/** What a write has to know besides the objects. */
export interface WriteContext {
  readonly manager: Manager;
  readonly schema: Schema;
  readonly hasStatus: boolean;
  /** RFC 3339, to the second. */
  readonly time: string;
}

/** Fields of an applied configuration that another manager owns with another value. */
export interface ManagerConflict {
  readonly manager: Manager;
  readonly paths: readonly FieldPath[];
}

/**
 * Books a create, an update or a patch: what it changed is its manager's from now on.
 *
 * Source of this and of `apply`: sigs.k8s.io/structured-merge-diff, merge/update.go.
 */
export function recordUpdate(live: JsonObject, next: JsonObject, context: WriteContext): JsonObject {
  const { manager, schema, hasStatus, time } = context;
  const difference = compare(live, next, schema);
  const changed = managedPart(difference.changed, hasStatus, manager);
  const removed = managedPart(difference.removed, hasStatus, manager);
  const before = readManagers(live);
  const entries = before.map((entry) => {
    const fields = sameManager(entry.manager, manager)
      ? entry.fields.union(changed).without(removed)
      : entry.fields.without(changed).without(removed);
    const touched = sameManager(entry.manager, manager) && changed.size + removed.size > 0;
    return { ...entry, fields, time: touched ? time : entry.time };
  });
  if (!before.some((entry) => sameManager(entry.manager, manager))) {
    entries.push({ manager, fields: changed, time });
  }
  return withManagers(next, entries);
}

/**
 * Merges an applied configuration into the live object: what it names is set, what its manager applied before
 * and names no more is removed unless somebody else owns it too.
 *
 * @returns the conflicts instead, when fields of other managers would change and it is not forced.
 */
export function apply(
  live: JsonObject,
  applied: JsonObject,
  force: boolean,
  context: WriteContext,
): { readonly object: JsonObject } | { readonly conflicts: readonly ManagerConflict[] } {
  const { manager, schema, hasStatus, time } = context;
  const entries = readManagers(live);
  const others = entries.filter((entry) => !sameManager(entry.manager, manager));
  const own = entries.find((entry) => sameManager(entry.manager, manager));
  const fields = managedPart(fieldsOf(applied, schema), hasStatus, manager);
  const merged = merge(live, applied, schema) as JsonObject;
  const { changed } = compare(live, merged, schema);
  const conflicts = others
    .map((entry) => ({ manager: entry.manager, fields: entry.fields.intersection(changed) }))
    .filter((conflict) => conflict.fields.size > 0);
  if (conflicts.length > 0 && !force) {
    return {
      conflicts: conflicts.map((conflict) => ({ manager: conflict.manager, paths: conflict.fields.paths() })),
    };
  }
  const kept: ManagerEntry[] = entries.map((entry) => {
    if (sameManager(entry.manager, manager)) {
      const same = entry.fields.equals(fields) && changed.size === 0;
      return { manager, fields, time: same ? entry.time : time };
    }
    const rest = entry.fields.without(changed);
    return rest.size === entry.fields.size ? entry : { ...entry, fields: rest, time };
  });
  if (own === undefined) kept.push({ manager, fields, time });
  const dropped = droppedFields(own?.fields ?? new FieldSet(), fields, kept);
  return { object: withManagers(removeFields(merged, dropped, schema), kept) };
}

/** A list's item stays while another manager owns any field of it. */
function droppedFields(before: FieldSet, now: FieldSet, owners: readonly ManagerEntry[]): FieldSet {
  return before.without(now).filter((path) => !owners.some((entry) => entry.fields.reaches(path)));
}
