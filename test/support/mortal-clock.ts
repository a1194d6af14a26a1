import { systemClock } from '../../src/clock.js';
import type { Clock } from '../../src/clock.js';

/**
 * The clock of an agent in this process that is to end as a killed one does. It may be some minutes off.
 *
 * From the kill on nothing waits any more: deadlines pass at once, and no pause between two tries lasts.
 */
export class MortalClock implements Clock {
  readonly #killed = new AbortController();
  readonly #aheadMs: number;

  constructor(aheadMs = 0) {
    this.#aheadMs = aheadMs;
  }

  get signal(): AbortSignal {
    return this.#killed.signal;
  }

  kill(): void {
    this.#killed.abort(new Error('killed'));
  }

  now(): Date {
    return new Date(Date.now() + this.#aheadMs);
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { signal: killed } = this.#killed;
    try {
      await systemClock.sleep(ms, signal === undefined ? killed : AbortSignal.any([killed, signal]));
    } catch (error) {
      if (signal?.aborted === true || !killed.aborted) throw error;
    }
  }
}
