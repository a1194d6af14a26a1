import type { Clock } from '../clock.js';
import type { CallOptions } from '../kube/api-server.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { renderLabelSelector } from '../kube/label-selector.js';
import type { KubeObject } from '../kube/object.js';
import { Lease } from './lease.js';
import { deviceLeaseName, isReplicaLeaseName, replicaLeaseName } from './lease-names.js';
import { leaseLabels } from './lease-record.js';

/** The Lease of a replica that is gone is removed after this many durations. */
const forgottenAfter = 20;

export interface ObservedLeasesOptions {
  readonly kube: Pick<KubeClient, 'list' | 'create' | 'replace' | 'delete'>;
  readonly namespace: string;
  readonly devices: readonly string[];
  /** Of this process, and of no other. */
  readonly holder: string;
  readonly durationMs: number;
  readonly clock: Clock;
}

/** The Leases of the devices and of the replicas, as this process saw them last. */
export class ObservedLeases {
  /** By device. */
  readonly ofDevices: ReadonlyMap<string, Lease>;
  /** By which this replica says that it is there. */
  readonly own: Lease;
  readonly #options: ObservedLeasesOptions;
  /** Of other replicas, by the Lease's name. */
  readonly #others = new Map<string, Lease>();
  #wasRead = false;

  constructor(options: ObservedLeasesOptions) {
    const { devices, holder } = options;
    this.#options = options;
    this.own = this.#lease(replicaLeaseName(holder));
    this.ofDevices = new Map(devices.map((device) => [device, this.#lease(deviceLeaseName(device))]));
  }

  /** Whether all of them were read at least once. */
  get wasRead(): boolean {
    return this.#wasRead;
  }

  /** The holders that are there, this one included. */
  get replicas(): readonly string[] {
    const others = [...this.#others.values()].filter(({ freeForMs }) => freeForMs < 0);
    return [this.#options.holder, ...others.map(({ holder }) => holder)];
  }

  /** Reads them all, and removes those of replicas that are long gone. */
  async observe(call: CallOptions): Promise<void> {
    const { kube, namespace } = this.#options;
    const selection = { namespace, labelSelector: renderLabelSelector(leaseLabels) };
    const { items } = await kube.list(kinds.lease, selection, call);
    const found = new Map(items.map((object) => [object.metadata.name, object]));
    for (const [device, lease] of this.ofDevices) lease.see(found.get(deviceLeaseName(device)));
    this.own.see(found.get(replicaLeaseName(this.#options.holder)));
    await this.#seeOthers(found, call);
    this.#wasRead = true;
  }

  async #seeOthers(found: ReadonlyMap<string, KubeObject>, call: CallOptions): Promise<void> {
    const { durationMs, holder } = this.#options;
    const own = replicaLeaseName(holder);
    for (const name of this.#others.keys()) if (!found.has(name)) this.#others.delete(name);
    for (const [name, object] of found) {
      if (name === own || !isReplicaLeaseName(name)) continue;
      const other = this.#others.get(name) ?? this.#lease(name);
      this.#others.set(name, other);
      other.see(object);
      if (other.freeForMs > forgottenAfter * durationMs) await other.remove(call);
    }
  }

  #lease(name: string): Lease {
    return new Lease({ ...this.#options, name });
  }
}
