import { AgentError } from '../errors.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { renderLabelSelector } from '../kube/label-selector.js';
import { describeRef, refOf } from '../kube/object.js';
import type { KubeKind, KubeObject, ObjectRef } from '../kube/object.js';
import { isOwned, ownerLabels } from './ownership.js';
import { renderedAnnotation } from './registration.js';
import type { RegistrationObject } from './registration.js';

/** Whose registration: the name in the config file, and the namespace of its identity. */
export interface RegistrationKey {
  readonly name: string;
  readonly namespace: string;
}

export interface AppliedRegistration {
  readonly applied: readonly ObjectRef[];
  readonly unchanged: readonly ObjectRef[];
  /** Of an earlier form of the registration (an address that is no more). */
  readonly deleted: readonly ObjectRef[];
  /** Service accounts of somebody else: used, not touched. */
  readonly foreign: readonly ObjectRef[];
}

/** In the order in which they go: first no more endpoint, then no more name. */
const ownedKinds = [kinds.workloadEntry, kinds.service, kinds.serviceAccount];

/**
 * Makes the cluster hold these objects of a service, and no other ones that the agent made for it.
 *
 * Everything is looked at before anything is written. What has one of the names and does not carry the agent's
 * labels stops it; but a service account that exists already serves as it is.
 *
 * @throws AgentError MESH_ERR_MESH_FOREIGN_OBJECT; MESH_ERR_KUBE_* when something cannot be read or written.
 */
export async function applyRegistration(
  kube: KubeClient,
  service: RegistrationKey,
  objects: readonly RegistrationObject[],
  signal?: AbortSignal,
): Promise<AppliedRegistration> {
  const found = await Promise.all(
    objects.map(async ({ kind, object }) => {
      const ref = refOf(kind, object);
      const live = await kube.get(ref, { signal });
      return { kind, object, ref, live };
    }),
  );
  const owned = await listOwned(kube, service, signal);
  for (const { kind, ref, live } of found) {
    if (live !== undefined && kind !== kinds.serviceAccount && !isOwned(live, service.name)) {
      throw foreignObject(ref, service.name);
    }
  }

  const applied: ObjectRef[] = [];
  const unchanged: ObjectRef[] = [];
  const foreign: ObjectRef[] = [];
  for (const { kind, object, ref, live } of found) {
    if (live === undefined) {
      // Without force: whoever creates the object in this moment keeps it.
      await kube.apply(kind, object, { signal });
      applied.push(ref);
    } else if (!isOwned(live, service.name)) {
      foreign.push(ref);
    } else if (holds(live, object)) {
      unchanged.push(ref);
    } else {
      await kube.apply(kind, ofSameUid(object, live), { force: true, signal });
      applied.push(ref);
    }
  }
  const wanted = new Set(found.map(({ ref }) => describeRef(ref)));
  const stale = owned.filter(({ kind, object }) => !wanted.has(describeRef(refOf(kind, object))));
  return { applied, unchanged, foreign, deleted: await deleteOwned(kube, stale, service, signal) };
}

/**
 * Deletes what the agent made for a service in its namespace, and nothing else.
 *
 * Nothing is deleted unless every kind could be listed.
 *
 * @returns what was deleted; empty when the service was not registered.
 * @throws AgentError MESH_ERR_KUBE_*
 */
export async function removeRegistration(
  kube: KubeClient,
  service: RegistrationKey,
  signal?: AbortSignal,
): Promise<readonly ObjectRef[]> {
  return deleteOwned(kube, await listOwned(kube, service, signal), service, signal);
}

async function listOwned(
  kube: KubeClient,
  { name, namespace }: RegistrationKey,
  signal: AbortSignal | undefined,
): Promise<{ kind: KubeKind; object: KubeObject }[]> {
  const labelSelector = renderLabelSelector(ownerLabels(name));
  const lists = await Promise.all(
    ownedKinds.map(async (kind) => {
      const { items } = await kube.list(kind, { namespace, labelSelector }, { signal });
      return items.map((object) => ({ kind, object }));
    }),
  );
  return lists.flat();
}

async function deleteOwned(
  kube: KubeClient,
  objects: readonly { readonly kind: KubeKind; readonly object: KubeObject }[],
  service: RegistrationKey,
  signal: AbortSignal | undefined,
): Promise<ObjectRef[]> {
  const deleted: ObjectRef[] = [];
  for (const { kind, object } of objects) {
    const { uid, resourceVersion } = object.metadata;
    // Not on a selector's word alone: the labels of the very object, at the very version that was read.
    if (uid === undefined || resourceVersion === undefined || !isOwned(object, service.name)) continue;
    const ref = refOf(kind, object);
    if (await kube.delete(ref, { uid, resourceVersion, signal })) deleted.push(ref);
  }
  return deleted;
}

function ofSameUid(object: KubeObject, live: KubeObject): KubeObject {
  const { uid } = live.metadata;
  return uid === undefined ? object : { ...object, metadata: { ...object.metadata, uid } };
}

/** Whether the live object was rendered from the same and nobody has changed it since. */
function holds(live: KubeObject, desired: KubeObject): boolean {
  const rendered = desired.metadata.annotations?.[renderedAnnotation];
  return live.metadata.annotations?.[renderedAnnotation] === rendered && covers(live, desired);
}

function covers(live: unknown, desired: unknown): boolean {
  if (Array.isArray(desired)) {
    return (
      Array.isArray(live) &&
      live.length === desired.length &&
      desired.every((item, index) => covers(live[index], item))
    );
  }
  if (typeof desired !== 'object' || desired === null) return live === desired;
  if (typeof live !== 'object' || live === null) return false;
  return Object.entries(desired).every(([field, value]) =>
    covers((live as Record<string, unknown>)[field], value),
  );
}

function foreignObject(ref: ObjectRef, serviceName: string): AgentError {
  return new AgentError(
    'MESH_ERR_MESH_FOREIGN_OBJECT',
    `${describeRef(ref)} exists and was not made by the agent for service ${serviceName}`,
    'choose another host for the service, or delete that object if it is yours to delete',
  );
}
