import { parseAllowlist } from '../../../src/allowlist/parse-allowlist.js';
import type { Admission } from '../../../src/explain/explain.js';
import { trustedSleep } from '../../support/svid-vectors.js';

/** An allowlist of the lines given, for callers of cluster.local. */
export function admissionOf(lists: {
  allow: readonly string[];
  deny?: readonly string[];
  mode?: string;
}): Admission {
  const { allowlist, refusals } = parseAllowlist({
    namespace: 'default',
    name: 'echo-callers',
    data: {
      allow: lists.allow.join('\n'),
      deny: (lists.deny ?? []).join('\n'),
      mode: lists.mode ?? 'enforce',
    },
  });
  if (refusals.length > 0) throw new TypeError(JSON.stringify(refusals));
  return { allowlist, trustDomains: ['cluster.local'] };
}

/** What the vectors' decisions are recorded for. */
export const onlyTrustedSleep = admissionOf({ allow: [trustedSleep] });
