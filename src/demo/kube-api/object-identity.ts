import { randomUUID } from 'node:crypto';

import { isJsonObject, objectAt, sameJson, stringAt } from './json.js';
import type { Json, JsonObject } from './json.js';
import { apiVersionOf } from './resource.js';
import type { Resource } from './resource.js';

/** Fields of metadata that only the server writes. */
const serverFields = [
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'resourceVersion',
  'managedFields',
  'selfLink',
] as const;

/** What the client may say of a new object, under a fresh identity. */
export function newIdentity(
  resource: Resource,
  body: JsonObject,
  { namespace, name, time }: { readonly namespace: string; readonly name: string; readonly time: string },
): JsonObject {
  return {
    ...body,
    apiVersion: apiVersionOf(resource, resource.versions[0] ?? ''),
    kind: resource.kind,
    metadata: {
      ...clientMetadata(body),
      name,
      ...(resource.namespaced ? { namespace } : {}),
      uid: randomUUID(),
      creationTimestamp: time,
      ...(resource.generation ? { generation: 1 } : {}),
    },
  };
}

/** What the client says now, under the identity that the object has. */
export function keepIdentity(live: JsonObject, body: JsonObject): JsonObject {
  const before = objectAt(live, 'metadata');
  const metadata: JsonObject = { ...clientMetadata(body), name: before['name'] };
  for (const field of ['namespace', ...serverFields]) {
    if (before[field] !== undefined) metadata[field] = before[field];
  }
  return { ...body, apiVersion: live['apiVersion'], kind: live['kind'], metadata };
}

/** The body without what only the server writes, and without nulls, which apply takes for absent. */
export function appliedPart(body: JsonObject, part: 'main' | 'status', hasStatus: boolean): JsonObject {
  if (part === 'status') return { status: withoutNulls(body['status'] ?? {}) };
  const { apiVersion: _v, kind: _k, status, ...rest } = body;
  return withoutNulls({
    ...rest,
    metadata: clientMetadata(body),
    ...(hasStatus || status === undefined ? {} : { status }),
  }) as JsonObject;
}

/** `metadata.generation` counts changes of what is neither metadata nor status. */
export function withGeneration(resource: Resource, live: JsonObject, next: JsonObject): JsonObject {
  if (!resource.generation) return next;
  const { metadata: _a, status: _b, ...before } = live;
  const { metadata: _c, status: _d, ...after } = next;
  if (sameJson(before, after)) return next;
  const generation = Number(objectAt(live, 'metadata')['generation'] ?? 0) + 1;
  return { ...next, metadata: { ...objectAt(next, 'metadata'), generation } };
}

/** The object as a path's version shows it. */
export function presented(object: JsonObject, resource: Resource, version: string): JsonObject {
  const fields = Object.entries(resource.viewOf?.fields ?? {}).map(([here, there]) => [there, here]);
  const seen = renamed(object, Object.fromEntries(fields) as Record<string, string>);
  return { ...seen, apiVersion: apiVersionOf(resource, version), kind: resource.kind };
}

/** The body of a request in the fields in which it is kept. */
export function storedForm(body: JsonObject, resource: Resource): JsonObject {
  return renamed(body, resource.viewOf?.fields ?? {});
}

function renamed(object: JsonObject, names: Readonly<Record<string, string>>): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([field, value]) => [names[field] ?? field, value]));
}

export function nameOf(object: JsonObject): string {
  return stringAt(objectAt(object, 'metadata'), 'name') ?? '';
}

function clientMetadata(body: JsonObject): JsonObject {
  const metadata = { ...objectAt(body, 'metadata') };
  for (const field of serverFields) delete metadata[field];
  return metadata;
}

function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([field, child]) =>
      child === null || child === undefined ? [] : [[field, withoutNulls(child)]],
    ),
  );
}
