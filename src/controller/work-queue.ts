import { once } from 'node:events';
import { backOffMs } from '../back-off.js';
import type { Clock } from '../clock.js';

/** What became of one piece of work. */
export type WorkResult =
  /** `againAfterMs`: when to look again although nothing calls for it. */
  | { readonly outcome: 'done'; readonly againAfterMs: number }
  /** To be tried again, later each time, but not later than `withinMs`. */
  | { readonly outcome: 'failed'; readonly withinMs?: number };

interface WorkQueueOptions {
  /** Must not throw. @param since when the work was first called for; undefined when only its time had come */
  readonly work: (key: string, since: Date | undefined, signal: AbortSignal) => Promise<WorkResult>;
  readonly clock: Clock;
  /** From 0 up to but not including 1. */
  readonly random: () => number;
}

interface Entry {
  readonly signal: AbortSignal;
  dueMs: number;
  /** The first call that no finished work has answered. */
  calledForAt: Date | undefined;
  failures: number;
  /** When the work under way began. */
  startedAt: Date | undefined;
  underWay: Promise<void> | undefined;
}

/** Several edits that come together are one piece of work. */
const settleMs = 100;
const backOff = { firstMs: 1000, longestMs: 300_000 };
/** A fleet that all wakes up at once (an API server that is back, a new root) is worked off in waves. */
const mostAtOnce = 8;
/** How often the loop turns at least, so that one that stands still can be told from one with nothing to do. */
const longestSleepMs = 30_000;

/**
 * Work by keys: on one key it never runs twice at once, and calls that come while it waits or runs are answered by one
 * more run.
 *
 * What failed is tried again after one second, then two, up to five minutes, a call from outside at once.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #entries = new Map<string, Entry>();
  #wake = new AbortController();
  #turnedAt: Date;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#turnedAt = options.clock.now();
  }

  /** Works on these keys whenever they are called for, until the signal aborts and work under way has ended. */
  async take(keys: readonly string[], signal: AbortSignal): Promise<void> {
    const entries = keys.map((key): [string, Entry] => [
      key,
      {
        signal,
        dueMs: Infinity,
        calledForAt: undefined,
        failures: 0,
        startedAt: undefined,
        underWay: undefined,
      },
    ]);
    for (const [key, entry] of entries) this.#entries.set(key, entry);
    if (!signal.aborted) await once(signal, 'abort');
    for (const [, { underWay }] of entries) await underWay;
    for (const [key] of entries) this.#entries.delete(key);
  }

  /** Calls for work on a key; of no effect on one that is not taken. */
  add(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    const now = this.#options.clock.now();
    entry.dueMs = Math.min(entry.dueMs, now.getTime() + settleMs);
    entry.calledForAt ??= now;
    this.#wake.abort();
  }

  /** When the loop last turned. */
  get turnedAt(): Date {
    return this.#turnedAt;
  }

  /** Work under way, and since when. */
  get underWay(): ReadonlyMap<string, Date> {
    return new Map(
      [...this.#entries].flatMap(([key, { startedAt }]) =>
        startedAt === undefined ? [] : [[key, startedAt] as const],
      ),
    );
  }

  /** Turns until the signal aborts, and resolves when all that was under way has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const running = new Set<Promise<void>>();
    const stop = (): void => this.#wake.abort();
    signal.addEventListener('abort', stop);
    while (!signal.aborted) {
      const now = this.#options.clock.now();
      this.#turnedAt = now;
      for (const [key, entry] of this.#due(now)) {
        if (running.size >= mostAtOnce) break;
        const work = this.#work(key, entry);
        entry.underWay = work;
        running.add(work);
        void work.finally(() => {
          running.delete(work);
          this.#wake.abort();
        });
      }
      await this.#sleep(running.size >= mostAtOnce);
    }
    signal.removeEventListener('abort', stop);
    await Promise.all(running);
  }

  /** What has waited longest comes first. */
  #due(now: Date): Array<[string, Entry]> {
    return [...this.#entries]
      .filter(([, { dueMs, startedAt, signal }]) => {
        return startedAt === undefined && dueMs <= now.getTime() && !signal.aborted;
      })
      .toSorted(([, a], [, b]) => a.dueMs - b.dueMs);
  }

  async #work(key: string, entry: Entry): Promise<void> {
    const { clock, random, work } = this.#options;
    const since = entry.calledForAt;
    entry.startedAt = clock.now();
    entry.calledForAt = undefined;
    entry.dueMs = Infinity;
    const result = await work(key, since, entry.signal);
    const nowMs = clock.now().getTime();
    entry.startedAt = undefined;
    if (result.outcome === 'done') {
      entry.failures = 0;
      entry.dueMs = Math.min(entry.dueMs, nowMs + result.againAfterMs);
      return;
    }
    entry.failures += 1;
    entry.calledForAt = since ?? entry.calledForAt;
    const { withinMs = Infinity } = result;
    const waitMs = Math.min(withinMs, backOffMs(backOff, entry.failures, random));
    entry.dueMs = Math.min(entry.dueMs, nowMs + waitMs);
  }

  /** Until something is due, is added, or has ended. */
  async #sleep(isFull: boolean): Promise<void> {
    const { clock } = this.#options;
    const waiting = [...this.#entries.values()].filter(
      ({ startedAt, signal }) => startedAt === undefined && !signal.aborted,
    );
    const soonestMs = isFull ? Infinity : Math.min(...waiting.map(({ dueMs }) => dueMs));
    const ms = Math.min(longestSleepMs, Math.max(0, soonestMs - clock.now().getTime()));
    const wake = this.#wake;
    await clock.sleep(ms, wake.signal).catch(() => undefined);
    this.#wake = new AbortController();
  }
}
