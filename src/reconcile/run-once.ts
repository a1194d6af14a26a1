import { AgentError } from '../errors.js';
import type { AgentConfig, DeviceConfig } from '../config/schema.js';
import { renderEndpoint } from '../config/endpoint.js';
import type { IControlClient } from '../icontrol/client.js';
import type { Device } from '../icontrol/device.js';
import { mintProofCallers } from '../proof/callers.js';
import { proveService } from '../proof/proof.js';
import type { Proof } from '../proof/proof.js';
import { applyAllowlistsFirst } from './allowlists-first.js';
import { applyIsolated } from './apply-isolated.js';
import type { IsolatedApply } from './apply-isolated.js';
import { applyPlan } from './apply-plan.js';
import { desireDevice, stopAtFailure } from './desire.js';
import type { Desire, DesirePorts, DesireService, OnServiceFailure } from './desire.js';
import { observeDevice } from './observe.js';
import { isEmptyPlan } from './plan.js';
import type { Plan } from './plan.js';
import { planServices } from './plan-services.js';
import { makeLast, requireWritable } from './units.js';

export interface ReconcilePorts extends DesirePorts {
  /** The unit to read from and write to. */
  readonly client: IControlClient;
  /** All units of the device. */
  readonly units: Device;
  readonly registrar: Registrar;
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

export type ReconcileStep = 'observe' | 'desire' | 'plan' | 'apply' | 'save' | 'verify' | 'register';

export interface ReconcileOptions {
  /** `plan` stops before anything is written. */
  readonly mode: 'plan' | 'apply';
  /** Services whose certificate is renewed whatever its age. */
  readonly renew?: ReadonlySet<string>;
  /**
   * Whether the running configuration is known to be saved. One that is not known to be is saved even when there is
   * nothing to change: an earlier run may have ended between its commit and its save.
   */
  readonly isSaved: boolean;
  /** Who writes: unique to this run. */
  readonly holder: string;
  /** See `ApplyOptions.beforeCommit`. */
  readonly beforeCommit?: () => void;
  /**
   * Given by whoever goes on without a service that is wrong. Absent: the first failure ends the run, and where that is
   * known beforehand nothing is changed.
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
  /** Why the other unit of a pair does not have what the active one has; thrown where one failure ends the run. */
  readonly notSynchronised?: AgentError | undefined;
}

/**
 * One reconcile of one device: observe, desire, plan, apply, verify, report. `plan`, `apply` and the controller are
 * this function; they differ in when they call it.
 *
 * With `onServiceFailure`, changes of who may call come first and by themselves. A change is saved at once, so that a revocation outlives a reboot whatever else fails. Callers are sent to the device
 * only after it was proven on the wire. That a pair does not get in sync is reported last: the active unit serves.
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
  const { signal, onServiceFailure = stopAtFailure, renew = new Set() } = options;
  const target = { partition: device.partition, ...options };
  const configured = config.services.filter((service) => service.device === device.name);

  onStep('observe');
  const isIsolated = options.onServiceFailure !== undefined && options.mode === 'apply';
  const first = isIsolated
    ? await applyAllowlistsFirst(config, device, ports, { ...target, renew, onServiceFailure, signal })
    : undefined;
  const { dataGroups } = first ?? {};
  const observed = await observeDevice(client, device.partition, { signal, dataGroups });
  onStep('desire');
  const desire = await desireDevice(config, device, observed, ports, { renew, onServiceFailure, signal });
  onStep('plan');
  const names = configured.map(({ name }) => name);
  const included = new Set(desire.services.map((service) => service.config.name));
  const plan = planServices(desire, observed, { configured: names, included, now: clock.now() });
  if (options.mode === 'plan') return { device: device.name, plan, desire, proofs: new Map() };

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
  if (!isSaved || applied.isChanged) {
    onStep('save');
    notSynchronised = await makeLast(ports.units, client, applied.isChanged);
  }
  onStep('verify');
  const proofs = new Map<string, Proof>();
  for (const service of desire.services) {
    const { name } = service.config;
    if (applied.notApplied.has(name)) continue;
    await goingOn(name, onServiceFailure, signal, async () => {
      const proof = await verifyService(service, desire, ports, signal);
      proofs.set(name, proof);
      if (!proof.passed) await refuseUnproven(service, proof, ports, signal);
    });
  }
  onStep('register');
  for (const service of desire.services) {
    const { name, registration } = service.config;
    if (registration === 'none' || proofs.get(name)?.passed !== true) continue;
    await goingOn(name, onServiceFailure, signal, async () => {
      await ports.registrar.register(service, signal);
    });
  }
  if (notSynchronised !== undefined && !isIsolated) throw notSynchronised;
  const changes = [...(first?.changes ?? []), ...plan.changes];
  return { device: device.name, plan: { ...plan, changes }, desire, proofs, notSynchronised };
}

async function goingOn(
  service: string,
  onServiceFailure: OnServiceFailure,
  signal: AbortSignal,
  step: () => Promise<void>,
): Promise<void> {
  try {
    await step();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AgentError)) throw error;
    onServiceFailure(service, error);
  }
}

async function refuseUnproven(
  service: DesireService,
  proof: Proof,
  { registrar }: Pick<ReconcilePorts, 'registrar'>,
  signal: AbortSignal,
): Promise<never> {
  const { name, listen } = service.config;
  const seen = describeFailure(proof);
  await registrar.drain(service, seen, signal);
  throw new AgentError(
    'MESH_ERR_PROOF_FAILED',
    `service ${name} on ${renderEndpoint(listen)}: ${seen}`,
    `look at the device's /var/log/ltm, then run bigip-mesh verify ${name}`,
  );
}

/** Calls one service as good and bad callers do. */
export async function verifyService(
  { config, spiffeId, allowlist, trustDomains, pair }: DesireService,
  { trustBundle }: Pick<Desire, 'trustBundle'>,
  { identitySource, clock }: Pick<ReconcilePorts, 'identitySource' | 'clock'>,
  signal: AbortSignal,
): Promise<Proof> {
  const callers = await mintProofCallers({
    allowlist,
    trustDomains,
    identity: spiffeId,
    source: identitySource,
    clock,
    signal,
  });
  return proveService({
    ...config.listen,
    host: config.host,
    spiffeId: spiffeId.text,
    fingerprint256: pair.facts['sha256'],
    trustBundle,
    callers,
    probe: config.probe,
  });
}

function describeFailure({ checks, servedFingerprint }: Proof): string {
  const failed = checks.find(({ passed }) => !passed);
  if (failed === undefined) {
    return servedFingerprint === undefined
      ? 'no certificate was seen'
      : 'different certificates are served by turns';
  }
  return `${failed.name} (${failed.caller}) should ${failed.expected === 'gets in' ? 'get in' : 'get nothing'}: ${failed.seen}`;
}
