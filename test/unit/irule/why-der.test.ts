import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../support/shared-data.js';
import { loadSvidVectors, svidVectorFolder, trustedSleep, vectorDer } from '../../support/svid-vectors.js';
import type { SvidVector } from '../../support/svid-vectors.js';
import { textParsers } from '../explain/text-parsers.js';
import { enforcing, RuleBench } from './rule-bench.js';

const page = readFileSync(join(repositoryRoot, 'docs', 'explanation', 'why-der.md'), 'utf8');
const vectors = loadSvidVectors();
const impostors = vectors.filter(({ mustNotAuthorize }) => mustNotAuthorize.includes(trustedSleep));
const good = vectors.filter(({ decisionIfOnlyTrustedSleepIsAllowed: decision }) => decision === 'allow');

/** The numbers behind the name of a method. */
function printedCounts(method: string): number[] {
  const row = page.split('\n').find((line) => line.startsWith(`| \`${method}\``));
  return row?.split('|').slice(2, -1).map(Number) ?? [];
}

function finds(method: string, release: string, { name }: SvidVector): boolean {
  const file = join(svidVectorFolder, 'rendered', `openssl-${release}`, `${name}.txt`);
  return textParsers[method]?.(readFileSync(file, 'latin1')) === trustedSleep;
}

describe('the page about DER', () => {
  it('counts the vectors that there are', () => {
    assert.match(
      page,
      new RegExp(`has ${vectors.length} certificates.*Of them ${impostors.length} must\\s`, 's'),
    );
    assert.match(page, new RegExp(`and ${good.length} must pass`));
  });

  for (const method of Object.keys(textParsers)) {
    it(`prints how often ${method} is wrong`, () => {
      const wrong = ['1.0.2s', '3.0.19'].map((release) => ({
        fooled: impostors.filter((vector) => finds(method, release, vector)).length,
        missed: good.filter((vector) => !finds(method, release, vector)).length,
      }));
      const counted = [...wrong.map(({ fooled }) => fooled), ...wrong.map(({ missed }) => missed)];
      assert.deepEqual(printedCounts(method), counted);
    });
  }

  it('prints that the rule is never wrong', async () => {
    const bench = await RuleBench.start();
    try {
      await bench.setGroups({ allow: [trustedSleep], deny: [], settings: enforcing });
      const admits = async (vector: SvidVector): Promise<boolean> =>
        (await bench.call({ certificates: [vectorDer(vector)] })).passes;
      let fooled = 0;
      let missed = 0;
      for (const vector of impostors) if (await admits(vector)) fooled += 1;
      for (const vector of good) if (!(await admits(vector))) missed += 1;
      assert.deepEqual(printedCounts('rule'), [fooled, fooled, missed, missed]);
    } finally {
      await bench.close();
    }
  });
});
