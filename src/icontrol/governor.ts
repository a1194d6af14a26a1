import type { Clock } from '../clock.js';

/** How long one read took; compared with earlier reads of the same path only. */
export interface ReadingTime {
  readonly path: string;
  readonly ms: number;
}

/** Below this, a read is fast whatever it was before: devices answer in 50 to 200 ms when they are well. */
const noticeableMs = 200;
const firstPauseMs = 100;
/** After 503s. */
const longestPauseMs = 5000;
/** For mere slowness: a revocation has to get through a slow device, too. */
const longestSlowPauseMs = 1000;
const mostPaths = 200;

/**
 * Lets one request at a time through to a device, and waits between them when the device slows down.
 *
 * Ten Apache workers serve a BIG-IP's GUI, its config sync and us. The measure is the device itself: when reads
 * take twice as long as the same reads usually do, or a 503 appears, the pause doubles; it halves with each good
 * answer.
 */
export class Governor {
  readonly #clock: Clock;
  readonly #usualMs = new Map<string, number>();
  #last: Promise<unknown> = Promise.resolve();
  #pauseMs = 0;
  #released = false;
  /** How many times slower than usual the last few reads were. */
  #slowness = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What the next request waits before it starts. */
  get pauseMs(): number {
    return this.#pauseMs;
  }

  /** No more pauses: what follows is the clean-up of an agent that ends. */
  release(): void {
    this.#released = true;
  }

  /** Runs the task when all earlier ones have ended. */
  async run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const turn = this.#last.then(async () => {
      signal?.throwIfAborted();
      if (this.#pauseMs > 0 && !this.#released) await this.#clock.sleep(this.#pauseMs, signal);
      return task();
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** @param reading left out where the time says nothing about the device, as for a commit */
  observe(status: number, reading?: ReadingTime): void {
    if (status === 503) {
      this.#pauseMs = Math.min(longestPauseMs, Math.max(1000, this.#pauseMs * 2));
      return;
    }
    if (reading !== undefined) this.#measure(reading);
    // What takes as long as it takes is no sign of a slow device: a transaction must not keep a pause that reads made.
    if (reading !== undefined && this.#slowness > 2)
      this.#pauseMs = Math.max(
        this.#pauseMs,
        Math.min(longestSlowPauseMs, Math.max(firstPauseMs, this.#pauseMs * 2)),
      );
    else this.#pauseMs = this.#pauseMs < 2 * firstPauseMs ? 0 : this.#pauseMs / 2;
  }

  #measure({ path, ms }: ReadingTime): void {
    const usualMs = this.#usualMs.get(path);
    if (usualMs === undefined) {
      if (this.#usualMs.size < mostPaths) this.#usualMs.set(path, ms);
      return;
    }
    // Moving averages: slowness follows within three answers, what is usual within fifty.
    const times = ms < noticeableMs ? 1 : ms / Math.max(usualMs, 1);
    this.#slowness += (times - this.#slowness) / 3;
    this.#usualMs.set(path, usualMs + (ms - usualMs) / 50);
  }
}
