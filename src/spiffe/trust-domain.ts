import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';

/** SPIFFE-ID.md section 2.3: a trust domain name has at most 255 bytes. */
const maxTrustDomainBytes = 255;
const trustDomainCharacter = /[a-z0-9._-]/;

/**
 * Reads the name of a trust domain, such as `cluster.local`, by the grammar of SPIFFE-ID.md section 2.1.
 *
 * Upper case is refused and not folded, a trailing dot is part of the name: two spellings never become one.
 * Istio writes `@` of a configured trust domain as `.` before it mints (pkg/spiffe/spiffe.go); whoever reads
 * Istio's configuration does that replacement first.
 *
 * @returns the same text, or the reason why it is none.
 */
export function parseTrustDomain(text: string): Parsed<string> {
  if (text === '') return refused('the trust domain is empty');
  const bad = firstCharacterOutside(text, trustDomainCharacter);
  if (bad !== undefined) {
    const isUpperCase = /^[A-Z]$/.test(bad);
    return refused(
      `the trust domain has the character ${printableCharacter(bad)}${isUpperCase ? '; it must be lower-case' : ''}`,
    );
  }
  if (text.length > maxTrustDomainBytes) {
    return refused(`the trust domain has ${text.length} bytes; at most ${maxTrustDomainBytes} are allowed`);
  }
  return accepted(text);
}

/** The first code point of `text` that `allowed`, a pattern for one character, does not match. */
export function firstCharacterOutside(text: string, allowed: RegExp): string | undefined {
  for (const character of text) {
    if (!allowed.test(character)) return character;
  }
  return undefined;
}

/** A character as it can stand in a message: quoted when visible ASCII, by its code point when not. */
export function printableCharacter(character: string): string {
  const codePoint = character.codePointAt(0) ?? 0;
  if (codePoint > 0x20 && codePoint < 0x7f) return `"${character}"`;
  return `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
}
