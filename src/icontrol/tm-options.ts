import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';

/**
 * Reads `tmOptions` of an SSL profile, which has four shapes: a list up to version 13; `{ a b }`, a bare word, or
 * `none` since. A list is what every version takes when written.
 */
export function parseTmOptions(value: unknown): Parsed<readonly string[]> {
  if (value === undefined || value === 'none') return accepted([]);
  if (Array.isArray(value)) {
    return value.every((word) => typeof word === 'string') ? accepted(value) : refused('a list of non-words');
  }
  if (typeof value !== 'string') return refused(`neither a list nor text but ${typeof value}`);
  const words = value.replace(/^\{(.*)\}$/s, '$1').trim();
  if (/[{}]/.test(words)) return refused('braces within the braces');
  return accepted(words === '' ? [] : words.split(/\s+/));
}
