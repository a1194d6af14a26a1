import type { AllowlistEntry } from '../allowlist/allowlist.js';
import { renderPlace, renderPlaceInside } from '../allowlist/render-place.js';
import type { Explanation } from './explain.js';
import { reasonMeanings } from './reason-meaning.js';
import type { Verdict } from './verdict.js';

/** What `--output json` prints; the fields and their order are a stable surface. */
interface ExplanationJson {
  /** Null when an ID was asked about. */
  readonly file: string | null;
  readonly decision: 'allow' | 'reject';
  readonly spiffeId: string | null;
  /** The text of the entry that decided. */
  readonly entry: string | null;
  readonly reason: Explanation['reason'];
  /** Only when they disagree. */
  readonly engines?: Readonly<Record<string, Pick<ExplanationJson, 'decision' | 'spiffeId' | 'reason'>>>;
}

export function explanationJson(file: string | undefined, explanation: Explanation): ExplanationJson {
  const { decision, spiffeId, entry, reason, engines } = explanation;
  return {
    file: file ?? null,
    decision,
    spiffeId: spiffeId ?? null,
    entry: entry?.text ?? null,
    reason,
    ...(engines === undefined
      ? {}
      : {
          engines: Object.fromEntries(
            Object.entries(engines).map(([name, said]) => [name, verdictJson(said)]),
          ),
        }),
  };
}

function verdictJson({ decision, spiffeId, reason }: Verdict) {
  return { decision, spiffeId: spiffeId ?? null, reason };
}

/** By which entry from which line, or why not; what stands behind the decision, the file and the ID in the text. */
export function renderReason({ reason, entry, detail, engines }: Explanation, allowlistName: string): string {
  const by = entry === undefined ? '' : `by ${entry.text} (${renderOrigin(entry, allowlistName)})`;
  if (reason === 'allowed') return by;
  if (engines !== undefined) {
    const said = Object.entries(engines).map(
      ([name, verdict]) => `${name}: ${verdict.decision} ${verdict.spiffeId ?? '-'} ${verdict.reason}`,
    );
    return `${reason}: ${said.join('; ')}`;
  }
  return `${reason}: ${detail ?? (by === '' ? reasonMeanings[reason] : by)}`;
}

function renderOrigin({ origin, comment }: AllowlistEntry, allowlistName: string): string {
  const isNameless = origin.policy === undefined && origin.configMap === '';
  const place = isNameless ? `${allowlistName}, ${renderPlaceInside(origin)}` : renderPlace(origin);
  return comment === undefined ? place : `${place}: ${comment}`;
}
