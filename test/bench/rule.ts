import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadRule } from '../../src/irule/load-rule.js';
import type { Facts, RuleEngine } from '../../src/mock/tcl/rule-engine.js';
import { loadSvidVectors, svidVectorFolder, trustedSleep, vectorDer } from '../support/svid-vectors.js';
import { enforcing, RuleBench, rulePath } from '../unit/irule/rule-bench.js';
import { measureBareRule } from './bare-rule.js';
import { textMethodNames, textMethodsTcl } from './text-methods.js';

const leaf = 'v01_istio_ec_trusted_sleep';
const sizes = [10, 1000, 60_000] as const;
const rounds = 40;
const repetitions = 25;

/** What is measured, by its name; the fact `payload` chooses one. */
const subjects: Readonly<Record<string, string>> = {
  decision: 'call spf_decide',
  identity: 'call spf_identity $der',
  ...Object.fromEntries(textMethodNames.map((name) => [name, `call ${name} $text`] as const)),
};

const isText: ReadonlySet<string> = new Set(textMethodNames);

/** Runs one subject again and again inside of Tcl, so that no protocol is measured. */
const stopwatch = `
when CLIENT_DATA {
    set der [SSL::cert 0]
    set text [X509::subject $der]
    switch -exact -- [TCP::payload] {
${Object.entries(subjects)
  .map(
    ([name, command]) => `        ${name} {
            set left ${repetitions}
            set start [clock clicks]
            while {$left > 0} {
                set answer [${command}]
                set left [expr {$left - 1}]
            }
        }`,
  )
  .join('\n')}
    }
    log -noname local0. "[expr {[clock clicks] - $start}] $answer"
}
`;

export interface RuleRow {
  readonly what: string;
  readonly measured: string;
  readonly goal: string;
}

/**
 * What a decision costs in Tcl, with allowlists of several sizes and beside the ways that read text.
 *
 * Rounds of all subjects take turns, and the least of each counts: what else the machine does meanwhile falls on all
 * alike. Microseconds hold for one machine; ratios travel.
 */
export async function measureRule(): Promise<readonly RuleRow[]> {
  const bench = await RuleBench.start();
  try {
    const vector = loadSvidVectors().find(({ name }) => name === leaf);
    if (vector === undefined) throw new TypeError(`there is no vector ${leaf}`);
    const certificate = vectorDer(vector);
    await loadGroups(bench.engine);
    const measured = await measure(bench, certificate);
    return rowsOf(measured, measureBareRule(await loadRule(), certificate, trustedSleep));
  } finally {
    await bench.close();
  }
}

const virtualServer = (entries: number): string => `/mesh/echo_${entries}`;

/** A virtual server for each size, so that all are there at once. */
async function loadGroups(engine: RuleEngine): Promise<void> {
  await engine.setDataGroups(
    sizes.flatMap((entries) => {
      const others = Array.from(
        { length: entries - 1 },
        (_, index) => `spiffe://cluster.local/ns/n${index}/sa/s`,
      );
      const group = (suffix: string, records: ReadonlyArray<readonly [name: string, data: string]>) => ({
        fullPath: `${virtualServer(entries)}_${suffix}`,
        type: 'string' as const,
        records: records.map(([name, data]) => ({ name, data })),
      });
      return [
        group(
          'allow',
          [...others, trustedSleep].map((name) => [name, 'allow'] as const),
        ),
        group('deny', []),
        group('settings', Object.entries(enforcing)),
      ];
    }),
  );
}

/** Microseconds by subject; decisions by the size of their allowlist as well: `decision 10`. */
async function measure(bench: RuleBench, certificate: Buffer): Promise<ReadonlyMap<string, number>> {
  const text = [await loadRule(), textMethodsTcl, stopwatch].join('\n');
  const flow = await bench.engine.openFlow([await bench.engine.loadRule({ fullPath: rulePath, text })]);
  // The mock has no X509::extensions, because the product reads none; the text comes in another fact's place.
  const facts: Facts = {
    certificate_count: 1,
    'certificate.0': certificate,
    'x509.0.subject': readFileSync(join(svidVectorFolder, 'rendered', 'openssl-3.0.19', `${leaf}.txt`)),
    verify_result: 0,
  };
  const turns = Object.keys(subjects).flatMap((subject) =>
    subject === 'decision'
      ? sizes.map((entries) => ({ subject, entries, key: `decision ${entries}` }))
      : [{ subject, entries: sizes[0], key: subject }],
  );
  const least = new Map<string, number>();
  for (let round = 0; round < rounds; round += 1) {
    for (const { subject, entries, key } of turns) {
      const effects = await flow.run('CLIENT_DATA', {
        ...facts,
        virtual: virtualServer(entries),
        payload: subject,
      });
      for (const effect of effects) {
        if (effect.kind === 'error') throw new Error(`${subject}: ${effect.message}`);
        if (effect.kind !== 'log') continue;
        const [clicks = '', ...answer] = effect.text.split(' ');
        // A refusal would be measured as a cheap decision.
        if (!isText.has(subject) && !answer.includes(trustedSleep)) throw new Error(effect.text);
        least.set(key, Math.min(least.get(key) ?? Infinity, Number(clicks) / repetitions));
      }
    }
  }
  await flow.close();
  return least;
}

function rowsOf(
  measured: ReadonlyMap<string, number>,
  bare: ReturnType<typeof measureBareRule>,
): readonly RuleRow[] {
  const of = (key: string): number => measured.get(key) ?? Number.NaN;
  const microseconds = (value: number): string => `${value.toFixed(1)} us`;
  const growth = of('decision 60000') / of('decision 10');
  return [
    ...sizes.map((entries) => ({
      what: `rule, a decision with ${entries} entries, in the mock`,
      measured: microseconds(of(`decision ${entries}`)),
      goal: '-',
    })),
    {
      what: 'rule, 60000 entries against 10',
      measured: `${growth.toFixed(3)} times`,
      goal: 'the same within 10 %',
    },
    {
      what: 'rule, a decision by itself, in a bare tclsh',
      measured: microseconds(bare.decisionMicroseconds),
      goal: '-',
    },
    {
      what: 'rule, the ID from DER, in a bare tclsh',
      measured: microseconds(bare.identityMicroseconds),
      goal: '-',
    },
    { what: 'rule, the ID from DER, in the mock', measured: microseconds(of('identity')), goal: '-' },
    ...textMethodNames.map((name) => ({
      what: `rule, the ID from DER against ${name} of text`,
      measured: `${(of('identity') / of(name)).toFixed(1)} times (${microseconds(of(name))})`,
      goal: '-',
    })),
  ];
}
