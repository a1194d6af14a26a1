import { strict as assert } from 'node:assert';
import * as fc from 'fast-check';
import type { AllowlistEntry } from '../../../src/allowlist/allowlist.js';
import { decide } from '../../../src/allowlist/decide.js';
import { rejectionReasons } from '../../../src/allowlist/rejection-reason.js';
import { loadRule } from '../../../src/irule/load-rule.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { readSvidClaims } from '../../../src/spiffe/svid-claims.js';
import { loadSvidVectors, trustedSleep, vectorDer } from '../../support/svid-vectors.js';
import { anyCertificate } from './any-certificate.js';
import { enforcing, reasonIn, RuleBench, rulePath } from './rule-bench.js';
import { certificateOf } from './conformance-case.js';
import { conformanceCases } from './rule-conformance.js';

/** More for a long look: `FUZZ_RUNS=100000`. */
const fuzzRuns = Number(process.env['FUZZ_RUNS'] ?? 300);

describe('the rule', () => {
  let bench: RuleBench;
  before(async () => {
    bench = await RuleBench.start();
  });
  after(() => bench.close());

  for (const { name, check } of conformanceCases) it(name, () => check(bench));

  it('refuses every beginning of a good certificate', async () => {
    await bench.setGroups({ allow: [trustedSleep], deny: [], settings: enforcing });
    const good = certificateOf(trustedSleep);
    for (let length = 0; length < good.length; length += 1) {
      const { passes } = await bench.call({ certificates: [good.subarray(0, length)] });
      assert.equal(passes, false, `${length} of ${good.length} bytes`);
    }
  });

  it('gives an error that nobody foresaw a word of its own, without control characters', async () => {
    const head = 'proc spf_identity {der} {';
    const text = (await loadRule()).replace(head, `${head}\n    error "line\\nforged: \\x01"`);
    await bench.setGroups({ allow: [trustedSleep], deny: [], settings: enforcing });
    const { passes, lines } = await bench
      .withRule(text)
      .call({ certificates: [certificateOf(trustedSleep)] });
    assert.equal(passes, false);
    const said = 'rejecting: - (internal-error) line.forged: .';
    assert.deepEqual(lines, [`Rule ${rulePath} <CLIENTSSL_CLIENTCERT>: ${said}`]);
  });

  it('has a word for each reason that the rest of the product knows, and no other', async () => {
    const listed =
      /lsearch -exact \{([^}]*)\}/
        .exec(await loadRule())?.[1]
        ?.trim()
        .split(/\s+/) ?? [];
    assert.deepEqual([...listed, 'internal-error'].toSorted(), [...rejectionReasons].toSorted());
  });

  describe('agrees with the TypeScript that explains it', () => {
    async function compare(certificate: Buffer): Promise<void> {
      const claims = readSvidClaims(certificate);
      const { passes, lines } = await bench.call({ certificates: [certificate] });
      assert.equal(passes, claims.ok && claims.spiffeId.text === trustedSleep);
      // Of two faults in one certificate, the rule and its twin may meet another one first.
      const shape = new Set(['malformed', 'too-large']);
      const reason = reasonIn(lines[0]) ?? '';
      if (!claims.ok && !(shape.has(claims.reason) && shape.has(reason))) assert.equal(reason, claims.reason);
    }

    beforeEach(() => bench.setGroups({ allow: [trustedSleep], deny: [], settings: enforcing }));

    it('about the published vectors', async () => {
      for (const vector of loadSvidVectors()) await compare(vectorDer(vector));
    });

    it('about certificates of any build', async () => {
      await fc.assert(fc.asyncProperty(anyCertificate, compare), { numRuns: fuzzRuns });
    });

    it('about published vectors with changed bytes', async () => {
      const edit = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) });
      const edited = fc
        .tuple(
          fc.constantFrom(...loadSvidVectors().map(vectorDer)),
          fc.array(edit, { minLength: 1, maxLength: 3 }),
        )
        .map(([seed, edits]) => {
          const changed = Buffer.from(seed);
          for (const { at, byte } of edits) changed[at % changed.length] = byte;
          return changed;
        });
      await fc.assert(fc.asyncProperty(edited, compare), { numRuns: fuzzRuns });
    });

    const segment = fc.constantFrom('a', 'b', 'ns', 'sa', '*');
    const path = fc.oneof(
      fc.tuple(segment, segment).map(([ns, sa]) => `/ns/${ns}/sa/${sa}`),
      fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => `/${segments.join('/')}`),
      segment.map((ns) => `/ns/${ns}`),
    );
    const text = fc
      .tuple(fc.constantFrom('td', 'td2'), path)
      .map(([domain, rest]) => `spiffe://${domain}${rest}`);

    it('about allowlists', async () => {
      const entries = (texts: readonly string[]): AllowlistEntry[] =>
        texts.map((entry) => ({
          text: entry,
          trustDomain: entry.split('/')[2] ?? '',
          origin: { namespace: 'n', configMap: 'c', key: 'allow', line: 1 },
        }));
      const id = text.filter((candidate) => !candidate.includes('*'));
      const list = fc.array(text, { maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(list, fc.array(text, { maxLength: 2 }), id, async (allow, deny, caller) => {
          const parsed = parseSpiffeId(caller);
          assert.ok(parsed.ok);
          const expected = decide({ allow: entries(allow), deny: entries(deny) }, ['td'], parsed.value);
          await bench.setGroups({ allow, deny, settings: { mode: 'enforce', 'trust-domain/td': '1' } });
          const { passes, lines } = await bench.call({ certificates: [certificateOf(caller)] });
          assert.equal(passes, expected.decision === 'allow');
          assert.equal(reasonIn(lines[0]) ?? 'allowed', expected.reason);
        }),
        { numRuns: Math.max(150, fuzzRuns / 2) },
      );
    });
  });
});
