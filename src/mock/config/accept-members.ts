import { isPresent } from './effective.js';
import { mcpdRefusal, tmshRefusal } from './refusal.js';
import type { Json, JsonObject } from '../json.js';
import type { Member, ResourceKind } from '../resources/resource-kind.js';
import type { WriteContext } from '../resources/value-type.js';

/** Members of every object that a body may carry back to the device without effect. */
const header: ReadonlySet<string> = new Set([
  'kind',
  'name',
  'partition',
  'subPath',
  'fullPath',
  'generation',
  'selfLink',
]);

type Own = Readonly<Record<string, Json>>;

/**
 * Reads a body into members, onto what was set before.
 *
 * @param before what the object had set; undefined while it is being created.
 * @param onto what stays when the body does not name it: everything on PATCH, what is bound to creation on PUT.
 * @throws Refusal for an unknown member, a value of the wrong form, and a change of what is fixed at creation.
 */
export function acceptMembers(
  kind: ResourceKind,
  body: JsonObject,
  before: Own | undefined,
  onto: Own,
  context: WriteContext,
): Own {
  const own: Record<string, Json> = { ...onto };
  for (const [name, value] of Object.entries(body)) {
    if (isOutsideMembers(kind, name)) continue;
    const member = findMember(kind, name, context);
    // A real device refuses it too; its exact text is not on record.
    if (member === undefined) throw tmshRefusal(`"${name}" unknown property`);
    if (member.access === 'read') continue;
    refuseLongStrings(value);
    const spelt = spell(member, value, context);
    if (spelt === undefined) {
      delete own[member.name];
      continue;
    }
    if (member.access === 'create' && before?.[member.name] !== undefined) {
      if (!same(before[member.name], spelt)) throw tmshRefusal(`"${member.tmshName}" may not be modified`);
    }
    if (member.excludes !== undefined && spelt === true) delete own[member.excludes];
    own[member.name] = spelt;
  }
  return own;
}

/** The members that a PUT cannot put back to their default: those fixed at creation and those of the device. */
export function keptByReplace(kind: ResourceKind, before: Own): Own {
  const kept = kind.members.filter((member) => member.access === 'create' || member.access === 'read');
  const names = new Set([...kept.map((member) => member.name), 'sourcePath']);
  return Object.fromEntries(Object.entries(before).filter(([name]) => names.has(name)));
}

/** A body's members by their JSON names, so that kinds need not know the tmsh spelling. */
export function writtenMembers(kind: ResourceKind, body: JsonObject, context: WriteContext): JsonObject {
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [findMember(kind, name, context)?.name ?? name, value]),
  );
}

function isOutsideMembers(kind: ResourceKind, name: string): boolean {
  if (header.has(name) || name.endsWith('Reference')) return true;
  return (kind.subcollections ?? []).some((sub) => sub.name === name);
}

function findMember(kind: ResourceKind, name: string, { tmos }: WriteContext): Member | undefined {
  return kind.members.find(
    (member) => (member.name === name || member.tmshName === name) && isPresent(member, tmos),
  );
}

/** @returns undefined when the value unsets the member. */
function spell(member: Member, value: Json, context: WriteContext): Json | undefined {
  const unsets = value === null || value === '' || (value === 'none' && member.default === undefined);
  if (unsets) return undefined;
  const spelt = member.type.accept(value, context);
  if (spelt === undefined) {
    throw tmshRefusal(`invalid property value "${member.tmshName}":${JSON.stringify(value)}`);
  }
  const isEmptyList = Array.isArray(spelt) && spelt.length === 0 && member.default === undefined;
  return spelt === false || isEmptyList ? undefined : spelt;
}

/** Characters that one string may have in a message to mcpd; it bounds, above all, an iRule's text. */
const maximumCharacters = 65_535;

function refuseLongStrings(value: Json): void {
  if (typeof value === 'string' && value.length > maximumCharacters) {
    throw mcpdRefusal(
      '01020057',
      `The string with more than ${maximumCharacters} characters cannot be stored in a message.`,
    );
  }
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(refuseLongStrings);
}

function same(a: Json | undefined, b: Json): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
