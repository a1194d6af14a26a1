import type { Json } from '../json.js';
import { isAtLeast } from '../tmos-version.js';
import type { TmosVersion } from '../tmos-version.js';
import type { ValueType } from './value-type.js';

/** Words of `options` in client-ssl and server-ssl, with the TMOS branch that brought the newer ones. */
const optionWords: Readonly<Record<string, string>> = {
  'all-bugfixes': '11.0',
  'cipher-server-preference': '11.0',
  'dont-insert-empty-fragments': '11.0',
  'ephemeral-rsa': '11.0',
  'netscape-reuse-cipher-change-bug': '11.0',
  'no-dtls': '11.0',
  'no-dtlsv1.2': '15.0',
  'no-session-resumption-on-renegotiation': '11.0',
  'no-ssl': '11.0',
  'no-sslv2': '11.0',
  'no-sslv3': '11.0',
  'no-tls': '11.0',
  'no-tlsv1': '11.0',
  'no-tlsv1.1': '11.0',
  'no-tlsv1.2': '11.0',
  'no-tlsv1.3': '14.0',
  'passive-close': '11.0',
  'single-dh-use': '11.0',
  'tls-rollback-bug': '11.0',
};

/** `tmOptions` is written as a list, as one word, as `{ a b }` or as `none`; stored as a list. */
export const sslOptions: ValueType = {
  accept(value, { tmos }) {
    const words = typeof value === 'string' ? splitOptions(value) : value;
    if (!Array.isArray(words)) return undefined;
    const known = words.every(
      (word) => typeof word === 'string' && isAtLeast(tmos, optionWords[word] ?? '99.0'),
    );
    return known ? (words as readonly string[]) : undefined;
  },
};

/** Up to 13 a list; from 14 on `{ a b }`, one bare word, or `none`. */
export function spellOptions(value: Json, tmos: TmosVersion): Json {
  if (!Array.isArray(value) || !isAtLeast(tmos, '14.0')) return value;
  if (value.length === 0) return 'none';
  return value.length === 1 ? (value[0] as string) : `{ ${value.join(' ')} }`;
}

/** What the base profiles carry; TLS 1.3 is off until a profile is written without its word. */
export function defaultOptions(tmos: TmosVersion): readonly string[] {
  return [
    'dont-insert-empty-fragments',
    ...(isAtLeast(tmos, '14.0') ? ['no-tlsv1.3'] : []),
    ...(isAtLeast(tmos, '16.0') ? ['no-dtlsv1.2'] : []),
  ];
}

function splitOptions(value: string): readonly string[] {
  const words = value.replaceAll(/[{}]/g, ' ').trim();
  return words === '' || words === 'none' ? [] : words.split(/\s+/);
}
