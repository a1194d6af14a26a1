import type { ServiceConfig } from '../config/schema.js';
import { errorCatalogue } from '../errors.js';
import type { NotARoot } from '../spiffe/trust-bundle.js';
import type { DeviceStatus, Failure, Outcome } from './device-status.js';
import type { Drift } from './drift.js';
import type { EventRecorder } from './event-recorder.js';
import type { HeldAllowlists } from './held-allowlists.js';
import type { HeldSource } from './held-source.js';
import {
  appliedEvent,
  driftEvent,
  failureEvent,
  refusalEvents,
  removalEvents,
  rollBackEvent,
} from './report-events.js';
import { revocationEvents, revocationNews } from './revocation-news.js';
import { rootEvents, setAsideEvents } from './root-news.js';
import type { StatusWriter } from './status-config-map.js';

interface OperatorEventsOptions {
  readonly allowlists: HeldAllowlists;
  readonly events: EventRecorder;
  readonly status: StatusWriter;
}

/** A failure that may pass by itself is told to operators when it has lasted this long. */
const lastingMs = 30_000;

/** Tells operators by Events where they look: on what they edited, and on the status for what no service owns. */
export class OperatorEvents {
  readonly #options: OperatorEventsOptions;
  /** By uid: the version of each ConfigMap or policy whose content is known to be in force. */
  readonly #inForce = new Map<string, string>();

  constructor(options: OperatorEventsOptions) {
    this.#options = options;
  }

  /** Told beside the reconcile: the device may be away for long, and so may the API server. */
  async tellRefusals(services: readonly ServiceConfig[], signal: AbortSignal): Promise<void> {
    const sources = services.flatMap((service) => this.sources(service) ?? []);
    for (const event of sources.flatMap(refusalEvents)) await this.#options.events.record(event, signal);
  }

  /** On the allowlist ConfigMaps of the service whose object it was; for what services share, on the status. */
  async tellDrift(
    device: string,
    drift: readonly Drift[],
    services: readonly ServiceConfig[],
    at: Date,
    signal: AbortSignal,
  ): Promise<void> {
    const { events, status } = this.#options;
    for (const one of drift) {
      const owner = services.find(({ name }) => name === one.service);
      const told = owner === undefined ? [] : (this.sources(owner) ?? []);
      const shared = told.length > 0 || status.configMap === undefined ? [] : [status.configMap];
      for (const regarding of [...told, ...shared])
        await events.record(driftEvent(device, regarding, one, at), signal);
    }
  }

  async tellRoots(
    device: string,
    news: readonly string[],
    setAside: readonly NotARoot[],
    at: Date,
    signal: AbortSignal,
  ): Promise<void> {
    const { events, status } = this.#options;
    if (status.configMap === undefined) return;
    const told = [
      ...rootEvents(device, status.configMap, news, at),
      ...setAsideEvents(device, status.configMap, setAside),
    ];
    for (const event of told) await events.record(event, signal);
  }

  async tellRevocation(before: DeviceStatus, after: DeviceStatus, signal: AbortSignal): Promise<void> {
    const { events, status } = this.#options;
    if (status.configMap === undefined) return;
    const news = revocationNews(before.revocation, after.revocation);
    for (const event of revocationEvents(after.device, status.configMap, news, after.revocation))
      await events.record(event, signal);
  }

  async tellOutcome(
    status: DeviceStatus,
    { at, report }: Outcome,
    services: readonly ServiceConfig[],
    signal: AbortSignal,
  ): Promise<void> {
    const { events } = this.#options;
    for (const service of services) {
      const { name, device } = service;
      await this.tellFailure(status, service, at, signal);
      const removal = this.#options.allowlists.takeRemoval(service);
      for (const event of removal === undefined ? [] : removalEvents(service, removal))
        await events.record(event, signal);
      const rollBack = report?.rollBacks?.get(name);
      for (const source of (rollBack && this.sources(service)) ?? []) {
        const event = rollBack && rollBackEvent(device, source, rollBack, at);
        if (event !== undefined) await events.record(event, signal);
      }
      const isWell = status.failure === undefined && status.services.get(name)?.failure === undefined;
      if (!isWell || report?.proofs.get(name)?.passed !== true) continue;
      for (const source of this.sources(service) ?? []) {
        if (!this.#isNew(name, source)) continue;
        const event = appliedEvent(name, device, source, report.plan.changes);
        if (event !== undefined) await events.record(event, signal);
      }
    }
  }

  async tellFailure(
    { failure: deviceFailure, services }: DeviceStatus,
    service: ServiceConfig,
    at: Date,
    signal: AbortSignal,
  ): Promise<void> {
    const { name, device } = service;
    const failure = services.get(name)?.failure ?? deviceFailure;
    if (failure === undefined || !isLasting(failure, at)) return;
    for (const source of this.sources(service) ?? []) {
      await this.#options.events.record(failureEvent(name, device, source, failure), signal);
    }
  }

  /** What says who may call; undefined while none of it is known. */
  sources(service: ServiceConfig): readonly HeldSource[] | undefined {
    return this.#options.allowlists.view(service)?.sources;
  }

  /** Whether this version of a ConfigMap is in force for the first time. */
  #isNew(service: string, { uid, resourceVersion }: HeldSource): boolean {
    const key = `${service} ${uid}`;
    const isNew = this.#inForce.get(key) !== resourceVersion;
    this.#inForce.set(key, resourceVersion);
    return isNew;
  }
}

function isLasting({ code, since }: Failure, at: Date): boolean {
  const mayPass = errorCatalogue[code].consequence === 'transient';
  return !mayPass || at.getTime() - since.getTime() >= lastingMs;
}
