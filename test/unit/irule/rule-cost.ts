import { trustedSleep } from '../../support/svid-vectors.js';
import { enforcing, RuleBench, rulePath, virtualServer } from './rule-bench.js';
import { certificateOf } from './rule-conformance.js';

const repetitions = 500;

/** Calls the rule's decision again and again, inside of Tcl, so that only the rule is measured. */
const stopwatch = `
when CLIENT_DATA {
    set left ${repetitions}
    set start [clock clicks]
    while {$left > 0} {
        call ${rulePath}::spf_decide
        incr left -1
    }
    log -noname local0. [expr {[clock clicks] - $start}]
}
`;

/**
 * What one decision takes in Tcl, certificate and look-ups included, with an allowlist of so many entries.
 *
 * Look-ups are by hash, so the numbers for 10 and 60,000 entries differ by noise only.
 *
 * @returns microseconds, the least of several rounds.
 */
export async function measureDecision(bench: RuleBench, entries: number): Promise<number> {
  const others = Array.from(
    { length: entries - 1 },
    (_, index) => `spiffe://cluster.local/ns/n${index}/sa/s`,
  );
  await bench.setGroups({ allow: [...others, trustedSleep], deny: [], settings: enforcing });
  const { engine } = bench;
  await (await bench.openFlow()).close();
  const flow = await engine.openFlow([
    await engine.loadRule({ fullPath: '/mesh/stopwatch', text: stopwatch }),
  ]);
  const rounds: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    const facts = {
      virtual: virtualServer,
      certificate_count: 1,
      'certificate.0': certificateOf(trustedSleep),
      verify_result: 0,
    };
    for (const effect of await flow.run('CLIENT_DATA', facts)) {
      if (effect.kind === 'error') throw new Error(effect.message);
      if (effect.kind === 'log') rounds.push(Number(effect.text) / repetitions);
    }
  }
  await flow.close();
  return Math.min(...rounds);
}
