import type { Allowlist } from '../allowlist/allowlist.js';
import { mergeAllowlists } from '../allowlist/merge-allowlists.js';

/**
 * Who may call while only a part of what says so could be read: callers whom the device admits already, without those
 * whom the known part named and names no more, and without those whom it denies. Nobody is added: what is not known
 * yet may deny him.
 *
 * @param seen the allow entries that the known part had at any time since the agent started.
 */
export function allowlistInPart(
  known: Allowlist,
  installed: Allowlist,
  seen: ReadonlySet<string>,
): Allowlist {
  const named = new Set(known.allow.map(({ text }) => text));
  const denying = mergeAllowlists([
    { ...installed, allow: [] },
    { ...known, allow: [] },
  ]);
  return {
    ...denying,
    allow: installed.allow.filter(({ text }) => named.has(text) || !seen.has(text)),
  };
}
