import type { Allowlist, AllowlistEntry } from '../allowlist/allowlist.js';
import { decide } from '../allowlist/decide.js';
import { parseSpiffeId } from '../spiffe/spiffe-id.js';
import { isSameVerdict } from './verdict.js';
import type { Engine, EngineName, Verdict } from './verdict.js';

/** Whether a caller gets in, and why. */
export interface Explanation {
  readonly decision: 'allow' | 'reject';
  readonly spiffeId: string | undefined;
  /** The entry that decided; undefined when none did. */
  readonly entry: AllowlistEntry | undefined;
  readonly reason: Verdict['reason'] | 'engines-disagree';
  /** What the reason means for this caller, where its word alone does not say it. */
  readonly detail?: string;
  /** What each engine said, when they disagree; then the caller counts as rejected. */
  readonly engines?: Readonly<Record<EngineName, Verdict>>;
}

/** Who may call, and which trust domains count. */
export interface Admission {
  readonly allowlist: Allowlist;
  readonly trustDomains: readonly string[];
}

/** A file without a certificate; there is nothing to ask an engine about. */
export const noCertificate: Explanation = {
  decision: 'reject',
  spiffeId: undefined,
  entry: undefined,
  reason: 'malformed',
  detail: 'it holds no certificate in PEM or DER',
};

/**
 * Asks the engines about one certificate.
 *
 * TLS speaks last, though on the device it speaks first: so an expired certificate still shows whom it named.
 *
 * @param engines one or two; two must agree in decision, ID and reason.
 * @param objection what TLS has against the certificate; it turns an admission into `not-verified`.
 */
export async function explain(
  der: Buffer,
  engines: readonly [Engine, Engine?],
  admission: Admission,
  objection?: string,
): Promise<Explanation> {
  const [first, second] = engines;
  const verdict = await first.judge(der);
  const other = await second?.judge(der);
  if (second !== undefined && other !== undefined && !isSameVerdict(verdict, other)) {
    const said = { [first.name]: verdict, [second.name]: other };
    return {
      decision: 'reject',
      spiffeId: verdict.spiffeId === other.spiffeId ? verdict.spiffeId : undefined,
      entry: undefined,
      reason: 'engines-disagree',
      engines: said as Record<EngineName, Verdict>,
    };
  }
  if (verdict.decision === 'allow' && objection !== undefined) {
    return { ...verdict, decision: 'reject', entry: undefined, reason: 'not-verified', detail: objection };
  }
  return { ...verdict, entry: decidingEntry(verdict, admission) };
}

/** No engine names the entry (the rule sees a hash look-up succeed), so it is looked up by the ID that was read. */
function decidingEntry(
  { spiffeId, reason }: Verdict,
  { allowlist, trustDomains }: Admission,
): AllowlistEntry | undefined {
  const parsed = parseSpiffeId(spiffeId ?? '');
  if (!parsed.ok) return undefined;
  const decision = decide(allowlist, trustDomains, parsed.value);
  return decision.reason === reason ? decision.entry : undefined;
}
