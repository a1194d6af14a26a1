import type { Agent } from '../agent.js';
import type { Clock } from '../clock.js';
import type { DeviceConfig } from '../config/schema.js';
import { AgentError } from '../errors.js';
import type { Logger } from '../log.js';
import type { ServiceCounters } from '../reconcile/read-counters.js';
import type { Metrics } from './metrics.js';
import { RecentCalls } from './recent-calls.js';
import type { ServiceCalls } from './recent-calls.js';

interface CallCountersOptions {
  readonly agent: Pick<Agent, 'config' | 'counters'>;
  readonly metrics: Metrics;
  /** Whether this process looks after the device. */
  readonly isLed: (device: string) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** However often somebody scrapes. */
const soonestMs = 15_000;
/** Where nobody scrapes. */
const unaskedMs = 300_000;

const decisions = { allowed: 'allowed', rejected: 'rejected', wouldReject: 'would_reject' } as const;

/**
 * What devices count of their callers: one request a device, because of a scrape, which never waits for it; or with a
 * reconcile, where that is long ago.
 */
export class CallCounters {
  readonly #options: CallCountersOptions;
  readonly #readAtMs = new Map<string, number>();
  readonly #reading = new Map<string, Promise<void>>();
  /** By service: what the unit said last; counts there go back to 0 now and then. */
  readonly #last = new Map<string, ServiceCounters>();
  /** By service. */
  readonly #recent = new Map<string, RecentCalls>();
  readonly #startedMs: number;

  constructor(options: CallCountersOptions) {
    this.#options = options;
    this.#startedMs = options.clock.now().getTime();
  }

  /** Has the counters of each device that this process leads read soon; the next scrape shows them. */
  refresh(): void {
    const { agent, isLed } = this.#options;
    for (const device of agent.config.devices) {
      const { name } = device;
      if (isLed(name) && this.#agoMs(name, -Infinity) >= soonestMs) this.#begin(device);
    }
  }

  /** What is known of a device's services; the counters are read first if that was not done for five minutes. */
  async callsOf(device: DeviceConfig): Promise<ReadonlyMap<string, ServiceCalls>> {
    const { agent, clock } = this.#options;
    const { name } = device;
    if (this.#agoMs(name, this.#startedMs) >= unaskedMs) this.#begin(device);
    await this.#reading.get(name);
    return new Map(
      agent.config.services
        .filter((service) => service.device === name)
        .flatMap((service) => {
          const calls = this.#recent.get(service.name)?.at(clock.now());
          return calls === undefined ? [] : [[service.name, calls] as const];
        }),
    );
  }

  /** Resolves when nothing is being read any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#reading.values());
  }

  #agoMs(device: string, neverMs: number): number {
    return this.#options.clock.now().getTime() - (this.#readAtMs.get(device) ?? neverMs);
  }

  #begin(device: DeviceConfig): void {
    const { name } = device;
    if (this.#reading.has(name)) return;
    this.#readAtMs.set(name, this.#options.clock.now().getTime());
    const reading = this.#read(device).finally(() => this.#reading.delete(name));
    this.#reading.set(name, reading);
  }

  async #read(device: DeviceConfig): Promise<void> {
    const { agent, clock, logger, metrics } = this.#options;
    try {
      for (const [service, counters] of await agent.counters(device))
        this.#count(device.name, service, counters);
      metrics.stamp('bigip_mesh_calls_read_timestamp_seconds', { device: device.name }, clock.now());
    } catch (error) {
      // The reconciles tell of a device that cannot be read.
      const code = error instanceof AgentError ? error.code : 'unknown error';
      logger.debug({ device: device.name, code }, 'the calls cannot be counted');
    }
  }

  #count(device: string, service: string, counters: ServiceCounters): void {
    const before = this.#last.get(service);
    this.#last.set(service, counters);
    const recent = this.#recent.get(service) ?? new RecentCalls();
    this.#recent.set(service, recent);
    recent.add(counters, this.#options.clock.now());
    for (const [name, decision] of Object.entries(decisions) as Array<[keyof typeof decisions, string]>) {
      const now = counters[name];
      if (now === undefined) continue;
      const last = before?.[name] ?? 0;
      const labels = { device, service, decision };
      this.#options.metrics.count('bigip_mesh_calls_total', labels, now >= last ? now - last : now);
    }
  }
}
