import type { Clock } from '../clock.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { renderLabelSelector } from '../kube/label-selector.js';
import { refOf } from '../kube/object.js';
import type { KubeObject, ObjectRef } from '../kube/object.js';
import type { RegistrationKey } from './apply-registration.js';
import { renderHealthStatus } from './health-condition.js';
import type { Health } from './health-condition.js';
import { isOwned, ownerLabels } from './ownership.js';

/** The entries that the agent made for a service. */
export async function listOwnEntries(
  kube: KubeClient,
  { name, namespace }: RegistrationKey,
  signal?: AbortSignal,
): Promise<readonly KubeObject[]> {
  const labelSelector = renderLabelSelector(ownerLabels(name));
  const { items } = await kube.list(kinds.workloadEntry, { namespace, labelSelector }, { signal });
  return items.filter((entry) => isOwned(entry, name));
}

/**
 * Sets the Healthy condition of every entry of a service: it decides whether sidecars send callers there.
 *
 * @returns the entries whose condition changed.
 * @throws AgentError MESH_ERR_KUBE_*
 */
export async function applyHealth(
  kube: KubeClient,
  service: RegistrationKey,
  health: Health,
  { clock, signal }: { readonly clock: Clock; readonly signal?: AbortSignal },
): Promise<readonly ObjectRef[]> {
  const changed: ObjectRef[] = [];
  for (const entry of await listOwnEntries(kube, service, signal)) {
    const status = renderHealthStatus(entry, health, clock.now());
    if (status === undefined) continue;
    await kube.applyStatus(kinds.workloadEntry, status, { force: true, signal });
    changed.push(refOf(kinds.workloadEntry, entry));
  }
  return changed;
}
