import { backOffMs } from '../back-off.js';
import type { Clock } from '../clock.js';
import { AgentError } from '../errors.js';
import { linkSignals } from '../linked-signal.js';
import type { Logger } from '../log.js';
import type { KubeClient } from './client.js';
import type { KubeKind, KubeObject } from './object.js';
import type { WatchEnd } from './watch.js';

/** What is known of something in the cluster. Unknown is not absent: it could not be read yet. */
export type Knowledge<T> =
  | { readonly state: 'unknown' }
  | { readonly state: 'absent' }
  | { readonly state: 'known'; readonly value: T };

/** Which objects; those of one namespace, so that their names tell them apart. */
export interface InformerSelection {
  readonly namespace: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** What was seen to change. */
export interface InformerChange<T> {
  /** The first list was read: what there is is known from here on, even if it is nothing. */
  readonly isFirst: boolean;
  /** What was held of each object that changed, and what is held of it now. */
  readonly values: readonly T[];
}

export interface InformerOptions<T> {
  readonly kube: Pick<KubeClient, 'list' | 'watch'>;
  readonly kind: KubeKind;
  readonly selection: InformerSelection;
  /**
   * What is held of an object; of a Secret this must not be its content.
   *
   * @param before what was held of the object of this name and uid until now
   */
  readonly hold: (object: KubeObject, before: T | undefined) => T;
  /** Told after the first list and after each change that was seen since, with what is new already held. */
  readonly onChange: (change: InformerChange<T>) => void;
  readonly clock: Clock;
  /** From 0 up to but not including 1. */
  readonly random: () => number;
  readonly logger: Logger;
  /** How often everything is listed anew, because a watch that lost an event looks like one that had none. */
  readonly resyncMs?: number;
}

interface Held<T> {
  readonly uid: string;
  readonly version: string;
  readonly value: T;
}

const defaultResyncMs = 600_000;
const backOff = { firstMs: 1000, longestMs: 60_000 };
/** A watch that lasted at least this long was a good one; others are not begun again without a wait. */
const settledMs = 5000;

/**
 * Holds the objects of a selection as they were last seen, by a list and a watch from there.
 *
 * Whatever happens to the connection, what was seen stays until something else is seen: an object goes only when the
 * server told of its deletion, or left it out of a complete list.
 */
export class Informer<T> {
  /** Resolves when the first list was read; never rejects. */
  readonly synced: Promise<void>;
  /** Resolves when the first list was read or could not be, or all is over; never rejects. */
  readonly tried: Promise<void>;
  readonly #options: InformerOptions<T>;
  #held: ReadonlyMap<string, Held<T>> | undefined;
  /** The values of `#held` in the order of names, once somebody asked. */
  #sorted: readonly T[] | undefined;
  #problem: AgentError | undefined;
  #markSynced: () => void = () => undefined;
  #markTried: () => void = () => undefined;

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.synced = new Promise((resolve) => {
      this.#markSynced = resolve;
    });
    this.tried = new Promise((resolve) => {
      this.#markTried = resolve;
    });
  }

  get isSynced(): boolean {
    return this.#held !== undefined;
  }

  /** Why the cluster cannot be read just now; what was seen before stays good. */
  get problem(): AgentError | undefined {
    return this.#problem;
  }

  /** Everything of the selection, in the order of names. */
  list(): Knowledge<readonly T[]> {
    if (this.#held === undefined) return { state: 'unknown' };
    this.#sorted ??= [...this.#held].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, { value }]) => value);
    return { state: 'known', value: this.#sorted };
  }

  get(name: string): Knowledge<T> {
    if (this.#held === undefined) return { state: 'unknown' };
    const held = this.#held.get(name);
    return held === undefined ? { state: 'absent' } : { state: 'known', value: held.value };
  }

  /** Lists and watches until the signal aborts; then it resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    let failures = 0;
    try {
      for (;;) {
        const startedMs = clock.now().getTime();
        const isHealthy = await this.#listAndWatch(signal);
        const isSettled = clock.now().getTime() - startedMs >= settledMs;
        failures = isSettled ? 0 : failures;
        if (isHealthy && isSettled) continue;
        failures += 1;
        await clock.sleep(backOffMs(backOff, failures, random), signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#markTried();
    }
  }

  /** @returns whether it ended in good order */
  async #listAndWatch(signal: AbortSignal): Promise<boolean> {
    const { clock, random, resyncMs = defaultResyncMs } = this.#options;
    const resync = new AbortController();
    const watching = linkSignals(signal, resync.signal);
    const done = new AbortController();
    try {
      const resourceVersion = await this.#list(signal);
      const sleeping = clock.sleep(resyncMs * (0.9 + random() / 5), done.signal);
      sleeping.then(
        () => resync.abort(),
        () => undefined,
      );
      return await this.#watch(resourceVersion, watching.signal);
    } catch (error) {
      signal.throwIfAborted();
      if (resync.signal.aborted) return true;
      if (!(error instanceof AgentError)) throw error;
      this.#setProblem(error);
      return false;
    } finally {
      done.abort();
      watching.unlink();
    }
  }

  /** Apart from the watch, which would keep everything that was listed in memory for as long as it lasts. */
  async #list(signal: AbortSignal): Promise<string> {
    const { kube, kind, selection } = this.#options;
    const { items, resourceVersion } = await kube.list(kind, selection, { signal });
    this.#replace(items);
    this.#setProblem(undefined);
    return resourceVersion;
  }

  /** Watches on while the server ends watches in good order and not too soon. */
  async #watch(from: string, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#options;
    let resourceVersion = from;
    for (;;) {
      const startedMs = clock.now().getTime();
      const end = await this.#follow(resourceVersion, signal);
      if (end.reason === 'failed') {
        this.#setProblem(end.error);
        return false;
      }
      if (end.reason === 'expired') return true;
      if (clock.now().getTime() - startedMs < settledMs) return false;
      resourceVersion = end.resourceVersion;
    }
  }

  async #follow(resourceVersion: string, signal: AbortSignal): Promise<WatchEnd> {
    const { kube, kind, selection, onChange } = this.#options;
    for await (const event of kube.watch(kind, selection, { resourceVersion, signal })) {
      if (event.type === 'ended') return event;
      if (event.type === 'bookmark') continue;
      const held = new Map(this.#held);
      const { name } = event.object.metadata;
      const before = held.get(name);
      if (event.type === 'deleted') held.delete(name);
      else held.set(name, this.#hold(event.object));
      this.#setHeld(held);
      onChange({ isFirst: false, values: valuesOf([before, held.get(name)]) });
    }
    throw new Error('a watch tells how it ended');
  }

  #replace(items: readonly KubeObject[]): void {
    const before = this.#held;
    const held = new Map(items.map((object) => [object.metadata.name, this.#hold(object)]));
    const changed = [...new Set([...(before?.keys() ?? []), ...held.keys()])]
      .map((name) => [before?.get(name), held.get(name)] as const)
      .filter(([old, now]) => old?.uid !== now?.uid || old?.version !== now?.version);
    this.#setHeld(held);
    this.#markSynced();
    this.#markTried();
    const isFirst = before === undefined;
    if (isFirst || changed.length > 0) this.#options.onChange({ isFirst, values: valuesOf(changed.flat()) });
  }

  #setHeld(held: ReadonlyMap<string, Held<T>>): void {
    this.#held = held;
    this.#sorted = undefined;
  }

  #hold(object: KubeObject): Held<T> {
    const { name, uid = '', resourceVersion = '' } = object.metadata;
    const before = this.#held?.get(name);
    const value = this.#options.hold(object, before?.uid === uid ? before.value : undefined);
    return { uid, version: resourceVersion, value };
  }

  /** Logged when it begins, when it becomes another one, and when it is over. */
  #setProblem(problem: AgentError | undefined): void {
    const { kind, logger, selection } = this.#options;
    const { namespace } = selection;
    const what = { kind: kind.plural, namespace };
    if (problem !== undefined && problem.code !== this.#problem?.code) {
      logger.warn({ ...what, code: problem.code, reason: problem.message }, 'the cluster cannot be read');
    }
    if (problem === undefined && this.#problem !== undefined) {
      logger.info(what, 'the cluster can be read again');
    }
    this.#problem = problem;
    this.#markTried();
  }
}

function valuesOf<T>(held: ReadonlyArray<Held<T> | undefined>): T[] {
  return held.flatMap((one) => (one === undefined ? [] : [one.value]));
}
