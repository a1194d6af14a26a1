import type { RecordedRequest } from './kube-api.js';

/** What goes wrong instead of an answer. */
export type FaultAction =
  | { readonly kind: 'status'; readonly code: number; readonly retryAfterSeconds?: number }
  | { readonly kind: 'disconnect' }
  /** Nothing is answered until the client gives up. */
  | { readonly kind: 'silence' };

export interface Fault {
  readonly action: FaultAction;
  /** Default: every request. */
  readonly matches?: (request: RecordedRequest) => boolean;
  /** How many requests it hits; default: until it is taken back. */
  readonly times?: number;
}

/** The faults that wait for requests; the first one that matches hits. */
export class Faults {
  #pending: { fault: Fault; left: number }[] = [];

  /** @returns the function that takes it back. */
  add(fault: Fault): () => void {
    const entry = { fault, left: fault.times ?? Infinity };
    this.#pending.push(entry);
    return () => {
      this.#pending = this.#pending.filter((other) => other !== entry);
    };
  }

  next(request: RecordedRequest): FaultAction | undefined {
    const entry = this.#pending.find(({ fault }) => fault.matches?.(request) ?? true);
    if (entry === undefined) return undefined;
    entry.left -= 1;
    if (entry.left <= 0) this.#pending = this.#pending.filter((other) => other !== entry);
    return entry.fault.action;
  }
}
