import type { Clock } from '../clock.js';
import type { CallOptions } from '../kube/api-server.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import type { KubeObject } from '../kube/object.js';
import { microTime, parseLease, renderLease } from './lease-record.js';
import type { LeaseRecord } from './lease-record.js';

interface LeaseOptions {
  readonly kube: Pick<KubeClient, 'create' | 'replace' | 'delete'>;
  readonly namespace: string;
  readonly name: string;
  /** Of this process, and of no other. */
  readonly holder: string;
  /** How long others wait after the last renewal. */
  readonly durationMs: number;
  readonly clock: Clock;
}

/**
 * One Lease (coordination.k8s.io/v1) as this process sees and holds it.
 *
 * Who holds it stops when two thirds of the duration have passed since the last renewal, by its own clock; others wait
 * for the whole duration after the last change that they saw, by theirs: clocks of machines differ.
 */
export class Lease {
  readonly #options: LeaseOptions;
  #seen: KubeObject | undefined;
  #record: LeaseRecord | undefined;
  /** When the version that is seen now was first seen. */
  #seenAtMs: number;
  #renewedAtMs: number | undefined;
  /** One write at a time: each starts from what the one before it left. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#seenAtMs = options.clock.now().getTime();
  }

  /** Who held it when it was last seen; empty: nobody. */
  get holder(): string {
    return this.#record?.holder ?? '';
  }

  /** Until it must have been renewed by this process; 0 when this process does not hold it. */
  get leftMs(): number {
    const { clock, durationMs } = this.#options;
    if (this.#renewedAtMs === undefined) return 0;
    return Math.max(0, this.#renewedAtMs + (durationMs * 2) / 3 - clock.now().getTime());
  }

  /** How long nobody has held it; negative while somebody may. */
  get freeForMs(): number {
    const { clock } = this.#options;
    const since = this.#seenAtMs + (this.holder === '' ? 0 : (this.#record?.durationMs ?? 0));
    return clock.now().getTime() - since;
  }

  /** Takes note of the Lease as it was just read; undefined: it does not exist. */
  see(object: KubeObject | undefined): void {
    const isSame = object?.metadata.resourceVersion === this.#seen?.metadata.resourceVersion;
    this.#seen = object;
    if (isSame) return;
    this.#seenAtMs = this.#options.clock.now().getTime();
    this.#record = object === undefined ? undefined : parseLease(object);
    if (object !== undefined && this.holder !== this.#options.holder) this.#renewedAtMs = undefined;
  }

  /**
   * Takes it, or keeps it, on the state that was last seen.
   *
   * @throws AgentError MESH_ERR_KUBE_CONFLICT or _EXISTS when somebody else was faster
   */
  hold(call: CallOptions): Promise<void> {
    return this.#inTurn(() => this.#hold(call));
  }

  /** Holds it for longer, if it is held at all. */
  renew(call: CallOptions): Promise<void> {
    return this.#inTurn(async () => {
      if (this.leftMs > 0) await this.#hold(call);
    });
  }

  /** Gives it back, so that the next one need not wait. */
  release(call: CallOptions): Promise<void> {
    return this.#inTurn(async () => {
      const record = this.#record;
      if (this.#renewedAtMs === undefined || record === undefined) return;
      this.#renewedAtMs = undefined;
      await this.#write({ ...record, holder: '', durationMs: 1000 }, call);
      this.#renewedAtMs = undefined;
    });
  }

  /** Removes the very Lease that was last seen. */
  remove(call: CallOptions): Promise<void> {
    const { kube, namespace, name } = this.#options;
    return this.#inTurn(async () => {
      this.#renewedAtMs = undefined;
      const { uid, resourceVersion } = this.#seen?.metadata ?? {};
      if (uid === undefined || resourceVersion === undefined) return;
      await kube.delete({ kind: kinds.lease, namespace, name }, { ...call, uid, resourceVersion });
    });
  }

  #inTurn(write: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(write);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #hold(call: CallOptions): Promise<void> {
    const { holder, durationMs, clock } = this.#options;
    const before = this.#record;
    if (before?.holder === holder) {
      await this.#write({ ...before, durationMs }, call);
      return;
    }
    const transitions = before === undefined ? 0 : before.transitions + 1;
    await this.#write({ holder, durationMs, transitions, acquireTime: microTime(clock.now()) }, call);
  }

  async #write(record: LeaseRecord, call: CallOptions): Promise<void> {
    const { clock, kube, namespace, name } = this.#options;
    // The moment before the write: whoever sees it counts from a later one.
    const now = clock.now();
    const object = renderLease({ namespace, name }, record, now, this.#seen);
    const written =
      this.#seen === undefined
        ? await kube.create(kinds.lease, object, call)
        : await kube.replace(kinds.lease, object, call);
    this.#seen = written;
    this.#record = record;
    this.#seenAtMs = clock.now().getTime();
    this.#renewedAtMs = now.getTime();
  }
}
