import { AgentError } from '../errors.js';
import type { RenewalPace } from '../identity/renewal-pace.js';
import type { AgentConfig, DeviceConfig } from '../config/schema.js';
import type { IControlClient } from '../icontrol/client.js';
import type { Device } from '../icontrol/device.js';
import type { CallerCache } from '../proof/caller-cache.js';
import type { Proof } from '../proof/proof.js';
import { applyAllowlistsFirst } from './allowlists-first.js';
import { applyIsolated } from './apply-isolated.js';
import type { IsolatedApply } from './apply-isolated.js';
import { applyPlan } from './apply-plan.js';
import { changedServices } from './changed-services.js';
import { desireDevice } from './desire.js';
import type { Desire, DesirePorts, DesireService } from './desire.js';
import { stopAtFailure } from './service-failure.js';
import type { OnServiceFailure } from './service-failure.js';
import { observeDevice } from './observe.js';
import { isEmptyPlan } from './plan.js';
import type { Plan } from './plan.js';
import { planServices } from './plan-services.js';
import { proveServices, registerProven } from './prove-services.js';
import type { RollBack } from './roll-back.js';
import { acceptProvenRoots, awaitProof } from './root-rotation/accept-proven.js';
import { provenRoot } from './root-rotation/plan-roots.js';
import { removeOrphans } from './remove-orphans.js';
import type { AtMost } from './side-by-side.js';
import { makeLast, requireWritable } from './units.js';

export interface ReconcilePorts extends DesirePorts {
  /** The unit to read from and write to. */
  readonly client: IControlClient;
  /** All units of the device. */
  readonly units: Device;
  readonly registrar: Registrar;
  /** The callers of earlier proofs; absent: each proof makes its own. */
  readonly callers?: CallerCache;
  /**
   * The proofs of all devices together: with too many, handshakes take so long that good certificates seem to fail.
   * Absent: this device is proven by itself.
   */
  readonly proofsAtOnce?: AtMost;
  /** Told at the start of each step. */
  readonly onStep: (step: ReconcileStep) => void;
}

/** The part of the mesh registration that a reconcile needs. */
export interface Registrar {
  /** Makes the service callable; only for one that was proven. */
  register(service: DesireService, signal: AbortSignal): Promise<unknown>;
  /** Takes a service that was registered out of the callers' sight; does nothing for others. */
  drain(service: DesireService, reason: string, signal: AbortSignal): Promise<void>;
}

export type ReconcileStep =
  'observe' | 'desire' | 'plan' | 'apply' | 'save' | 'verify' | 'roll back' | 'register';

export interface ReconcileOptions {
  /** `plan` stops before anything is written. */
  readonly mode: 'plan' | 'apply';
  /** Services whose certificate is renewed whatever its age. */
  readonly renew?: ReadonlySet<string>;
  /** Renews them also while the wait after a failed rotation lasts. */
  readonly isUrgent?: boolean;
  /** Lets the renewals that are due begin by and by; absent: all at once. */
  readonly pace?: RenewalPace;
  /**
   * Whether the running configuration is known to be saved. One that is not known to be is saved even when there is
   * nothing to change: an earlier run may have ended between its commit and its save. It may also have left uploads.
   */
  readonly isSaved: boolean;
  /** Who writes: unique to this run. */
  readonly holder: string;
  /** Which services to prove; all by default. One that this run changes is proven whatever stands here. */
  readonly prove?: ReadonlySet<string>;
  /** See `ApplyOptions.beforeCommit`. */
  readonly beforeCommit?: (epoch: number) => void;
  /** See `ApplyOptions.onCommitted`. */
  readonly onCommitted?: (epoch: number) => void;
  /** Told of the epoch at which the device was read; throws if this run may not go on from there. */
  readonly onRead?: (epoch: number) => void;
  /**
   * Given by whoever goes on without a service that is wrong. Absent: the first failure ends the run, and where that is
   * known beforehand nothing is changed; what shows only on the wire is told when all services were proven.
   */
  readonly onServiceFailure?: OnServiceFailure;
  readonly signal: AbortSignal;
}

export interface ReconcileReport {
  readonly device: string;
  readonly plan: Plan;
  readonly desire: Desire;
  /** By service; empty for `plan`. */
  readonly proofs: ReadonlyMap<string, Proof>;
  /** Services that the device does not have as they should be; empty for `plan`. */
  readonly notApplied: ReadonlySet<string>;
  /** By service: certificates that did not pass their proof. */
  readonly rollBacks?: ReadonlyMap<string, RollBack>;
  /** Why the other unit of a pair does not have what the active one has; thrown where one failure ends the run. */
  readonly notSynchronised?: AgentError | undefined;
}

/**
 * One reconcile of one device: observe, desire, plan, apply, verify, report. `plan`, `apply` and the controller are
 * this function; they differ in when they call it.
 *
 * With `onServiceFailure`, changes of who may call come first and by themselves. A change is saved at once, so that a revocation outlives a reboot whatever else fails. Callers are sent to the device
 * only after it was proven on the wire; a new certificate that is not is taken back. That a pair does not get in sync is reported last: the active unit serves.
 *
 * @throws AgentError MESH_ERR_PROOF_FAILED when the device does on the wire what it should not; with
 *   `onServiceFailure` only what concerns the device as a whole
 */
export async function runOnce(
  config: AgentConfig,
  device: DeviceConfig,
  ports: ReconcilePorts,
  options: ReconcileOptions,
): Promise<ReconcileReport> {
  const { client, clock, onStep } = ports;
  const { signal, onServiceFailure = stopAtFailure, renew = new Set(), isUrgent } = options;
  const target = { partition: device.partition, ...options };
  const configured = config.services.filter((service) => service.device === device.name);

  onStep('observe');
  const isIsolated = options.onServiceFailure !== undefined && options.mode === 'apply';
  const first = isIsolated
    ? await applyAllowlistsFirst(config, device, ports, { ...target, renew, onServiceFailure, signal })
    : undefined;
  const { dataGroups } = first ?? {};
  const names = configured.map(({ name }) => name);
  const observed = await observeDevice(client, device.partition, {
    signal,
    dataGroups,
    services: configured,
    isFirst: !options.isSaved,
  });
  options.onRead?.(observed.epoch);
  onStep('desire');
  const desire = await desireDevice(config, device, observed, ports, {
    renew,
    isUrgent,
    pace: options.pace,
    onServiceFailure,
    signal,
  });
  onStep('plan');
  const included = new Set(desire.services.map((service) => service.config.name));
  const plan = planServices(desire, observed, { configured: names, included, now: clock.now() });
  if (options.mode === 'plan')
    return { device: device.name, plan, desire, proofs: new Map(), notApplied: new Set() };

  let applied: IsolatedApply = { isChanged: false, notApplied: new Set() };
  if (!isEmptyPlan(plan)) {
    onStep('apply');
    await requireWritable(ports.units, client, plan, target);
    if (isIsolated) {
      const isolation = { configured: names, clock, onServiceFailure };
      applied = await applyIsolated(client, desire, observed, { ...target, ...isolation });
    } else {
      await applyPlan(client, plan, target);
      applied = { ...applied, isChanged: true };
    }
  }
  const isSaved = options.isSaved || (first?.changes.length ?? 0) > 0;
  let notSynchronised: AgentError | undefined = first?.notSynchronised;
  const isMoved = !options.isSaved && (await removeOrphans(client, target));
  if (!isSaved || applied.isChanged || isMoved) {
    onStep('save');
    notSynchronised = await makeLast(ports.units, client, applied.isChanged || isMoved);
  }
  onStep('verify');
  const changes = [...(first?.changes ?? []), ...plan.changes];
  // A root that was added is proven by all services together.
  const asked = awaitProof(desire.device.roots) ? names : (options.prove ?? names);
  const toProve = new Set([...asked, ...changedServices(changes, names)]);
  const { services, proofs, rollBacks, failures, ...proven } = await proveServices(desire, ports, {
    ...target,
    configured: names,
    before: observed,
    left: new Set(names.filter((name) => applied.notApplied.has(name) || !toProve.has(name))),
  });
  notSynchronised = proven.notSynchronised ?? notSynchronised;
  onStep('register');
  const unregistered = await registerProven({ services, proofs }, ports.registrar, signal);
  const accepting = { ...target, configured: names, proofs, now: clock.now() };
  const accepted = await acceptProvenRoots(ports, desire.device.roots, accepting);
  notSynchronised = accepted.notSynchronised ?? notSynchronised;
  // Told last: one service that is wrong keeps no other from being proven and registered.
  for (const { service, error } of [...failures, ...unregistered]) onServiceFailure(service, error);
  if (notSynchronised !== undefined && !isIsolated) throw notSynchronised;
  const [refusal] = desire.revocation.refusals;
  if (refusal !== undefined && options.onServiceFailure === undefined) throw refusal;
  return {
    device: device.name,
    plan: { ...plan, changes },
    desire: {
      ...asProven(desire, services),
      roots: accepted.isNoted ? desire.roots.map(provenRoot) : desire.roots,
    },
    proofs,
    notApplied: applied.notApplied,
    rollBacks,
    notSynchronised,
  };
}

/** What was desired, with the pairs that services have in the end. */
function asProven(desire: Desire, services: readonly DesireService[]): Desire {
  const pairs = new Map(services.map(({ config, pair }) => [config.name, pair]));
  const device = {
    ...desire.device,
    services: desire.device.services.map((service) => ({
      ...service,
      pair: pairs.get(service.config.name) ?? service.pair,
    })),
  };
  return { ...desire, device, services };
}
