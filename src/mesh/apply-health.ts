import type { Clock } from '../clock.js';
import { AgentError } from '../errors.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { refOf } from '../kube/object.js';
import type { KubeKind, ObjectRef } from '../kube/object.js';
import { renderDrainedSlice } from './forms/endpoint-slice-form.js';
import { renderHealthStatus } from './health-condition.js';
import type { Health } from './health-condition.js';
import { isKindOfForm, listOwnedOf } from './registered-kinds.js';
import type { OwnedObject, RegistrationKey } from './registered-kinds.js';

interface HealthOptions {
  readonly clock: Clock;
  /** Names of the entries that are meant; default: all that the agent made for the service. */
  readonly only?: ReadonlySet<string>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sets the Healthy condition of a service's WorkloadEntries: it decides whether sidecars send callers there.
 *
 * @returns the entries whose condition changed.
 * @throws AgentError MESH_ERR_KUBE_*
 */
export async function applyHealth(
  kube: KubeClient,
  service: RegistrationKey,
  health: Health,
  { clock, only, signal }: HealthOptions,
): Promise<readonly ObjectRef[]> {
  const changed: ObjectRef[] = [];
  for (const { kind, object } of await ownedIfServed(kube, kinds.workloadEntry, service, signal)) {
    if (only !== undefined && !only.has(object.metadata.name)) continue;
    const status = renderHealthStatus(object, health, clock.now());
    if (status === undefined) continue;
    await kube.applyStatus(kind, status, { force: true, signal });
    changed.push(refOf(kind, object));
  }
  return changed;
}

/**
 * Takes a service's EndpointSlices out of use; the next registration makes them ready again.
 *
 * @returns the slices that changed.
 * @throws AgentError MESH_ERR_KUBE_*
 */
export async function drainSlices(
  kube: KubeClient,
  service: RegistrationKey,
  reason: string,
  signal?: AbortSignal,
): Promise<readonly ObjectRef[]> {
  const changed: ObjectRef[] = [];
  for (const { kind, object } of await ownedIfServed(kube, kinds.endpointSlice, service, signal)) {
    const drained = renderDrainedSlice(object, reason);
    if (drained === undefined) continue;
    await kube.apply(kind, drained, { force: true, signal });
    changed.push(refOf(kind, object));
  }
  return changed;
}

/** A kind of another form may be out of the agent's reach; then nothing of it is the agent's to drain. */
async function ownedIfServed(
  kube: KubeClient,
  kind: KubeKind,
  service: RegistrationKey,
  signal: AbortSignal | undefined,
): Promise<readonly OwnedObject[]> {
  try {
    return (await listOwnedOf(kube, kind, service, signal))?.objects ?? [];
  } catch (error) {
    const isOther = service.form !== 'none' && !isKindOfForm(kind, service.form);
    if (isOther && error instanceof AgentError && error.code === 'MESH_ERR_KUBE_FORBIDDEN') return [];
    throw error;
  }
}
