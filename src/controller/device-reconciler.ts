import type { Agent } from '../agent.js';
import type { Clock } from '../clock.js';
import type { DeviceConfig, ServiceConfig } from '../config/schema.js';
import { AgentError } from '../errors.js';
import type { Logger } from '../log.js';
import type { Proof } from '../proof/proof.js';
import { DeviceRenewals } from './device-renewals.js';
import { nextProofStatus, nextStatus } from './device-status.js';
import type { DeviceStatus, Outcome } from './device-status.js';
import { traceProof, traceReconcile } from './diagnostics.js';
import type { ProofTrace, ReconcileTrace } from './diagnostics.js';
import { renderDrift } from './drift.js';
import type { EpochFence, RunFence } from './epoch-fence.js';
import type { EventRecorder } from './event-recorder.js';
import type { HeldAllowlists } from './held-allowlists.js';
import { LedDevice } from './led-device.js';
import type { MeshChange } from './mesh-triggers.js';
import type { Metrics } from './metrics.js';
import { narrowedAllowlists } from './narrowed-allowlists.js';
import { OperatorEvents } from './operator-events.js';
import type { ServiceCalls } from './recent-calls.js';
import { countQuarantines } from './quarantines.js';
import { logOutcome, logProof } from './report-log.js';
import { measureOutcome, measureService } from './report-metrics.js';
import { rootNews } from './root-news.js';
import type { StatusWriter } from './status-config-map.js';
import { asFailure } from './unexpected-failure.js';
import type { WorkResult } from './work-queue.js';

export interface DeviceReconcilerOptions {
  readonly agent: Pick<Agent, 'config' | 'reconcile' | 'refreshMeshFacts' | 'prove' | 'settle'>;
  readonly allowlists: HeldAllowlists;
  readonly metrics: Metrics;
  readonly events: EventRecorder;
  readonly status: StatusWriter;
  /** Decides whether this process may write to a device. */
  readonly fence: Pick<EpochFence, 'begin' | 'open'>;
  /** What the rules counted of the device's services; absent: nobody asks. */
  readonly callsOf?: (device: DeviceConfig) => Promise<ReadonlyMap<string, ServiceCalls>>;
  /** Calls for a reconcile of the device, because a proof failed. */
  readonly doubt: (device: string) => void;
  /** Calls for a proof of the service, apart from reconciles. */
  readonly prove: (service: ServiceConfig) => void;
  readonly clock: Clock;
  /** From 0 up to but not including 1. */
  readonly random: () => number;
  readonly logger: Logger;
  /** Told when all of a reconcile, or of a proof, has been reported. */
  readonly onReported?: ((status: DeviceStatus, of: 'reconcile' | 'proof') => void) | undefined;
}

/** How often a device is looked at although nothing calls for it: a change by hand is put back, a proof repeated. */
const resyncMs = 300_000;

/**
 * Runs reconciles of devices, and between them proofs of single services, and tells what became of them: status,
 * Events, metrics, log.
 *
 * A reconcile proves what it changed. Everything else is proven apart from it, several services at a time: proofs take
 * seconds where a backend is away, and no edit is to wait for them.
 */
export class DeviceReconciler {
  readonly #options: DeviceReconcilerOptions;
  readonly #led = new Map<string, LedDevice>();
  readonly #told: OperatorEvents;
  readonly #renewals: DeviceRenewals;
  #areFactsInDoubt = false;

  constructor(options: DeviceReconcilerOptions) {
    this.#options = options;
    this.#told = new OperatorEvents(options);
    this.#renewals = new DeviceRenewals(options, this.#told);
  }

  /** Forgets what an earlier leadership knew: another replica may have changed the device since. */
  begin(device: string): void {
    const names = this.#services(device).map(({ name }) => name);
    this.#options.fence.begin(device);
    this.#led.set(device, new LedDevice(device, names));
    this.#renewals.begin(device);
  }

  /** The cluster can be written to again: what was proven meanwhile is proven once more, and brought there. */
  resume(device: string): void {
    const led = this.#led.get(device);
    if (led !== undefined) led.isAllUnproven = true;
  }

  /** Something that all services depend on changed; `facts`: the next reconcile reads the mesh's facts first. */
  noteMeshChange(change: MeshChange): void {
    this.#areFactsInDoubt ||= change === 'facts';
    // A certificate that took the place of another is proven with the reconcile that brings it.
    if (change === 'svid') return;
    for (const led of this.#led.values()) led.isAllUnproven = true;
  }

  /** The allowlist of a service changed: the next reconcile proves it. */
  noteChange({ device, name }: ServiceConfig): void {
    this.#led.get(device)?.changed.add(name);
  }

  /** One reconcile of a device; never throws. */
  async reconcile(deviceName: string, since: Date | undefined, signal: AbortSignal): Promise<WorkResult> {
    const calledForAt = since === undefined ? {} : { calledForAt: since.toISOString() };
    const trace: ReconcileTrace = { device: deviceName, ...calledForAt };
    let result: WorkResult = { outcome: 'failed' };
    await traceReconcile(trace, async () => {
      result = await this.#reconcileAndTell(deviceName, since, signal, trace);
    });
    return result;
  }

  async #reconcileAndTell(
    deviceName: string,
    since: Date | undefined,
    signal: AbortSignal,
    trace: ReconcileTrace,
  ): Promise<WorkResult> {
    const { agent, clock, fence, logger, metrics, status } = this.#options;
    const device = agent.config.devices.find(({ name }) => name === deviceName);
    const led = this.#led.get(deviceName);
    if (device === undefined || led === undefined) throw new Error(`${deviceName} is not led`);
    const services = this.#services(deviceName);
    const startedMs = clock.now().getTime();
    const changed = new Set(led.changed);
    led.changed.clear();
    const quarantines = countQuarantines(services, this.#options.allowlists, metrics);
    const [, ended] = await Promise.all([
      this.#told.tellRefusals(services, signal),
      this.#run(device, { prove: changed, led, fence: fence.open(deviceName) }, signal),
    ]);
    const outcome = { ...ended, at: clock.now(), quarantines };
    // Whoever leads now tells what is so.
    if (signal.aborted || outcome.failure?.code === 'MESH_ERR_NOT_LEADER') {
      for (const name of changed) led.changed.add(name);
      return { outcome: 'failed' };
    }

    const { report } = outcome;
    const calls = report === undefined ? undefined : await this.#options.callsOf?.(device);
    const before = led.status;
    const after = nextStatus(before, calls === undefined ? outcome : { ...outcome, calls });
    led.status = after;
    const drift = report === undefined ? [] : led.driftIn(report);
    if (report === undefined) for (const name of changed) led.changed.add(name);
    else for (const service of led.settle(services, outcome, report, since)) this.#options.prove(service);
    const ms = outcome.at.getTime() - startedMs;
    logOutcome(logger, before, after, outcome, { drift, ms });
    measureOutcome(metrics, after, outcome, drift);
    // What fails its proof alone is proven again apart from the device.
    const unproven = [...(report?.proofs ?? [])].filter(([, { passed }]) => !passed).map(([name]) => name);
    const isDone =
      outcome.failure === undefined &&
      [...outcome.serviceFailures.keys()].every((name) => unproven.includes(name));
    if (isDone && unproven.length === 0 && since !== undefined) {
      this.#measureConverge(deviceName, since, outcome.at);
    }
    trace.outcome = {
      changes:
        report?.plan.changes.map(({ action, object }) => `${action} ${object.kind} ${object.name}`) ?? [],
      drift: drift.map(renderDrift),
      failures: [...(outcome.failure ? [outcome.failure] : []), ...outcome.serviceFailures.values()].map(
        ({ code }) => code,
      ),
    };
    await status.write(after, signal);
    await this.#options.events.flush(signal);
    await this.#told.tellDrift(deviceName, drift, services, outcome.at, signal);
    const setAside = report?.desire.setAside ?? [];
    if (report !== undefined)
      metrics.set('bigip_mesh_roots_set_aside', { device: deviceName }, setAside.length);
    await this.#told.tellRoots(deviceName, rootNews(before.roots, after.roots), setAside, outcome.at, signal);
    await this.#told.tellRevocation(before, after, signal);
    await this.#told.tellOutcome(after, outcome, services, signal);
    await this.#renewals.tell(device, after, report, signal);
    this.#options.onReported?.(after, 'reconcile');
    if (report === undefined) return { outcome: 'failed' };
    const renewMs = this.#renewals.nextMs(device, outcome.serviceFailures);
    if (!isDone) return { outcome: 'failed', ...(renewMs < resyncMs ? { withinMs: renewMs } : {}) };
    return {
      outcome: 'done',
      againAfterMs: Math.min(resyncMs * (0.9 + this.#options.random() / 5), renewMs),
    };
  }

  /** One proof of a service as the last reconcile left it; never throws. */
  async prove(service: ServiceConfig, signal: AbortSignal): Promise<WorkResult> {
    const { agent, clock, doubt, logger, metrics, random, status } = this.#options;
    const again: WorkResult = { outcome: 'done', againAfterMs: resyncMs * (0.9 + random() / 5) };
    const led = this.#led.get(service.device);
    const desire = led?.desire;
    const desired = desire?.services.find(({ config }) => config.name === service.name);
    // The reconcile that is under way, or is to come, calls for a proof when it has ended.
    if (led === undefined || desire === undefined || desired === undefined) return again;
    let proof: Proof | undefined;
    let failure: AgentError | undefined;
    const trace: ProofTrace = { device: service.device, service: service.name };
    try {
      await traceProof(trace, async () => {
        proof = await agent.prove(desired, desire, signal);
        trace.outcome = { passed: proof.passed };
      });
      if (led.desire !== desire) return again;
      const { isHoldingOn } = this.#options.fence.open(service.device);
      if (proof !== undefined) await agent.settle(desired, proof, signal, { isHoldingOn });
    } catch (error) {
      if (signal.aborted) return { outcome: 'failed' };
      failure = asFailure(this.#options.logger, error, `the proof of service ${service.name}`);
    }
    // What was proven is not what is there now.
    if (led.desire !== desire) return again;
    const before = led.status;
    led.status = nextProofStatus(before, desired, { proof, failure, at: clock.now() });
    const after = led.status;
    logProof(logger, before, after, service.name);
    measureService(metrics, after, service.name);
    if (after.syncedAt !== undefined && after.syncedAt !== before.syncedAt) {
      metrics.stamp('bigip_mesh_last_sync_timestamp_seconds', { device: service.device }, after.syncedAt);
    }
    const failed = after.services.get(service.name)?.proofFailure;
    const failedBefore = before.services.get(service.name)?.proofFailure;
    if (failure !== undefined) {
      const { code } = failure;
      metrics.count('bigip_mesh_reconcile_failures_total', { device: service.device, code });
    } else {
      const since = led.takeUnproven(service);
      if (since !== undefined) this.#measureConverge(service.device, since, clock.now());
    }
    if (failed !== undefined && failedBefore === undefined) doubt(service.device);
    await this.#told.tellFailure(after, service, clock.now(), signal);
    // That it was proven once more is written with the next reconcile.
    const isNews =
      failed?.code !== failedBefore?.code ||
      (before.syncedAt === undefined) !== (after.syncedAt === undefined);
    if (isNews) await status.write(after, signal);
    this.#options.onReported?.(after, 'proof');
    return failure === undefined ? again : { outcome: 'failed' };
  }

  #measureConverge(device: string, since: Date, at: Date): void {
    const ms = at.getTime() - since.getTime();
    this.#options.metrics.observeMs('bigip_mesh_converge_duration_seconds', { device }, ms);
  }

  #services(deviceName: string): readonly ServiceConfig[] {
    return this.#options.agent.config.services.filter(({ device }) => device === deviceName);
  }

  async #run(
    device: DeviceConfig,
    {
      prove,
      led,
      fence: { isHoldingOn, ...fence },
    }: { readonly prove: ReadonlySet<string>; readonly led: LedDevice; readonly fence: RunFence },
    signal: AbortSignal,
  ): Promise<Omit<Outcome, 'at' | 'quarantines'>> {
    const { agent, allowlists } = this.#options;
    const serviceFailures = new Map<string, AgentError>();
    let wasRead = false;
    const options = {
      mode: 'apply',
      prove,
      allowlists: isHoldingOn ? narrowedAllowlists(allowlists) : allowlists,
      isHoldingOn,
      ...fence,
      pace: this.#renewals.pace,
      onServiceFailure: (service: string, error: AgentError): void => {
        if (!serviceFailures.has(service)) serviceFailures.set(service, error);
      },
      signal,
    } as const;
    try {
      const stale = isHoldingOn ? undefined : await this.#refreshMeshFacts();
      const report = await agent.reconcile(device, options, (step) => {
        wasRead ||= step !== 'observe';
        if (step === 'apply' || step === 'roll back') led.desire = undefined;
      });
      const unread = report.desire.revocation.refusals.find(({ code }) => code === 'MESH_ERR_CRL_UNKNOWN');
      const failure = stale ?? report.notSynchronised ?? unread;
      return { report, serviceFailures, wasRead, ...(failure === undefined ? {} : { failure }) };
    } catch (error) {
      if (signal.aborted) return { serviceFailures, wasRead };
      return {
        failure: asFailure(this.#options.logger, error, `the reconcile of device ${device.name}`),
        serviceFailures,
        wasRead,
      };
    } finally {
      this.#renewals.pace.ended(device.name);
    }
  }

  /** @returns why the facts of before are still in use, if they are in doubt */
  async #refreshMeshFacts(): Promise<AgentError | undefined> {
    if (!this.#areFactsInDoubt) return undefined;
    try {
      await this.#options.agent.refreshMeshFacts();
      this.#areFactsInDoubt = false;
      return undefined;
    } catch (error) {
      if (error instanceof AgentError) return error;
      throw error;
    }
  }
}
