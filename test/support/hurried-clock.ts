import { systemClock } from '../../src/clock.js';
import type { Clock } from '../../src/clock.js';

/** Pauses between two looks end at once and count as slept; what is longer is a deadline, and lasts. */
const longestPauseMs = 2000;

/** The time of day of somebody who does not wait between two looks. */
export class HurriedClock implements Clock {
  #sleptMs = 0;

  now(): Date {
    return new Date(Date.now() + this.#sleptMs);
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms > longestPauseMs) {
      await systemClock.sleep(ms, signal);
      return;
    }
    this.#sleptMs += ms;
    await systemClock.sleep(0, signal);
  }
}
