import type { Allowlist, AllowlistEntry, Mode } from './allowlist.js';

/** One entry that came or went; its `origin.key` says whether it allows or denies. */
interface AllowlistDiff {
  readonly added: readonly AllowlistEntry[];
  readonly removed: readonly AllowlistEntry[];
  readonly mode?: { readonly before: Mode; readonly after: Mode };
}

/**
 * What an edit changes for callers. Comments and places do not count; an entry that moves from `allow` to `deny`
 * is removed from one and added to the other.
 *
 * Each list has the allow entries first and keeps the order of its input.
 */
export function diffAllowlists(before: Allowlist, after: Allowlist): AllowlistDiff {
  return {
    added: [...missing(after.allow, before.allow), ...missing(after.deny, before.deny)],
    removed: [...missing(before.allow, after.allow), ...missing(before.deny, after.deny)],
    ...(before.mode === after.mode ? {} : { mode: { before: before.mode, after: after.mode } }),
  };
}

/** The entries of `from` that `others` does not have. */
function missing(from: readonly AllowlistEntry[], others: readonly AllowlistEntry[]): AllowlistEntry[] {
  const known = new Set(others.map(({ text }) => text));
  return from.filter(({ text }) => !known.has(text));
}
