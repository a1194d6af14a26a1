/** Runs at most so many jobs at a time; the others wait in the order in which they came. */
export class WorkerPool {
  readonly #size: number;
  #running = 0;
  readonly #waiting: Array<() => void> = [];

  constructor(size: number) {
    this.#size = size;
  }

  async run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#size) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await job();
    } finally {
      const next = this.#waiting.shift();
      // The place goes over to the next job without ever being free.
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
