import type { Allowlist } from '../allowlist/allowlist.js';
import { diffAllowlists } from '../allowlist/diff-allowlists.js';

/** Fewer are the daily business of a list of any length. */
const fewestEntries = 10;

/**
 * How many allow entries go, where that is worth a warning: all of them, or half of them and at least ten. It is only
 * told; a revocation is never held back. Pure.
 */
export function largeRemoval(
  before: Allowlist,
  after: Allowlist,
): { readonly removed: number; readonly before: number } | undefined {
  const removed = diffAllowlists(before, after).removed.filter(({ origin }) => origin.key === 'allow').length;
  const all = before.allow.length;
  const isLarge = (removed > 0 && removed === all) || (removed >= fewestEntries && removed * 2 >= all);
  return isLarge ? { removed, before: all } : undefined;
}
