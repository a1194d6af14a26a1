import type { ServiceCounters } from '../reconcile/read-counters.js';

/** What the rule of a service decided on callers, as far as the device tells. */
export interface ServiceCalls extends Pick<ServiceCounters, 'allowed' | 'rejected' | 'wouldReject'> {
  /** Undefined until it is known, which takes two readings within an hour. */
  readonly rejectedLastHour: number | undefined;
}

interface Sample {
  readonly atMs: number;
  readonly counters: ServiceCounters;
}

const hourMs = 3_600_000;
/** However often is read: a dozen samples an hour. */
const sampleMs = 300_000;

/**
 * The counters of one service over the last hour.
 *
 * Counters that went back are those of a device that was booted, or of another unit: nothing of before can be taken
 * off them, and the hour begins anew.
 */
export class RecentCalls {
  #samples: readonly Sample[] = [];
  #latest: Sample | undefined;

  add(counters: ServiceCounters, at: Date): void {
    const sample = { atMs: at.getTime(), counters };
    const wentBack = (this.#latest?.counters.rejected ?? 0) > (counters.rejected ?? Infinity);
    const recent = wentBack ? [] : this.#within(sample.atMs);
    const last = recent.at(-1);
    const isDue = last === undefined || sample.atMs - last.atMs >= sampleMs;
    this.#samples = isDue ? [...recent, sample] : recent;
    this.#latest = sample;
  }

  /** @returns undefined when nothing was read within the last hour */
  at(now: Date): ServiceCalls | undefined {
    const latest = this.#latest;
    if (latest === undefined || now.getTime() - latest.atMs > hourMs) return undefined;
    const { allowed, rejected, wouldReject } = latest.counters;
    const first = this.#within(now.getTime()).find(({ counters }) => counters.rejected !== undefined);
    const isKnown = first !== undefined && first.atMs < latest.atMs && rejected !== undefined;
    const rejectedLastHour = isKnown ? rejected - (first.counters.rejected ?? 0) : undefined;
    return { allowed, rejected, wouldReject, rejectedLastHour };
  }

  #within(nowMs: number): readonly Sample[] {
    return this.#samples.filter(({ atMs }) => nowMs - atMs <= hourMs);
  }
}
