import { inspect } from 'node:util';

const redacted = '[redacted]';

/**
 * A value that no printer shows: string conversion, JSON, `util.inspect` and pino all give `[redacted]`.
 *
 * Redaction by path in the logger is bound to a depth; a type is not.
 */
export class Secret<T = string> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  /** The value itself; call it only where the value leaves the process for its one purpose. */
  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }
}
