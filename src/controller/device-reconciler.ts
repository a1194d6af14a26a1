import type { Agent } from '../agent.js';
import type { Clock } from '../clock.js';
import type { DeviceConfig, ServiceConfig } from '../config/schema.js';
import { AgentError, errorCatalogue } from '../errors.js';
import { renewalTime } from '../identity/renewal-time.js';
import type { Logger } from '../log.js';
import type { ReconcileReport } from '../reconcile/run-once.js';
import { nextStatus, pairDate, unknownStatus } from './device-status.js';
import type { DeviceStatus, Failure, Outcome, Quarantine } from './device-status.js';
import type { EventRecorder } from './event-recorder.js';
import type { HeldAllowlists } from './held-allowlists.js';
import type { HeldConfigMap } from './held-config-map.js';
import type { Metrics } from './metrics.js';
import { appliedEvent, failureEvent, refusalEvents } from './report-events.js';
import { logOutcome } from './report-log.js';
import { measureOutcome } from './report-metrics.js';
import type { StatusWriter } from './status-config-map.js';
import type { WorkResult } from './work-queue.js';

export interface DeviceReconcilerOptions {
  readonly agent: Pick<Agent, 'config' | 'reconcile' | 'refreshMeshFacts'>;
  readonly allowlists: HeldAllowlists;
  readonly metrics: Metrics;
  readonly events: EventRecorder;
  readonly status: StatusWriter;
  /** Throws when this process may not write any more. */
  readonly beforeCommit: () => void;
  readonly clock: Clock;
  /** From 0 up to but not including 1. */
  readonly random: () => number;
  readonly logger: Logger;
  /** Told when all of a reconcile has been reported. */
  readonly onReconciled?: ((status: DeviceStatus) => void) | undefined;
}

/** How often a device is looked at although nothing calls for it: a change by hand is put back, a proof repeated. */
const resyncMs = 300_000;
/** However much is due. */
const soonestLookMs = 10_000;
/** A failure that may pass by itself is told to operators when it has lasted this long. */
const lastingMs = 30_000;

/** Runs one reconcile of one device and tells what became of it: status, Events, metrics, log. */
export class DeviceReconciler {
  readonly #options: DeviceReconcilerOptions;
  readonly #statuses: Map<string, DeviceStatus>;
  /** By uid: the version of each ConfigMap whose content is known to be in force. */
  readonly #inForce = new Map<string, string>();
  #areFactsInDoubt = false;

  constructor(options: DeviceReconcilerOptions) {
    this.#options = options;
    const { devices, services } = options.agent.config;
    this.#statuses = new Map(
      devices.map(({ name }) => {
        const own = services.filter(({ device }) => device === name);
        return [
          name,
          unknownStatus(
            name,
            own.map((service) => service.name),
          ),
        ];
      }),
    );
  }

  /** The mesh's facts may be others now: the next reconcile reads them first. */
  doubtMeshFacts(): void {
    this.#areFactsInDoubt = true;
  }

  /** One piece of work of the queue; never throws. */
  async work(deviceName: string, since: Date | undefined, signal: AbortSignal): Promise<WorkResult> {
    const { agent, clock, logger, metrics, status } = this.#options;
    const device = agent.config.devices.find(({ name }) => name === deviceName);
    if (device === undefined) throw new Error(`${deviceName} is no device of the config file`);
    const services = agent.config.services.filter((service) => service.device === deviceName);
    const quarantines = await this.#reportQuarantines(services, signal);
    const outcome = { ...(await this.#reconcile(device, signal)), at: clock.now(), quarantines };
    // Whoever leads now tells what is so.
    if (signal.aborted || outcome.failure?.code === 'MESH_ERR_NOT_LEADER') return { outcome: 'failed' };

    const before = this.#statuses.get(deviceName) ?? unknownStatus(deviceName, []);
    const after = nextStatus(before, outcome);
    this.#statuses.set(deviceName, after);
    logOutcome(logger, before, after, outcome);
    measureOutcome(metrics, after, outcome);
    const isDone = outcome.failure === undefined && outcome.serviceFailures.size === 0;
    if (isDone && since !== undefined) {
      const ms = outcome.at.getTime() - since.getTime();
      metrics.observeMs('bigip_mesh_converge_duration_seconds', { device: deviceName }, ms);
    }
    await this.#reportEvents(after, outcome, services, signal);
    await status.write([...this.#statuses.values()], signal);
    this.#options.onReconciled?.(after);
    if (!isDone || outcome.report === undefined) return { outcome: 'failed' };
    return { outcome: 'done', againAfterMs: this.#nextLookMs(device, outcome.report) };
  }

  async #reconcile(device: DeviceConfig, signal: AbortSignal): Promise<Omit<Outcome, 'at' | 'quarantines'>> {
    const { agent, allowlists, beforeCommit, logger } = this.#options;
    const serviceFailures = new Map<string, AgentError>();
    let wasRead = false;
    const options = {
      mode: 'apply',
      allowlists,
      beforeCommit,
      onServiceFailure: (service: string, error: AgentError): void => {
        if (!serviceFailures.has(service)) serviceFailures.set(service, error);
      },
      signal,
    } as const;
    try {
      const stale = await this.#refreshMeshFacts();
      const report = await agent.reconcile(device, options, (step) => (wasRead ||= step !== 'observe'));
      const failure = stale ?? report.notSynchronised;
      return { report, serviceFailures, wasRead, ...(failure === undefined ? {} : { failure }) };
    } catch (error) {
      if (error instanceof AgentError) return { failure: error, serviceFailures, wasRead };
      if (signal.aborted) return { serviceFailures, wasRead };
      // Its text may hold anything; the stack has the place.
      const place = error instanceof Error ? (/\n\s+at (.+)/.exec(error.stack ?? '')?.[1] ?? '') : '';
      logger.error({ device: device.name, name: error instanceof Error ? error.name : typeof error, place });
      const failure = new AgentError(
        'MESH_ERR_BUG',
        `the reconcile of device ${device.name} ended unexpectedly`,
        'report the error line in the log to the project',
      );
      return { failure, serviceFailures, wasRead };
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

  /** What is set aside is told before the device is asked anything: it may be away for long. */
  async #reportQuarantines(
    services: readonly ServiceConfig[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Quarantine>> {
    const { events, metrics } = this.#options;
    const quarantines = new Map<string, Quarantine>();
    for (const service of services) {
      const configMaps = this.#configMaps(service);
      if (configMaps === undefined) continue;
      const refusals = configMaps.flatMap((configMap) => configMap.refusals);
      const isDenyHeld = configMaps.some(({ isDenyRefused }) => isDenyRefused);
      quarantines.set(service.name, { refusals, isDenyHeld });
      metrics.set('bigip_mesh_quarantined_entries', { service: service.name }, refusals.length);
      for (const event of configMaps.flatMap(refusalEvents)) await events.record(event, signal);
    }
    return quarantines;
  }

  async #reportEvents(
    { device, failure: deviceFailure, services: statuses }: DeviceStatus,
    { at, report }: Outcome,
    services: readonly ServiceConfig[],
    signal: AbortSignal,
  ): Promise<void> {
    const { events } = this.#options;
    for (const service of services) {
      const { name } = service;
      const failure = statuses.get(name)?.failure ?? deviceFailure;
      const isProven = report?.proofs.get(name)?.passed === true;
      for (const configMap of this.#configMaps(service) ?? []) {
        if (failure !== undefined && isLasting(failure, at)) {
          await events.record(failureEvent(name, device, configMap, failure), signal);
        }
        if (failure !== undefined || !isProven || !this.#isNew(configMap)) continue;
        const event = appliedEvent(name, device, configMap, report.plan.changes);
        if (event !== undefined) await events.record(event, signal);
      }
    }
  }

  /** @returns undefined while they are unknown */
  #configMaps(service: ServiceConfig): readonly HeldConfigMap[] | undefined {
    const configMaps = this.#options.allowlists.configMaps(service);
    return configMaps.state === 'known' ? configMaps.value : undefined;
  }

  /** Whether this version of a ConfigMap is in force for the first time. */
  #isNew({ uid, resourceVersion }: HeldConfigMap): boolean {
    const isNew = this.#inForce.get(uid) !== resourceVersion;
    this.#inForce.set(uid, resourceVersion);
    return isNew;
  }

  /** The next certificate to renew, or the next look, whichever comes first. */
  #nextLookMs(device: DeviceConfig, { desire }: ReconcileReport): number {
    const { agent, clock, random } = this.#options;
    const nowMs = clock.now().getTime();
    const renewals = desire.services.flatMap((service) => {
      const notBefore = pairDate(service, 'not-before');
      const notAfter = pairDate(service, 'not-after');
      if (notBefore === undefined || notAfter === undefined) return [];
      const { renewAt } = agent.config.identity;
      const names = { device: device.name, service: service.config.name };
      return [renewalTime({ notBefore, notAfter, renewAt, ...names }).getTime() - nowMs];
    });
    // A source with ready keys may give a certificate that is due and give it again until somebody renews it.
    return Math.max(soonestLookMs, Math.min(resyncMs * (0.9 + random() / 5), ...renewals));
  }
}

function isLasting({ code, since }: Failure, at: Date): boolean {
  const mayPass = errorCatalogue[code].consequence === 'transient';
  return !mayPass || at.getTime() - since.getTime() >= lastingMs;
}
