import { AgentError } from '../errors.js';
import type { AgentConfig, DeviceConfig } from '../config/schema.js';
import { renderEndpoint } from '../config/endpoint.js';
import type { IControlClient } from '../icontrol/client.js';
import { mintProofCallers } from '../proof/callers.js';
import { proveService } from '../proof/proof.js';
import type { Proof } from '../proof/proof.js';
import { applyPlan } from './apply-plan.js';
import { desireDevice } from './desire.js';
import type { Desire, DesirePorts, DesireService } from './desire.js';
import { desiredObjects } from './desired.js';
import { observeDevice } from './observe.js';
import { isEmptyPlan, planDevice } from './plan.js';
import type { Plan } from './plan.js';
import { keepRetiredFiles } from './retirement.js';

export interface ReconcilePorts extends DesirePorts {
  readonly client: IControlClient;
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
  readonly signal: AbortSignal;
}

export interface ReconcileReport {
  readonly device: string;
  readonly plan: Plan;
  readonly desire: Desire;
  /** By service; empty for `plan`. */
  readonly proofs: ReadonlyMap<string, Proof>;
}

/**
 * One reconcile of one device: observe, desire, plan, apply, verify, report. `plan`, `apply` and the controller are
 * this function; they differ in when they call it.
 *
 * A change is saved at once, so that a revocation outlives a reboot whatever else fails. Callers are sent to the device
 * only after it was proven on the wire.
 *
 * @throws AgentError MESH_ERR_PROOF_FAILED when the device does on the wire what it should not
 */
export async function runOnce(
  config: AgentConfig,
  device: DeviceConfig,
  ports: ReconcilePorts,
  options: ReconcileOptions,
): Promise<ReconcileReport> {
  const { client, clock, onStep } = ports;
  const { signal } = options;

  onStep('observe');
  const observed = await observeDevice(client, device.partition, signal);
  onStep('desire');
  const desire = await desireDevice(config, device, observed, ports, {
    renew: options.renew ?? new Set(),
    signal,
  });
  onStep('plan');
  const plan = keepRetiredFiles(
    planDevice(desiredObjects(desire.device), observed),
    desire.device.services,
    clock.now(),
  );
  if (options.mode === 'plan') return { device: device.name, plan, desire, proofs: new Map() };

  if (!isEmptyPlan(plan)) {
    onStep('apply');
    await applyPlan(client, plan, { partition: device.partition, holder: options.holder, signal });
  }
  if (!options.isSaved || !isEmptyPlan(plan)) {
    onStep('save');
    await client.system.saveConfig();
  }
  onStep('verify');
  const proofs = await verifyServices(desire, ports, signal);
  onStep('register');
  for (const service of desire.services) {
    if (service.config.registration !== 'none') await ports.registrar.register(service, signal);
  }
  return { device: device.name, plan, desire, proofs };
}

async function verifyServices(
  desire: Desire,
  ports: ReconcilePorts,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Proof>> {
  const proofs = new Map<string, Proof>();
  for (const service of desire.services) {
    const proof = await verifyService(service, desire, ports, signal);
    proofs.set(service.config.name, proof);
    if (!proof.passed) {
      const seen = describeFailure(proof);
      await ports.registrar.drain(service, seen, signal);
      throw new AgentError(
        'MESH_ERR_PROOF_FAILED',
        `service ${service.config.name} on ${renderEndpoint(service.config.listen)}: ${seen}`,
        `look at the device's /var/log/ltm, then run bigip-mesh verify ${service.config.name}`,
      );
    }
  }
  return proofs;
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
