import { AgentError } from '../errors.js';
import type { IControlClient } from '../icontrol/client.js';
import type { Device } from '../icontrol/device.js';
import type { DeviceError } from '../icontrol/errors.js';
import type { Proof } from '../proof/proof.js';
import { applyPlan } from './apply-plan.js';
import type { ApplyOptions } from './apply-plan.js';
import type { Desire, DesireService } from './desire.js';
import type { DesiredPair } from './desired.js';
import type { ObservedObject } from './device-object.js';
import { ledgerKey } from './ledger.js';
import { serviceNames } from './names.js';
import { observeDevice } from './observe.js';
import type { ObservedDevice } from './observed.js';
import { installedPair } from './pair.js';
import type { InstalledPair } from './pair.js';
import type { Plan } from './plan.js';
import { planServices } from './plan-services.js';
import { factsAfterFailure, whyNotGood } from './rotation-failure.js';
import { makeLast, requireWritable } from './units.js';

/** What became of a service whose new certificate did not pass its proof. */
export type RollBack =
  /** The profile uses the pair of before again; `proof` says what the device does with it. */
  | {
      readonly outcome: 'proven' | 'not proven';
      readonly service: DesireService;
      readonly proof: Proof;
      readonly notSynchronised?: DeviceError | undefined;
    }
  /** The profile uses the new pair, as far as it is known. */
  | { readonly outcome: 'impossible' | 'failed'; readonly reason: string };

export interface RollBackOptions extends ApplyOptions {
  /** Every service that the config file puts on the device. */
  readonly configured: readonly string[];
  /** The device as it was before the change. */
  readonly before: ObservedDevice;
  readonly now: () => Date;
  readonly verify: (service: DesireService) => Promise<Proof>;
  readonly signal: AbortSignal;
}

/**
 * Points the profile of a service back to the pair that it used before this run, in one transaction of its own, and
 * proves that.
 *
 * Nothing but the pair goes back: who may call stays as it was just made, and so does the trust bundle, because a root
 * or a caller that was taken out must not come in again through a failed proof. A pair that is not certainly as good as
 * it was stays where it is: then nothing is changed.
 *
 * @throws only when the signal aborts, and what is no AgentError
 */
export async function rollBack(
  { client, units }: { readonly client: IControlClient; readonly units: Device },
  desire: Desire,
  failed: DesireService,
  options: RollBackOptions,
): Promise<RollBack> {
  const { before, now, partition, signal, verify } = options;
  const { name } = failed.config;
  const previous = installedPair(name, before, partition);
  if (previous === undefined) return impossible('there was none before that the agent had made');
  const roots = desire.trustBundle.roots.map(({ fingerprint256 }) => fingerprint256);
  const reason = whyNotGood(previous, { spiffeId: failed.spiffeId.text, roots, at: now() });
  if (reason !== undefined) return impossible(`the one of before is no good: ${reason}`);
  try {
    const observed = await observeDevice(client, partition, { signal });
    if (installedPair(name, observed, partition)?.pair.certName !== failed.pair.certName)
      return impossible('the profile was changed by somebody else meanwhile');
    if (!isIntact(previous, before, observed))
      return impossible('the files of the one of before are not on the device as they were');
    const facts = factsAfterFailure(previous.pair.facts, failed.pair.facts['sha256'] ?? '', now());
    const plan = planRollBack(desire, failed, { ...previous.pair, facts }, observed, options);
    await requireWritable(units, client, plan, options);
    await applyPlan(client, plan, options);
    const notSynchronised = await makeLast(units, client, true);
    const service = { ...failed, pair: { ...previous.pair, facts }, isNewPair: false };
    const proof = await verify(service);
    return { outcome: proof.passed ? 'proven' : 'not proven', service, proof, notSynchronised };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AgentError)) throw error;
    return { outcome: 'failed', reason: error.message };
  }
}

function impossible(reason: string): RollBack {
  return { outcome: 'impossible', reason };
}

/** Certificate, key and chain are ours and have the content that was in use. */
function isIntact({ pair }: InstalledPair, before: ObservedDevice, now: ObservedDevice): boolean {
  const files: ReadonlyArray<Pick<ObservedObject, 'kind' | 'name'>> = [
    { kind: 'sys/file/ssl-cert', name: pair.certName },
    { kind: 'sys/file/ssl-key', name: pair.keyName },
    ...(pair.chain === undefined ? [] : [{ kind: 'sys/file/ssl-cert', name: pair.chain.name } as const]),
  ];
  return files.every(({ kind, name }) => {
    const find = ({ objects }: ObservedDevice): ObservedObject | undefined =>
      objects.find((object) => object.kind === kind && object.name === name);
    const checksum = find(now)?.members['checksum'];
    return (
      typeof checksum === 'string' &&
      checksum === find(before)?.members['checksum'] &&
      now.ledger?.has(ledgerKey(kind, name)) === true
    );
  });
}

/** The change of the one profile, and the note that keeps the next pair from being tried at once. */
function planRollBack(
  desire: Desire,
  failed: DesireService,
  pair: DesiredPair,
  observed: ObservedDevice,
  { configured, now }: Pick<RollBackOptions, 'configured' | 'now'>,
): Plan {
  const { name } = failed.config;
  const services = desire.device.services.map((service) =>
    service.config.name === name ? { ...service, pair } : service,
  );
  const device = { ...desire.device, services };
  const plan = planServices({ device }, observed, { configured, included: new Set([name]), now: now() });
  const { clientSsl } = serviceNames(name);
  return {
    ...plan,
    createPartition: false,
    changes: plan.changes.filter(
      ({ action, object }) =>
        action === 'modify' && object.kind === 'ltm/profile/client-ssl' && object.name === clientSsl,
    ),
    blockers: [],
    unlisted: [],
    noted: [{ kind: 'sys/file/ssl-cert', name: pair.certName, facts: pair.facts }],
  };
}
