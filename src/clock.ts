import { setTimeout as delay } from 'node:timers/promises';

/** Time as a dependency, so that tests decide what the hour is. */
export interface Clock {
  now(): Date;
  /**
   * Resolves after `ms` milliseconds.
   *
   * @throws the signal's reason when it aborts first.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => new Date(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      throw signal?.aborted === true ? signal.reason : error;
    }
  },
};
