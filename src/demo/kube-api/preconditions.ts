import { badRequest, conflict, invalid, staleVersion } from './api-error.js';
import { objectAt, stringAt } from './json.js';
import type { JsonObject } from './json.js';
import { apiVersionOf } from './resource.js';
import type { Resource } from './resource.js';

interface Where {
  readonly resource: Resource;
  readonly version: string;
  readonly namespace: string;
  readonly name: string;
}

/** What a body says of itself must be what the path says. */
export function checkBody({ resource, version, namespace, name }: Where, body: JsonObject): void {
  const apiVersion = stringAt(body, 'apiVersion') ?? apiVersionOf(resource, version);
  const kind = stringAt(body, 'kind') ?? resource.kind;
  if (apiVersion !== apiVersionOf(resource, version) || kind !== resource.kind) {
    throw badRequest(
      `${kind} in version "${apiVersion}" cannot be handled as a ${resource.kind} in ${apiVersionOf(resource, version)}`,
    );
  }
  const metadata = objectAt(body, 'metadata');
  const bodyName = stringAt(metadata, 'name');
  if (bodyName && bodyName !== name) {
    throw badRequest(`the name of the object (${bodyName}) does not match the name on the URL (${name})`);
  }
  const bodyNamespace = stringAt(metadata, 'namespace');
  if (bodyNamespace && bodyNamespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

/** Optimistic locking: a version or uid that the client names must be the current one. */
export function checkIsCurrent(
  resource: Resource,
  live: JsonObject,
  asked: { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined },
): void {
  const metadata = objectAt(live, 'metadata');
  const name = stringAt(metadata, 'name') ?? '';
  if (asked.uid && asked.uid !== metadata['uid']) {
    const why = `Precondition failed: UID in precondition: ${asked.uid}, UID in object meta: ${stringAt(metadata, 'uid')}`;
    throw conflict(resource, name, why);
  }
  if (asked.resourceVersion && asked.resourceVersion !== metadata['resourceVersion']) {
    throw conflict(resource, name, staleVersion);
  }
}

/** Kinds without unconditional update want the version that was read. */
export function checkNamesVersion(resource: Resource, name: string, body: JsonObject): void {
  if (resource.unconditionalUpdate || stringAt(objectAt(body, 'metadata'), 'resourceVersion')) return;
  throw invalid(resource, name, [
    {
      reason: 'FieldValueInvalid',
      field: 'metadata.resourceVersion',
      message: 'Invalid value: 0: must be specified for an update',
    },
  ]);
}
