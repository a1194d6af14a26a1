import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';
import { parseSpiffeId } from '../spiffe/spiffe-id.js';

/**
 * What one line of an allowlist names: a SPIFFE ID with a path, or every service account of a namespace, or
 * every service account of a trust domain.
 */
interface EntryText {
  readonly text: string;
  readonly trustDomain: string;
}

/** Stands in for the `*` while the rest is checked as an ID; any one legal segment does. */
const anySegment = 'x';

/**
 * Reads `spiffe://TD/ns/NS/sa/SA` (or any SPIFFE ID with a path), `spiffe://TD/ns/NS/sa/*` or `spiffe://TD/ns/*`.
 *
 * A `*` stands for whole segments at the end and nowhere else, so that the rule needs hash look-ups only.
 */
export function parseEntryText(text: string): Parsed<EntryText> {
  if (text.includes('*')) return parsePattern(text);
  const spiffeId = parseSpiffeId(text);
  if (!spiffeId.ok) return refused(withHint(text, spiffeId.reason));
  if (spiffeId.value.path === '') {
    return refused('it names a trust domain and no workload; write spiffe://TD/ns/* to mean all of them');
  }
  return accepted({ text, trustDomain: spiffeId.value.trustDomain });
}

function parsePattern(text: string): Parsed<EntryText> {
  const where = 'a * may stand only for the last segment, as in spiffe://TD/ns/NS/sa/* or spiffe://TD/ns/*';
  const stem = text.slice(0, -1);
  if (stem.includes('*') || !text.endsWith('/*')) return refused(where);
  const example = parseSpiffeId(`${stem}${anySegment}`);
  if (!example.ok) return refused(withHint(text, example.reason));
  const isNamespace = example.value.serviceAccount === anySegment;
  const isTrustDomain = example.value.path === `/ns/${anySegment}`;
  if (!isNamespace && !isTrustDomain) return refused(where);
  return accepted({ text, trustDomain: example.value.trustDomain });
}

/** Names the slip where the text shows a common one; the line is refused all the same. */
function withHint(text: string, reason: string): string {
  if (/^[-*]\s/.test(text)) return `${reason}; write one ID a line without a list marker`;
  if (/^["'].*["']$/.test(text)) return `${reason}; write the ID without quotes`;
  if (/[,;]/.test(text)) return `${reason}; write one ID a line`;
  if (/^[a-z0-9._-]+\/ns\/[^/]+\/sa\//.test(text)) return `${reason}; write spiffe:// in front`;
  return reason;
}
