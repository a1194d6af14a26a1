import { strict as assert } from 'node:assert';
import { loadRule } from '../../src/irule/load-rule.js';
import { svidRefusals } from '../../src/spiffe/svid-refusal.js';
import { RuleBench } from '../unit/irule/rule-bench.js';
import { Disagreement, fuzzRule } from './rule-fuzz.js';

/** The beginning of what `npm run fuzz` does with its own seed; some seconds. */
const seed = 1;
const runs = 3000;

/** There is a certificate always, and mutation makes few of them large. */
const notDrawn: ReadonlySet<string> = new Set(['no-certificate', 'too-large']);

describe('the rule and the TypeScript core', () => {
  let bench: RuleBench;
  before(async () => {
    bench = await RuleBench.start();
  });
  after(() => bench.close());

  it(`agree about ${runs} mutated certificates, seed ${seed}, and an independent parser confirms each admission that it can read`, async () => {
    const { outcomes, confirmed } = await fuzzRule(bench, { runs, seed });
    // Mutants that all fail in one place would prove little.
    const expected = ['allowed', 'denied', 'not-listed', 'trust-domain', ...svidRefusals];
    const unseen = expected.filter((outcome) => !outcomes.has(outcome) && !notDrawn.has(outcome));
    assert.deepEqual(unseen, []);
    assert.ok(confirmed * 2 > (outcomes.get('allowed') ?? 0), `${confirmed} confirmed`);
  });

  for (const [fault, from, to] of [
    ['takes the first of two URIs', 'if {[llength $uris] > 2} {', 'if {0} {'],
    ['reads DNS names as URIs', '134 { lappend', '134 - 130 { lappend'],
    ['admits by the beginning of a name', '._-]+)+\\Z} $id', '._-]+)+} $id'],
    ['fails where it must refuse', 'error "no-uri"', 'error $nothing'],
  ] as const) {
    it(`disagree when the rule ${fault}`, async () => {
      const text = await loadRule();
      assert.equal(text.split(from).length, 2);
      const faulty = bench.withRule(text.replace(from, () => to));
      await assert.rejects(() => fuzzRule(faulty, { runs, seed }), Disagreement);
    });
  }

  it('are given the same certificates by the same seed, others by another', async () => {
    const [one, same, other] = [
      await fuzzRule(bench, { runs: 300, seed: 5 }),
      await fuzzRule(bench, { runs: 300, seed: 5 }),
      await fuzzRule(bench, { runs: 300, seed: 6 }),
    ];
    assert.deepEqual(one, same);
    assert.notDeepEqual(one, other);
  });
});
