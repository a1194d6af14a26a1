import type { Proof } from '../proof/proof.js';
import type { Output } from './output.js';

/** The proof as a table: who called, what should happen, what was seen; and what was not tried. */
export function printProof(output: Output, proof: Proof): void {
  for (const check of proof.checks) {
    const mark = check.passed ? output.style('green', 'ok  ') : output.style('red', 'FAIL');
    output.line(`${mark} ${check.name.padEnd(14)} ${check.expected.padEnd(12)} ${check.caller}`);
    output.line(`       ${output.style('dim', check.seen)}`);
  }
  for (const { name, reason } of proof.unproven) {
    output.line(`${output.style('yellow', '--  ')} ${name.padEnd(14)} not proven: ${reason}`);
  }
}
