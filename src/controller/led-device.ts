import type { ServiceConfig } from '../config/schema.js';
import type { Desire } from '../reconcile/desire.js';
import { keptPair } from '../reconcile/desired.js';
import type { ReconcileReport } from '../reconcile/run-once.js';
import { unknownStatus } from './device-status.js';
import type { DeviceStatus, Outcome } from './device-status.js';
import { driftOf, leftObjects } from './drift.js';
import type { Drift, LeftObjects } from './drift.js';

/** What is known of a device since this process began to lead it. */
export class LedDevice {
  status: DeviceStatus;
  /** What the last reconcile left, to be proven, and no more of it; absent while a reconcile changes the device. */
  desire: Pick<Desire, 'services' | 'trustBundle'> | undefined;
  /** Whether every service is to be proven once the next reconcile has ended. */
  isAllUnproven = true;
  /** Services whose allowlist changed, or whose rotation is to be tried again: proven with the next reconcile. */
  readonly changed = new Set<string>();
  #left: LeftObjects = new Map();
  /** Since when a change is on the device and waits for a proof that passes. */
  readonly #unprovenSince = new Map<string, Date>();

  constructor(device: string, services: readonly string[]) {
    this.status = unknownStatus(device, services);
  }

  /** Drift that was really put back: a service that was not applied may have it still. */
  driftIn({ plan, notApplied }: ReconcileReport): Drift[] {
    return driftOf(this.#left, plan.changes).filter(({ service = '' }) => !notApplied.has(service));
  }

  /**
   * Takes note of what a reconcile left.
   *
   * @param since when the change was seen that called for it
   * @returns the services to be proven apart from it: those that it did not prove, or that did not pass
   */
  settle(
    services: readonly ServiceConfig[],
    { serviceFailures }: Pick<Outcome, 'serviceFailures'>,
    { desire, notApplied, proofs }: ReconcileReport,
    since: Date | undefined,
  ): ServiceConfig[] {
    const applied = desire.services.filter(({ config }) => !notApplied.has(config.name));
    this.#left = leftObjects(desire, notApplied);
    this.desire = {
      trustBundle: desire.trustBundle,
      services: applied.map((service) => ({ ...service, pair: keptPair(service.pair) })),
    };
    const onDevice = new Set(applied.map(({ config }) => config.name));
    const unproven: ServiceConfig[] = [];
    for (const service of services) {
      const { name } = service;
      if (!onDevice.has(name)) continue;
      const passed = proofs.get(name)?.passed;
      if (passed === true && serviceFailures.has(name)) this.changed.add(name);
      if (passed === false && since !== undefined && !this.#unprovenSince.has(name))
        this.#unprovenSince.set(name, since);
      if (passed === true) this.#unprovenSince.delete(name);
      if (passed === false || (passed === undefined && this.isAllUnproven)) unproven.push(service);
    }
    this.isAllUnproven = false;
    return unproven;
  }

  /**
   * The proof of a service passed.
   *
   * @returns since when a change waited for that; undefined when none did
   */
  takeUnproven({ name }: ServiceConfig): Date | undefined {
    const since = this.#unprovenSince.get(name);
    this.#unprovenSince.delete(name);
    return since;
  }
}
