/**
 * One thing that was to be read: its value, or that it is known not to exist, or why it is not known.
 *
 * What cannot be read is never taken for absent, and never for fine.
 */
export type Datum<T> =
  | { readonly state: 'known'; readonly value: T }
  | { readonly state: 'absent' }
  | { readonly state: 'unknown'; readonly gap: Gap };

/** Why something is not known. */
export interface Gap {
  /** One line: what was tried and what came of it. */
  readonly reason: string;
  /** The permission that was missing, as RBAC or the device names it: `list pods`. */
  readonly needs?: string;
}

/** Raised by {@link need}; the runner turns it into the outcome `unknown` of the check. */
export class UnknownFact extends Error {
  override readonly name = 'UnknownFact';
  readonly gap: Gap;

  constructor(gap: Gap) {
    super(gap.reason);
    this.gap = gap;
  }
}

export function known<T>(value: T): Datum<T> {
  return { state: 'known', value };
}

export const absent = { state: 'absent' } as const;

export function unknown(gap: Gap): Datum<never> {
  return { state: 'unknown', gap };
}

/**
 * The value of a datum, or undefined when it is known not to exist.
 *
 * @throws UnknownFact when it is not known: then no check may judge by it.
 */
export function need<T>(datum: Datum<T>): T | undefined {
  if (datum.state === 'unknown') throw new UnknownFact(datum.gap);
  return datum.state === 'known' ? datum.value : undefined;
}

/** The items of a list; none when what would hold them does not exist. @throws UnknownFact */
export function needAll<T>(datum: Datum<readonly T[]>): readonly T[] {
  return need(datum) ?? [];
}

/** The value where there is one, for what a check can do without. */
export function valueOf<T>(datum: Datum<T>): T | undefined {
  return datum.state === 'known' ? datum.value : undefined;
}
