import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadRule } from '../../../src/irule/load-rule.js';
import { RuleInTcl } from '../../../src/explain/rule-in-tcl.js';
import { loadSvidVectors, svidVectorFolder, trustedSleep, vectorDer } from '../../support/svid-vectors.js';
import type { SvidVector } from '../../support/svid-vectors.js';
import { onlyTrustedSleep } from './allowlists.js';
import { textParsers } from './text-parsers.js';

type RecordedVector = SvidVector & { readonly naiveTextParsers: Readonly<Record<string, '0' | '1'>> };

const vectors = loadSvidVectors() as readonly RecordedVector[];
const releases = ['1.0.2s', '3.0.19'];

/** What `X509::extensions` would give; the device has words for no extensions. */
function renderedText({ name }: SvidVector, release: string): string {
  const file = join(svidVectorFolder, 'rendered', `openssl-${release}`, `${name}.txt`);
  return readFileSync(file, 'latin1') || '(no extensions)';
}

/** Certificates that do not carry the trusted ID as their one URI, or are no SVID, and must not pass for it. */
const impostors = vectors.filter(({ mustNotAuthorize }) => mustNotAuthorize.includes(trustedSleep));

describe('reading the ID from text that the device renders', () => {
  for (const [name, parse] of Object.entries(textParsers)) {
    for (const release of releases) {
      it(`finds the trusted ID by ${name} in the text of OpenSSL ${release} where it is recorded`, () => {
        const finds = (vector: RecordedVector): boolean =>
          parse(renderedText(vector, release)) === trustedSleep;
        const recorded = (vector: RecordedVector): boolean =>
          vector.naiveTextParsers[`${name}@${release}`] === '1';
        assert.deepEqual(
          vectors.filter(finds).map((vector) => vector.name),
          vectors.filter(recorded).map((vector) => vector.name),
        );
      });
    }

    it(`is fooled by impostors with ${name}, on every release`, () => {
      for (const release of releases) {
        const fooled = impostors.filter((vector) => parse(renderedText(vector, release)) === trustedSleep);
        assert.ok(fooled.length > 0, release);
      }
    });
  }

  it('has an impostor for every parser, and the rule admits none of them', async () => {
    const rule = await RuleInTcl.start({ ...onlyTrustedSleep, ruleText: await loadRule() });
    try {
      for (const vector of impostors) {
        const { decision, spiffeId } = await rule.judge(vectorDer(vector));
        assert.equal(decision, 'reject', vector.name);
        assert.notEqual(spiffeId, trustedSleep, vector.name);
      }
    } finally {
      await rule.close();
    }
  });

  it('misses good callers, too, and the rule misses none', async () => {
    const rule = await RuleInTcl.start({ ...onlyTrustedSleep, ruleText: await loadRule() });
    try {
      const good = vectors.filter((vector) => vector.decisionIfOnlyTrustedSleepIsAllowed === 'allow');
      assert.equal(good.length, 13);
      for (const vector of good)
        assert.equal((await rule.judge(vectorDer(vector))).decision, 'allow', vector.name);
      const missed = good.filter(
        (vector) => textParsers['fixed47']?.(renderedText(vector, '3.0.19')) !== trustedSleep,
      );
      assert.ok(missed.length > 0);
    } finally {
      await rule.close();
    }
  });
});
