import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { systemClock } from '../clock.js';
import type { Clock } from '../clock.js';
import type { RequestRecord } from '../icontrol/request.js';
import { metricCatalogue } from './metric-catalogue.js';
import type { MetricName } from './metric-catalogue.js';

type NameOf<Type> = {
  [Name in MetricName]: (typeof metricCatalogue)[Name]['type'] extends Type ? Name : never;
}[MetricName];
type LabelsOf<Name extends MetricName> = Readonly<
  Record<(typeof metricCatalogue)[Name]['labels'][number], string>
>;

/** A request takes milliseconds, a commit seconds, a change on a busy device minutes. */
const buckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** A device answers one request at a time: this long in each minute, less the rest that it gets. */
const budgetMs = 60_000;

/** The metrics of one process, in a registry of its own. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #gauges = new Map<string, Gauge>();
  readonly #counters = new Map<string, Counter>();
  readonly #histograms = new Map<string, Histogram>();

  /** By device: when requests of the last minute ended, and how long they and the pauses between them took. */
  readonly #busy = new Map<string, Array<{ readonly atMs: number; readonly ms: number }>>();
  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    for (const [name, { type, labels, help }] of Object.entries(metricCatalogue)) {
      const settings = { name, help, labelNames: [...labels], registers: [this.#registry] };
      if (type === 'gauge') this.#gauges.set(name, new Gauge(settings));
      if (type === 'counter') this.#counters.set(name, new Counter(settings));
      if (type === 'histogram') this.#histograms.set(name, new Histogram({ ...settings, buckets }));
    }
  }

  /** Of the text that `render` gives. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In the text format of Prometheus. */
  render(): Promise<string> {
    for (const device of this.#busy.keys())
      this.set('bigip_mesh_device_budget_used_ratio', { device }, this.#budgetUsed(device));
    return this.#registry.metrics();
  }

  set<Name extends NameOf<'gauge'>>(name: Name, labels: LabelsOf<Name>, value: number): void {
    this.#gauges.get(name)?.set(labels, value);
  }

  /** Sets a gauge to a point in time. */
  stamp<Name extends NameOf<'gauge'>>(name: Name, labels: LabelsOf<Name>, time: Date): void {
    this.set(name, labels, time.getTime() / 1000);
  }

  count<Name extends NameOf<'counter'>>(name: Name, labels: LabelsOf<Name>, by = 1): void {
    this.#counters.get(name)?.inc(labels, by);
  }

  /** Takes back what is said of a device that another replica looks after now; what was counted stays. */
  async forget(device: string): Promise<void> {
    this.#busy.delete(device);
    for (const gauge of this.#gauges.values()) {
      for (const { labels } of (await gauge.get()).values)
        if (labels['device'] === device) gauge.remove(labels);
    }
  }

  observeMs<Name extends NameOf<'histogram'>>(name: Name, labels: LabelsOf<Name>, ms: number): void {
    this.#histograms.get(name)?.observe(labels, ms / 1000);
  }

  observeRequest(device: string, { method, status, ms, pauseMs }: RequestRecord): void {
    const busy = this.#busy.get(device) ?? [];
    this.#busy.set(device, busy);
    busy.push({ atMs: this.#clock.now().getTime(), ms: ms + pauseMs });
    this.set('bigip_mesh_device_pause_seconds', { device }, pauseMs / 1000);
    this.count('bigip_mesh_device_requests_total', { device, method, status: String(status ?? 'none') });
    this.observeMs('bigip_mesh_device_request_duration_seconds', { device, method }, ms);
  }

  #budgetUsed(device: string): number {
    const fromMs = this.#clock.now().getTime() - budgetMs;
    const recent = (this.#busy.get(device) ?? []).filter(({ atMs }) => atMs > fromMs);
    this.#busy.set(device, recent);
    return Math.min(1, recent.reduce((sum, { ms }) => sum + ms, 0) / budgetMs);
  }
}
