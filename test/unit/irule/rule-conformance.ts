import { strict as assert } from 'node:assert';
import { loadSvidVectors, vectorDer } from '../../support/svid-vectors.js';
import { auditCases, listCases } from './allowlist-conformance.js';
import { certificateCases } from './certificate-conformance.js';
import { onlySleep } from './conformance-case.js';
import type { ConformanceCase } from './conformance-case.js';
import { connectionCases, recheckCases } from './connection-conformance.js';
import { countersCases } from './counters-conformance.js';
import { reportCases } from './report-conformance.js';

const vectorCases = loadSvidVectors()
  // Time and chain are the TLS stack's part.
  .filter(({ enforcement, category }) => enforcement === 'must' && !['time', 'chain'].includes(category))
  .map((vector): ConformanceCase => ({
    name: `${vector.decisionIfOnlyTrustedSleepIsAllowed}s the vector ${vector.name}`,
    check: async (bench) => {
      await bench.setGroups(onlySleep);
      const { passes, lines } = await bench.call({ certificates: [vectorDer(vector)] });
      assert.equal(passes, vector.decisionIfOnlyTrustedSleepIsAllowed === 'allow');
      const named = /: (spiffe:\/\/\S+?)(?: \(|$)/.exec(lines[0] ?? '')?.[1];
      if (named !== undefined && !named.includes('...('))
        assert.ok(vector.expectedSpiffeIds.includes(named), named);
      assert.match(lines.join('\n'), /^[ -~]+$/);
    },
  }));

/** Everything that the rule must do, as far as single callers show it. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...certificateCases,
  ...listCases,
  ...auditCases,
  ...connectionCases,
  ...recheckCases,
  ...reportCases,
  ...countersCases,
  ...vectorCases,
];
