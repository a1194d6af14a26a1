import type { Proof } from '../proof/proof.js';
import type { Output } from './output.js';
import { alignColumns } from './table.js';

/** The proof as a table: who called, what should happen, what was seen; and what was not tried. */
export function printProof(output: Output, { checks, unproven }: Proof): void {
  const rows = [
    ['', 'CALLER', 'EXPECTED', 'SEEN'],
    ...checks.map(({ passed, name, expected, seen }) => [
      passed ? output.style('green', 'ok') : output.style('red', 'FAIL'),
      name,
      expected,
      seen,
    ]),
    ...unproven.map(({ name, reason }) => [output.style('yellow', '--'), name, 'not proven', reason]),
  ];
  for (const line of alignColumns(rows)) output.line(line);
  output.line();
  for (const { name, caller } of checks) output.line(output.style('dim', `${name}: ${caller}`));
}
