/** A line of /var/log/ltm, and where it stands among all of them, from 1 on. */
interface LoggedLine {
  readonly number: number;
  readonly text: string;
}

const defaultCapacity = 10_000;

/** The latest lines of a unit's /var/log/ltm, for those who ask for them later or wait for more. */
export class LogHistory {
  readonly #capacity: number;
  readonly #followers = new Set<(line: LoggedLine) => void>();
  #lines: LoggedLine[] = [];
  #count = 0;

  constructor(capacity = defaultCapacity) {
    this.#capacity = capacity;
  }

  /** The number of the latest line; 0 before the first. */
  get latest(): number {
    return this.#count;
  }

  add(text: string): void {
    const line = { number: (this.#count += 1), text };
    this.#lines.push(line);
    if (this.#lines.length > this.#capacity) this.#lines = this.#lines.slice(-this.#capacity);
    for (const follow of this.#followers) follow(line);
  }

  /** The lines after a number that are not forgotten, the oldest first. */
  since(number: number, limit = this.#capacity): readonly LoggedLine[] {
    return this.#lines.filter((line) => line.number > number).slice(0, limit);
  }

  /** Tells of each line to come. @returns ends it. */
  follow(onLine: (line: LoggedLine) => void): () => void {
    this.#followers.add(onLine);
    return () => this.#followers.delete(onLine);
  }

  /** Forgets the lines; the numbers go on. */
  forget(): void {
    this.#lines = [];
  }
}
