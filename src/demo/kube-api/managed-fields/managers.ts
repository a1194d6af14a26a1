import { isJsonObject, objectAt, stringAt } from '../json.js';
import type { JsonObject } from '../json.js';
import { FieldSet } from './field-set.js';

/** Who wrote, and how: the identity of one entry of `metadata.managedFields`. */
export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: 'status' | undefined;
}

/** One entry of `metadata.managedFields`. */
export interface ManagerEntry {
  readonly manager: Manager;
  readonly fields: FieldSet;
  /** RFC 3339, to the second. */
  readonly time: string;
}

export function sameManager(a: Manager, b: Manager): boolean {
  return (
    a.name === b.name &&
    a.operation === b.operation &&
    a.apiVersion === b.apiVersion &&
    a.subresource === b.subresource
  );
}

/** `"kubectl" using v1`, as conflict messages name a manager. */
export function describeManager({ name, apiVersion, subresource }: Manager): string {
  const where = subresource === undefined ? '' : ` with subresource ${JSON.stringify(subresource)}`;
  return `${JSON.stringify(name)}${where} using ${apiVersion}`;
}

export function readManagers(object: JsonObject): ManagerEntry[] {
  const entries = objectAt(object, 'metadata')['managedFields'];
  if (!Array.isArray(entries)) return [];
  return entries.filter(isJsonObject).map((entry) => ({
    manager: {
      name: stringAt(entry, 'manager') ?? '',
      operation: entry['operation'] === 'Apply' ? 'Apply' : 'Update',
      apiVersion: stringAt(entry, 'apiVersion') ?? '',
      subresource: entry['subresource'] === 'status' ? 'status' : undefined,
    },
    fields: FieldSet.fromFieldsV1(objectAt(entry, 'fieldsV1')),
    time: stringAt(entry, 'time') ?? '',
  }));
}

/** The object with these entries; those that own nothing are left out. */
export function withManagers(object: JsonObject, entries: readonly ManagerEntry[]): JsonObject {
  const { managedFields: _, ...metadata } = objectAt(object, 'metadata');
  const managedFields = entries
    .filter((entry) => entry.fields.size > 0)
    .map(({ manager, fields, time }) => ({
      manager: manager.name,
      operation: manager.operation,
      apiVersion: manager.apiVersion,
      time,
      fieldsType: 'FieldsV1',
      fieldsV1: fields.toFieldsV1(),
      ...(manager.subresource === undefined ? {} : { subresource: manager.subresource }),
    }));
  return {
    ...object,
    metadata: managedFields.length === 0 ? metadata : { ...metadata, managedFields },
  };
}

/** Fields that belong to the server, or to the other endpoint of the object. */
export function managedPart(fields: FieldSet, hasStatus: boolean, manager: Manager): FieldSet {
  return fields.filter((path) => {
    const [first = '', second = ''] = path;
    if (manager.subresource === 'status') return first === 'f:status';
    if (first === 'f:apiVersion' || first === 'f:kind') return false;
    if (first === 'f:metadata') return path.length > 1 && !serverMetadata.has(second);
    return !(hasStatus && first === 'f:status');
  });
}

/** Source: k8s.io/apimachinery, pkg/util/managedfields/internal/stripmeta.go. */
const serverMetadata = new Set(
  [
    'name',
    'namespace',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
    'uid',
    'generateName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((field) => `f:${field}`),
);
