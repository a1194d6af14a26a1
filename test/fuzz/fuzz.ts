import { parseArgs } from 'node:util';
import { RuleBench } from '../unit/irule/rule-bench.js';
import { fuzzRule } from './rule-fuzz.js';

/*
 * `npm run fuzz -- --runs 100000 --seed 1`: the rule in Tcl against the TypeScript core and an independent parser. A
 * disagreement ends it with the certificate in hexadecimal, and with exit code 1.
 */

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
});
const runs = Number(values.runs);
const seed = Number(values.seed);
if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed)) {
  throw new RangeError('--runs takes a number above 0, --seed a whole number');
}

process.stdout.write(`${runs} mutated certificates, seed ${seed}\n`);
const startedAt = performance.now();
const bench = await RuleBench.start();
try {
  const { outcomes, confirmed } = await fuzzRule(bench, { runs, seed });
  for (const [outcome, count] of [...outcomes].toSorted(([, a], [, b]) => b - a)) {
    process.stdout.write(`${String(count).padStart(8)} ${outcome}\n`);
  }
  process.stdout.write(`${String(confirmed).padStart(8)} admissions confirmed by asn1js\n`);
  process.stdout.write(`no disagreement in ${((performance.now() - startedAt) / 1000).toFixed(0)} s\n`);
} finally {
  await bench.close();
}
