/** Lets no task start before the earlier ones have ended. */
type InTurn = <T>(task: () => Promise<T>) => Promise<T>;

/**
 * Works on all items, on a few of them at a time, which begin in their order.
 *
 * When one fails no more are begun, and it fails as that one did once all that were under way have ended.
 *
 * @returns the results in the order of the items
 */
export async function sideBySide<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  const left = items.entries();
  const workOn = async (): Promise<void> => {
    for (const [index, item] of left) {
      try {
        results[index] = await work(item);
      } catch (error) {
        failures.push(error);
      }
      if (failures.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, workOn));
  if (failures.length > 0) throw failures[0];
  return results;
}

/** Tasks of one turn, whoever calls for them. */
export function inTurn(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const turn = last.then(task);
    last = turn.catch(() => undefined);
    return turn;
  };
}

/** Lets a number of tasks run at once, whoever calls for them; the others wait in the order of their calls. */
export class AtMost {
  readonly #waiting: Array<() => void> = [];
  #free: number;

  constructor(most: number) {
    this.#free = most;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
