import { isFields } from './structural-schema.js';
import type { Fields } from './structural-schema.js';

/** The object under a field; undefined when it is not there or something else, which the schema reports. */
export function fieldsAt(fields: Fields | undefined, name: string): Fields | undefined {
  const value = fields?.[name];
  return isFields(value) ? value : undefined;
}

export function listAt(fields: Fields | undefined, name: string): readonly unknown[] {
  const value = fields?.[name];
  return Array.isArray(value) ? value : [];
}

/** The objects of a list, each with its index. */
export function objectsAt(fields: Fields | undefined, name: string): ReadonlyArray<[number, Fields]> {
  return [...listAt(fields, name).entries()].filter((entry): entry is [number, Fields] => isFields(entry[1]));
}

export function textsAt(fields: Fields | undefined, name: string): readonly string[] {
  return listAt(fields, name).filter((item) => typeof item === 'string');
}

/** Empty when it is not there, as in the API's own types. */
export function textAt(fields: Fields | undefined, name: string): string {
  const value = fields?.[name];
  return typeof value === 'string' ? value : '';
}

export function numberAt(fields: Fields | undefined, name: string): number {
  const value = fields?.[name];
  return typeof value === 'number' ? value : 0;
}

/** Whether a field was given at all, empty or not. */
export function has(fields: Fields | undefined, name: string): boolean {
  return fields?.[name] !== undefined && fields[name] !== null;
}
