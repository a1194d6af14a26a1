import type { Clock } from '../../clock.js';

/** The scripts that the rules of one connection put off by `after`. */
export class RuleTimers {
  readonly #clock: Clock;
  readonly #run: (id: string) => Promise<void>;
  readonly #onFailure: (error: unknown) => void;
  readonly #timers = new Map<string, AbortController>();

  /**
   * @param run runs the script with this ID.
   * @param onFailure told when that rejects; the timer is over then.
   */
  constructor(clock: Clock, run: (id: string) => Promise<void>, onFailure: (error: unknown) => void) {
    this.#clock = clock;
    this.#run = run;
    this.#onFailure = onFailure;
  }

  start({
    id,
    delayMs,
    isPeriodic,
  }: {
    readonly id: string;
    readonly delayMs: number;
    readonly isPeriodic: boolean;
  }): void {
    const timer = new AbortController();
    this.#timers.set(id, timer);
    this.#wait(id, delayMs, isPeriodic, timer.signal).catch((error: unknown) => {
      if (!timer.signal.aborted) this.#onFailure(error);
    });
  }

  cancel(id: string): void {
    this.#timers.get(id)?.abort();
    this.#timers.delete(id);
  }

  cancelAll(): void {
    for (const id of this.#timers.keys()) this.cancel(id);
  }

  async #wait(id: string, delayMs: number, isPeriodic: boolean, signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#clock.sleep(delayMs, signal);
      await this.#run(id);
      if (!isPeriodic) return;
    }
  }
}
