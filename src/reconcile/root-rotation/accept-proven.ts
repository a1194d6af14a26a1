import { DeviceError } from '../../icontrol/errors.js';
import type { IControlClient } from '../../icontrol/client.js';
import type { Device } from '../../icontrol/device.js';
import type { Proof } from '../../proof/proof.js';
import { applyPlan } from '../apply-plan.js';
import type { ApplyOptions } from '../apply-plan.js';
import { observeDataGroups, stateOf } from '../observe.js';
import { isEmptyPlan, planDevice } from '../plan.js';
import { makeLast } from '../units.js';
import { rootRecordObject } from './root-record.js';
import type { RootRecord } from './root-record.js';

interface AcceptOptions extends ApplyOptions {
  /** Every service that the config file puts on the device. */
  readonly configured: readonly string[];
  /** Of this reconcile. */
  readonly proofs: ReadonlyMap<string, Pick<Proof, 'passed'>>;
  readonly now: Date;
  readonly signal: AbortSignal;
}

/** What became of the note. */
interface Acceptance {
  readonly isNoted: boolean;
  /** Why the other unit of a pair does not have it. */
  readonly notSynchronised?: DeviceError | undefined;
}

/** Whether there are roots that a proof of all services would accept. Pure. */
export function awaitProof(roots: readonly RootRecord[]): boolean {
  return roots.some(({ stage }) => stage === 'added');
}

/**
 * Notes on the device that the roots which were added are proven, once every service was: in a transaction of its own,
 * because the proof comes after the one that added them.
 *
 * Does nothing where somebody else has written meanwhile; the next reconcile proves again.
 */
export async function acceptProvenRoots(
  { client, units }: { readonly client: IControlClient; readonly units: Device },
  roots: readonly RootRecord[],
  { configured, proofs, now, ...options }: AcceptOptions,
): Promise<Acceptance> {
  if (!awaitProof(roots) || !configured.every((service) => proofs.get(service)?.passed === true))
    return { isNoted: false };
  const { partition, signal } = options;
  const since = new Date(Math.floor(now.getTime() / 1000) * 1000);
  const accepted = roots
    .filter(({ stage }) => stage === 'added')
    .map((root) => rootRecordObject({ ...root, stage: 'accepted', since }));
  const observed = { ...stateOf(await observeDataGroups(client, partition, signal)), tmosVersion: '' };
  const plan = planDevice(accepted, observed);
  const changes = plan.changes.filter(({ action }) => action === 'modify');
  const noted = { ...plan, changes, blockers: [], unlisted: [], createPartition: false };
  if (isEmptyPlan(noted)) return { isNoted: false };
  try {
    await applyPlan(client, noted, options);
  } catch (error) {
    if (error instanceof DeviceError && error.code === 'MESH_ERR_PLAN_OUTDATED') return { isNoted: false };
    throw error;
  }
  return { isNoted: true, notSynchronised: await makeLast(units, client, true) };
}
