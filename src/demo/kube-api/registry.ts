import { randomUUID } from 'node:crypto';

import type { Clock } from '../../clock.js';
import { ApiError, alreadyExists, badRequest, conflict, invalid, notFound } from './api-error.js';
import { isJsonObject, objectAt, sameJson, stringAt } from './json.js';
import type { Json, JsonObject } from './json.js';
import { describePath } from './managed-fields/field-set.js';
import { describeManager } from './managed-fields/managers.js';
import { apply, recordUpdate } from './managed-fields/ownership.js';
import type { ManagerConflict, WriteContext } from './managed-fields/ownership.js';
import {
  appliedPart,
  keepIdentity,
  nameOf,
  newIdentity,
  presented,
  storedForm,
  withGeneration,
} from './object-identity.js';
import { patchObject } from './patch.js';
import { checkBody, checkIsCurrent, checkNamesVersion } from './preconditions.js';
import { apiVersionOf } from './resource.js';
import type { Resource } from './resource.js';
import type { ResourceTable } from './resource-table.js';
import { withServerDefaults } from './server-defaults.js';
import type { Store } from './store.js';
import { validateMetadata } from './validation.js';

/** Where a request points, and who writes. */
export interface Target {
  readonly resource: Resource;
  /** The version in the path, in which the answer comes. */
  readonly version: string;
  /** Empty for cluster-wide kinds. */
  readonly namespace: string;
  readonly name: string;
  readonly subresource: 'status' | undefined;
  readonly fieldManager: string;
  readonly dryRun: boolean;
}

export interface Written {
  readonly object: JsonObject;
  readonly created: boolean;
}

export interface Preconditions {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

/** What the API server does with an object before it is stored: identity, versions, ownership, status, defaults. */
export class Registry {
  readonly #store: Store;
  readonly #resources: ResourceTable;
  readonly #clock: Clock;

  constructor(store: Store, resources: ResourceTable, clock: Clock) {
    this.#store = store;
    this.#resources = resources;
    this.#clock = clock;
  }

  get(target: Target): JsonObject {
    return presented(this.#live(target), target.resource, target.version);
  }

  exists({ resource, namespace, name }: Target): boolean {
    return this.#store.get(resource, namespace, name) !== undefined;
  }

  create(target: Target, asked: JsonObject): Written {
    const { resource, namespace } = target;
    const body = storedForm(asked, resource);
    const name = this.#nameForCreate(target, body);
    checkBody({ ...target, name }, body);
    this.#checkNamespace(target);
    if (stringAt(objectAt(body, 'metadata'), 'resourceVersion')) {
      throw badRequest('resourceVersion should not be set on objects to be created');
    }
    if (this.#store.get(resource, namespace, name) !== undefined) throw alreadyExists(resource, name);
    const object = newIdentity(resource, withoutStatus(resource, body), {
      namespace,
      name,
      time: this.#time(),
    });
    return this.#commit(target, undefined, recordUpdate({}, object, this.#context(target, 'Update')));
  }

  /** PUT: the whole object, or its whole status. */
  update(target: Target, body: JsonObject): Written {
    const live = this.#live(target);
    checkBody(target, body);
    checkNamesVersion(target.resource, target.name, body);
    return this.#update(target, live, storedForm(body, target.resource));
  }

  patch(target: Target, contentType: string, patch: Json): Written {
    const live = this.#live(target);
    const schema = target.resource.custom ? undefined : target.resource.schema;
    const patched = patchObject(contentType, presented(live, target.resource, target.version), patch, schema);
    checkBody(target, patched);
    return this.#update(target, live, storedForm(patched, target.resource));
  }

  /** Server-side apply. */
  apply(target: Target, body: JsonObject, force: boolean): Written {
    const { resource, namespace, name, subresource } = target;
    checkBody(target, body);
    const metadata = objectAt(body, 'metadata');
    if (metadata['managedFields'] !== undefined) throw badRequest('metadata.managedFields must be nil');
    const asked = {
      uid: stringAt(metadata, 'uid'),
      resourceVersion: stringAt(metadata, 'resourceVersion'),
    };
    const stored = this.#store.get(resource, namespace, name);
    if (stored === undefined) {
      if (subresource !== undefined) throw notFound(resource, name);
      if (asked.uid || asked.resourceVersion) {
        throw conflict(resource, name, `Precondition failed: the object does not exist`);
      }
      this.#checkNamespace(target);
    }
    if (stored !== undefined) checkIsCurrent(resource, stored, asked);
    const live = stored ?? newIdentity(resource, {}, { namespace, name, time: this.#time() });
    const applied = appliedPart(
      storedForm(body, resource),
      subresource ?? 'main',
      resource.statusSubresource,
    );
    const result = apply(live, applied, force, this.#context(target, 'Apply'));
    if ('conflicts' in result) throw applyConflict(resource, name, result.conflicts);
    return this.#commit(target, stored, result.object);
  }

  /** @returns what the DELETE answers: the object while finalizers hold it, else a success. */
  remove(target: Target, preconditions: Preconditions): JsonObject {
    const { resource, name, version } = target;
    const live = this.#live(target);
    checkIsCurrent(resource, live, preconditions);
    const metadata = objectAt(live, 'metadata');
    const finalizers = metadata['finalizers'];
    if (Array.isArray(finalizers) && finalizers.length > 0) {
      const marked = {
        ...live,
        metadata: {
          ...metadata,
          deletionTimestamp: metadata['deletionTimestamp'] ?? this.#time(),
          deletionGracePeriodSeconds: 0,
        },
      };
      const kept = target.dryRun || sameJson(live, marked) ? marked : this.#store.put(resource, marked);
      return presented(kept, resource, version);
    }
    if (!target.dryRun) {
      if (resource.group === '' && resource.plural === 'namespaces') this.#emptyNamespace(name);
      this.#store.remove(resource, live);
    }
    const details = {
      name,
      ...(resource.group === '' ? {} : { group: resource.group }),
      kind: resource.plural,
      uid: metadata['uid'],
    };
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
  }

  #update(target: Target, live: JsonObject, body: JsonObject): Written {
    const { resource, subresource } = target;
    const metadata = objectAt(body, 'metadata');
    checkIsCurrent(resource, live, {
      uid: stringAt(metadata, 'uid'),
      resourceVersion: stringAt(metadata, 'resourceVersion'),
    });
    const next =
      subresource === 'status'
        ? { ...live, status: body['status'] }
        : keepIdentity(live, {
            ...withoutStatus(resource, body),
            ...(resource.statusSubresource && live['status'] !== undefined ? { status: live['status'] } : {}),
          });
    const completed = withServerDefaults(resource, next, live, this.#store);
    return this.#commit(target, live, recordUpdate(live, completed, this.#context(target, 'Update')));
  }

  /** Stores what changed anything; an object whose last finalizer went is gone. */
  #commit(target: Target, live: JsonObject | undefined, next: JsonObject): Written {
    const { resource, version } = target;
    validateMetadata(resource, nameOf(next), next);
    const completed = withServerDefaults(resource, next, live, this.#store);
    const object = live === undefined ? completed : withGeneration(resource, live, completed);
    const answer = (stored: JsonObject): Written => ({
      object: presented(stored, resource, version),
      created: live === undefined,
    });
    if (target.dryRun || (live !== undefined && sameExceptTimes(live, object))) {
      return answer(target.dryRun ? object : (live ?? object));
    }
    const { deletionTimestamp, finalizers } = objectAt(object, 'metadata');
    if (deletionTimestamp !== undefined && !(Array.isArray(finalizers) && finalizers.length > 0)) {
      return answer(this.#store.remove(resource, object));
    }
    if (resource.plural === 'customresourcedefinitions') this.#resources.addDefinition(object);
    return answer(this.#store.put(resource, object));
  }

  #live({ resource, namespace, name }: Target): JsonObject {
    const live = this.#store.get(resource, namespace, name);
    if (live === undefined) throw notFound(resource, name);
    return live;
  }

  #nameForCreate({ resource }: Target, body: JsonObject): string {
    const metadata = objectAt(body, 'metadata');
    const name = stringAt(metadata, 'name');
    if (name) return name;
    const prefix = stringAt(metadata, 'generateName');
    if (prefix) return `${prefix}${randomUUID().slice(0, 5)}`;
    throw invalid(resource, '', [
      {
        reason: 'FieldValueRequired',
        field: 'metadata.name',
        message: 'Required value: name or generateName is required',
      },
    ]);
  }

  #checkNamespace({ resource, namespace }: Target): void {
    const namespaces = this.#resources.find('', 'v1', 'namespaces');
    if (!resource.namespaced || namespaces === undefined) return;
    if (this.#store.get(namespaces, '', namespace) === undefined) throw notFound(namespaces, namespace);
  }

  #emptyNamespace(namespace: string): void {
    for (const resource of this.#resources.all().filter((candidate) => candidate.namespaced)) {
      for (const object of this.#store.all(resource)) {
        if (objectAt(object, 'metadata')['namespace'] === namespace) this.#store.remove(resource, object);
      }
    }
  }

  #context(target: Target, operation: 'Apply' | 'Update'): WriteContext {
    const { resource, version, fieldManager, subresource } = target;
    return {
      manager: { name: fieldManager, operation, apiVersion: apiVersionOf(resource, version), subresource },
      schema: resource.schema,
      hasStatus: resource.statusSubresource,
      time: this.#time(),
    };
  }

  #time(): string {
    return this.#clock
      .now()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z');
  }
}

function withoutStatus(resource: Resource, body: JsonObject): JsonObject {
  if (!resource.statusSubresource) return body;
  const { status: _, ...rest } = body;
  return rest;
}

/** A write that changes nothing but the times of its own bookkeeping is none. */
function sameExceptTimes(live: JsonObject, next: JsonObject): boolean {
  return sameJson(withoutTimes(live), withoutTimes(next));
}

function withoutTimes(object: JsonObject): JsonObject {
  const { managedFields, ...metadata } = objectAt(object, 'metadata');
  const entries = (Array.isArray(managedFields) ? managedFields : []).filter(isJsonObject);
  return {
    ...object,
    metadata: { ...metadata, managedFields: entries.map((entry) => ({ ...entry, time: '' })) },
  };
}

function applyConflict(resource: Resource, name: string, conflicts: readonly ManagerConflict[]): ApiError {
  const causes = conflicts.flatMap(({ manager, paths }) =>
    paths.map((path) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${describeManager(manager)}`,
      field: describePath(path),
    })),
  );
  const texts = conflicts.map(({ manager, paths }) =>
    paths.length === 1
      ? `conflict with ${describeManager(manager)}: ${paths.map(describePath).join('')}`
      : `conflicts with ${describeManager(manager)}:\n${paths.map((path) => `- ${describePath(path)}`).join('\n')}`,
  );
  const count = `${causes.length} conflict${causes.length === 1 ? '' : 's'}`;
  return new ApiError(409, 'Conflict', `Apply failed with ${count}: ${texts.join('\n')}`, {
    name,
    kind: resource.plural,
    ...(resource.group === '' ? {} : { group: resource.group }),
    causes,
  });
}
