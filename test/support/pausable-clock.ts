import { systemClock } from '../../src/clock.js';
import type { Clock } from '../../src/clock.js';

/** The time of day, until a test stops it (as for a process that is paused) or moves it on. */
export class PausableClock implements Clock {
  #aheadMs = 0;
  #stoppedAt: Date | undefined;

  now(): Date {
    return this.#stoppedAt ?? new Date(Date.now() + this.#aheadMs);
  }

  /** Whoever sleeps while the clock stands still sleeps until the signal aborts. */
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await systemClock.sleep(ms, signal);
    if (this.#stoppedAt === undefined) return;
    await new Promise<never>((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }

  stop(): void {
    this.#stoppedAt = this.now();
  }

  /** Only what looks at the time notices; sleepers wake as they would have. */
  moveOn(ms: number): void {
    this.#aheadMs += ms;
  }
}
