/**
 * The public ways to cut a SPIFFE ID out of what `X509::extensions` prints. They are here to show how hostile names
 * fool them; nothing of the product reads text.
 *
 * Each takes the whole text, one character a byte, and gives the ID, or an empty text.
 */
type TextParser = (text: string) => string;

/** F5's `findstr STRING SEARCH SKIP TERMINATOR`. */
function findstr(text: string, search: string, skip: number, terminator: string): string {
  const found = text.indexOf(search);
  if (found === -1) return '';
  const start = found + skip;
  const end = text.indexOf(terminator, start);
  return text.slice(start, end === -1 ? undefined : end);
}

/** Up to the first comma from a fixed place on, as the rule of Consul's gateways does it, with `string trim`. */
const fixedOffset =
  (skip: number): TextParser =>
  (text) =>
    findstr(text, 'Subject Alternative Name', skip, ',').trim();

const regexFirst: TextParser = (text) => /URI:(spiffe:\/\/[^,\s]+)/.exec(text)?.[1] ?? '';

const header = /^ {4}X509v3 Subject Alternative Name: ?(?:critical)?$/;
const grammar = /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/[A-Za-z0-9._-]+)+$/;

/** As strict as text allows: one header in its column, one value line, one URI among its entries, a legal ID. */
const strictText: TextParser = (text) => {
  const lines = text.split('\n');
  const headers = lines.flatMap((line, index) => (header.test(line) ? [index] : []));
  const [place] = headers;
  if (place === undefined || headers.length > 1) return '';
  const [value = '', next = ''] = lines.slice(place + 1);
  if (!value.startsWith(' '.repeat(8)) || (next !== '' && !next.startsWith(' '.repeat(4)))) return '';
  const uris = value
    .slice(8)
    .split(', ')
    .filter((entry) => entry.startsWith('URI:'))
    .map((entry) => entry.slice('URI:'.length));
  const [id = ''] = uris;
  return uris.length === 1 && grammar.test(id) ? id : '';
};

export const textParsers: Readonly<Record<string, TextParser>> = {
  /** Fits a SAN that is not critical. */
  fixed39: fixedOffset(39),
  /** Adapted to the critical SAN of Istio. */
  fixed47: fixedOffset(47),
  regexFirst,
  strictText,
};
