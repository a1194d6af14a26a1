import type { Agent } from '../agent.js';
import type { Clock } from '../clock.js';
import type { DeviceConfig } from '../config/schema.js';
import type { AgentError } from '../errors.js';
import { RenewalPace } from '../identity/renewal-pace.js';
import type { Logger } from '../log.js';
import type { ReconcileReport } from '../reconcile/run-once.js';
import type { DeviceStatus } from './device-status.js';
import type { EventRecorder } from './event-recorder.js';
import type { Metrics } from './metrics.js';
import type { OperatorEvents } from './operator-events.js';
import { knownCertificates, nextRenewal, spansOf } from './renewals.js';
import type { AlarmLevel, KnownCertificate } from './renewals.js';
import { measureRenewals, tellAlarms } from './report-renewals.js';

interface DeviceRenewalsOptions {
  readonly agent: Pick<Agent, 'config'>;
  readonly metrics: Metrics;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is known of a device's certificates since this process began to lead it; by service. */
interface Known {
  readonly certificates: Map<string, KnownCertificate>;
  /** Of certificates that are not renewed in time: what the log has. */
  readonly alarms: Map<string, AlarmLevel>;
}

/** When the certificates of devices are renewed, and who is told when they are not. */
export class DeviceRenewals {
  readonly pace: RenewalPace;
  readonly #options: DeviceRenewalsOptions;
  readonly #told: OperatorEvents;
  readonly #known = new Map<string, Known>();

  constructor(options: DeviceRenewalsOptions, told: OperatorEvents) {
    this.#options = options;
    this.#told = told;
    this.pace = new RenewalPace(options);
  }

  /** Forgets what an earlier leadership knew. */
  begin(device: string): void {
    this.#known.set(device, { certificates: new Map(), alarms: new Map() });
    this.pace.forget(device);
  }

  /** Tells of certificates that were renewed, that wait, and that are not renewed in time, whatever the reason. */
  async tell(
    device: DeviceConfig,
    status: DeviceStatus,
    report: ReconcileReport | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { agent, clock, events, logger, metrics } = this.#options;
    const { alarms: told, certificates } = this.#knownOf(device);
    const before = new Map(certificates);
    if (report !== undefined) {
      for (const [service, certificate] of knownCertificates(agent.config, device, report.desire))
        if (!report.notApplied.has(service)) certificates.set(service, certificate);
    }
    measureRenewals(metrics, device.name, before, certificates);
    const now = clock.now();
    const spans = spansOf(device, now);
    for (const { service, ...event } of tellAlarms({
      status,
      told,
      certificates,
      spans,
      now,
      metrics,
      logger,
    })) {
      const owner = agent.config.services.find(({ name }) => name === service);
      for (const configMap of (owner && this.#told.sources(owner)) ?? []) {
        await events.record({ ...event, configMap }, signal);
      }
    }
  }

  /** Until a renewal may begin; of services that failed it is told by the back-off. */
  nextMs(device: DeviceConfig, failed: ReadonlyMap<string, AgentError>): number {
    const { agent, clock } = this.#options;
    const { certificates } = this.#knownOf(device);
    const now = clock.now();
    const well = [...certificates].filter(([service]) => !failed.has(service)).map(([, known]) => known);
    const mintsKeys = ['istiod', 'ca-secret'].includes(agent.config.identity.source);
    const at = nextRenewal(well, {
      spans: spansOf(device, now),
      nextTurn: () => this.pace.nextTurn(device.name),
      mintsKeys,
      now,
    });
    return at === undefined ? Infinity : at.getTime() - now.getTime();
  }

  #knownOf({ name }: DeviceConfig): Known {
    const known = this.#known.get(name);
    if (known === undefined) throw new Error(`${name} is not led`);
    return known;
  }
}
