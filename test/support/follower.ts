import { systemClock } from '../../src/clock.js';
import { Informer } from '../../src/kube/informer.js';
import type { InformerSelection } from '../../src/kube/informer.js';
import type { KubeClient } from '../../src/kube/client.js';
import type { KubeKind, KubeObject } from '../../src/kube/object.js';
import { silentLogger } from '../../src/log.js';

/** Follows objects in the cluster, so that a test can wait for what becomes of them. */
export class Follower<T> {
  readonly #stop = new AbortController();
  readonly #informer: Informer<T>;
  readonly #running: Promise<void>;
  #waiting: Array<() => void> = [];

  constructor(
    kube: KubeClient,
    what: { readonly kind: KubeKind; readonly selection: InformerSelection },
    read: (object: KubeObject) => T,
  ) {
    this.#informer = new Informer<T>({
      kube,
      ...what,
      hold: read,
      onChange: () => {
        const told = this.#waiting;
        this.#waiting = [];
        for (const tell of told) tell();
      },
      clock: systemClock,
      random: Math.random,
      logger: silentLogger(),
    });
    this.#running = this.#informer.run(this.#stop.signal);
  }

  /** Resolves as soon as the objects, in the order of their names, are so, now or later. */
  async when(holds: (objects: readonly T[]) => boolean): Promise<readonly T[]> {
    for (;;) {
      const known = this.#informer.list();
      if (known.state === 'known' && holds(known.value)) return known.value;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The first of them for which it holds, now or later. */
  async first(holds: (object: T) => boolean): Promise<T> {
    const found = (await this.when((objects) => objects.some(holds))).find(holds);
    if (found === undefined) throw new Error('it was there just now');
    return found;
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('the test is over'));
    await this.#running;
  }
}
