import { AgentError } from '../errors.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { describeRef, refOf } from '../kube/object.js';
import type { KubeKind, KubeObject, ObjectRef } from '../kube/object.js';
import { isApplied } from './applied-object.js';
import { isOwned } from './ownership.js';
import {
  isKindOfForm,
  listLeftOf,
  listOwnedOf,
  missingDefinition,
  registeredKinds,
} from './registered-kinds.js';
import type { OwnedObject, RegistrationKey } from './registered-kinds.js';
import { renderedAnnotation } from './registration-object.js';
import type { RegistrationObject } from './registration-object.js';
import type { RegistrationForm } from './registered-service.js';
import type { ObjectJudge } from './object-judge.js';

/** A registration that somebody keeps. */
interface ActiveKey extends RegistrationKey {
  readonly form: RegistrationForm;
}

export interface AppliedRegistration {
  readonly applied: readonly ObjectRef[];
  readonly unchanged: readonly ObjectRef[];
  /** Service accounts of somebody else: used, not touched. */
  readonly foreign: readonly ObjectRef[];
  /** What the agent made for the service and the registration of now does not have; `removeStale` removes it. */
  readonly stale: readonly OwnedObject[];
}

interface ApplyRegistrationOptions {
  /** Judges what is about to be written. */
  readonly judge: ObjectJudge;
  /** Looks for what other forms left even where nothing had to be written. */
  readonly findLeft?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes the cluster hold these objects of a service. What the service had before stays until `removeStale`, so that
 * callers have somewhere to go all the while.
 *
 * Everything is looked at, and judged, before anything is written. What has one of the names and does not carry the
 * agent's labels stops it; but a service account that exists already serves as it is.
 *
 * @throws AgentError MESH_ERR_MESH_FOREIGN_OBJECT, _INVALID_OBJECT or _CRD_MISSING; MESH_ERR_KUBE_* when something
 * cannot be read or written.
 */
export async function applyRegistration(
  kube: KubeClient,
  service: ActiveKey,
  objects: readonly RegistrationObject[],
  { judge, findLeft = true, signal }: ApplyRegistrationOptions,
): Promise<AppliedRegistration> {
  const served = new Map<KubeKind, KubeKind>();
  const owned: OwnedObject[] = [];
  for (const kind of registeredKinds.filter((kind) => isKindOfForm(kind, service.form))) {
    const list = await listOwnedOf(kube, kind, service, signal);
    if (list === undefined) throw missingDefinition(kind);
    served.set(kind, list.kind);
    owned.push(...list.objects);
  }
  const found = await Promise.all(
    objects.map(async (wanted) => {
      const kind = served.get(wanted.kind) ?? wanted.kind;
      const object = { ...wanted.object, apiVersion: kind.apiVersion };
      const ref = refOf(kind, object);
      return { kind, object, ref, live: await kube.get(ref, { signal }) };
    }),
  );
  for (const { kind, ref, live } of found) {
    if (live !== undefined && kind.kind !== kinds.serviceAccount.kind && !isOwned(live, service.name)) {
      throw foreignObject(ref, service.name);
    }
  }
  const isWritten = ({ live, object }: (typeof found)[number]): boolean =>
    live === undefined || (isOwned(live, service.name) && !holds(live, object));
  for (const { kind, object } of found.filter(isWritten)) await judge.judge(kind, object, signal);

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
  if (findLeft || applied.length > 0) owned.push(...(await listLeft(kube, service, signal)));
  const wanted = new Set(found.map(({ ref }) => describeRef(ref)));
  const stale = owned.filter(
    ({ kind, object }) => isApplied(object) && !wanted.has(describeRef(refOf(kind, object))),
  );
  return { applied, unchanged, foreign, stale };
}

/**
 * Deletes what an earlier form or address left, endpoints first.
 *
 * @throws AgentError MESH_ERR_KUBE_*
 */
export function removeStale(
  kube: KubeClient,
  stale: readonly OwnedObject[],
  signal?: AbortSignal,
): Promise<ObjectRef[]> {
  return deleteOwned(kube, stale, signal);
}

/**
 * Deletes what the agent made for a service in its namespace, of every form, and nothing else.
 *
 * Nothing is deleted unless every kind of the service's form could be listed; for `none`, every kind there is.
 *
 * @returns what was deleted; empty when the service was not registered.
 * @throws AgentError MESH_ERR_KUBE_*
 */
export async function removeRegistration(
  kube: KubeClient,
  service: RegistrationKey,
  signal?: AbortSignal,
): Promise<readonly ObjectRef[]> {
  const lists = await Promise.all(
    registeredKinds.map(async (kind) => {
      if (service.form !== 'none' && !isKindOfForm(kind, service.form)) {
        return listLeftOf(kube, kind, service, signal);
      }
      return (await listOwnedOf(kube, kind, service, signal))?.objects ?? [];
    }),
  );
  return deleteOwned(
    kube,
    lists.flat().filter(({ object }) => isApplied(object)),
    signal,
  );
}

async function listLeft(
  kube: KubeClient,
  service: ActiveKey,
  signal: AbortSignal | undefined,
): Promise<OwnedObject[]> {
  const others = registeredKinds.filter((kind) => !isKindOfForm(kind, service.form));
  const lists = await Promise.all(others.map((kind) => listLeftOf(kube, kind, service, signal)));
  return lists.flat();
}

/** In the order of `registeredKinds`, in which they were listed. */
async function deleteOwned(
  kube: KubeClient,
  objects: readonly OwnedObject[],
  signal: AbortSignal | undefined,
): Promise<ObjectRef[]> {
  const deleted: ObjectRef[] = [];
  for (const { kind, object } of objects) {
    const { uid, resourceVersion } = object.metadata;
    // The very object, at the very version that was read.
    if (uid === undefined || resourceVersion === undefined) continue;
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
