/**
 * The result of every `parseX` function: a value, or a refusal that says why.
 *
 * A refusal is data and not an exception, because one bad line of an allowlist must not stop the others.
 */
export type Parsed<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

export function accepted<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

export function refused<T = never>(reason: string): Parsed<T> {
  return { ok: false, reason };
}
