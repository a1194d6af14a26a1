import * as fc from 'fast-check';
import type { AllowlistEntry } from '../../src/allowlist/allowlist.js';
import { decide } from '../../src/allowlist/decide.js';
import { readSvidClaims } from '../../src/spiffe/svid-claims.js';
import { trustedSleep } from '../support/svid-vectors.js';
import { enforcing, reasonIn } from '../unit/irule/rule-bench.js';
import type { Outcome, RuleBench } from '../unit/irule/rule-bench.js';
import { readUris } from './independent-uris.js';
import { mutatedCertificate } from './mutated-certificate.js';

const trustDomain = 'cluster.local';
const allow = [trustedSleep, 'spiffe://cluster.local/ns/batch/sa/*'];
const deny = ['spiffe://cluster.local/ns/batch/sa/retired'];

/** The same allowlist a third time, in words that neither engine shares. */
function isListed(uri: string): boolean {
  return (
    uri === trustedSleep ||
    (/^spiffe:\/\/cluster\.local\/ns\/batch\/sa\/[\w.-]+$/.test(uri) && uri !== deny[0])
  );
}

interface FuzzOptions {
  /** The same seed gives the same certificates in the same order. */
  readonly seed: number;
  readonly runs: number;
}

interface FuzzTally {
  /** How often each outcome came up: `allowed`, or the reason of a rejection. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** How many of the admitted certificates the independent parser could read. */
  readonly confirmed: number;
}

/** A certificate about which somebody is wrong. */
export class Disagreement extends Error {
  override readonly name = 'Disagreement';
}

// So many go to Tcl at once that neither side waits for the other.
const atOnce = 16;
/** Certificates are made and forgotten in portions, each with a seed of its own. */
const portion = 500;

/**
 * Puts mutated certificates to the rule in Tcl and to the TypeScript core.
 *
 * @throws Disagreement when they differ, when the rule meets an error that it did not foresee, or when it admits a
 *   certificate whose one URI, as an independent parser reads it, is not on the list.
 */
export async function fuzzRule(bench: RuleBench, { seed, runs }: FuzzOptions): Promise<FuzzTally> {
  // So the rule looks at where the chain leads, too, whatever comes behind the leaf.
  await bench.setGroups({ allow, deny, settings: { ...enforcing, retiring: '1' } });
  const outcomes = new Map<string, number>();
  let confirmed = 0;
  for (let done = 0; done < runs; done += portion) {
    const count = Math.min(portion, runs - done);
    // A portion is drawn whole, so that fewer runs are a beginning of more.
    const certificates = fc
      .sample(mutatedCertificate, { seed: seed + done, numRuns: portion })
      .slice(0, count);
    for (let start = 0; start < count; start += atOnce) {
      const group = certificates.slice(start, start + atOnce);
      const results = await Promise.all(
        group.map((certificate) => bench.call({ certificates: [certificate, certificate] })),
      );
      for (const [index, certificate] of group.entries()) {
        const outcome = results[index];
        if (outcome === undefined) throw new TypeError('an answer for each certificate');
        const where = `seed ${seed}, certificate ${done + start + index}: ${certificate.toString('hex')}`;
        const said = judge(certificate, outcome, where);
        outcomes.set(said, (outcomes.get(said) ?? 0) + 1);
        if (said === 'allowed' && readUris(certificate) !== undefined) confirmed += 1;
      }
    }
  }
  return { outcomes, confirmed };
}

function judge(certificate: Buffer, outcome: Outcome, where: string): string {
  const { passes, lines, effects } = outcome;
  const fail = (text: string): never => {
    throw new Disagreement(`${text}; ${where}`);
  };
  const error = effects.find(({ kind }) => kind === 'error');
  if (error !== undefined) return fail(`the rule failed: ${JSON.stringify(error)}`);
  const [line = ''] = lines;
  if (lines.length !== 1 || !/^[ -~]{1,1024}$/.test(line))
    return fail(`the rule logs ${JSON.stringify(lines)}`);
  const reason = reasonIn(line);
  if (passes !== (reason === undefined)) return fail(`the rule does not do what it logs, ${line}`);
  if (reason === 'internal-error') return fail(`the rule did not foresee ${line}`);

  const core = decideInCore(certificate);
  const said = reason ?? 'allowed';
  if (said !== core && !(isShape(said) && isShape(core))) return fail(`rule ${said}, core ${core}`);
  if (passes) {
    const uris = readUris(certificate);
    if (uris !== undefined && (uris.length !== 1 || !uris.every(isListed)))
      return fail(`admitted with ${JSON.stringify(uris)}`);
  }
  return said;
}

/** Of two faults in one certificate, the engines may meet another one of these first. */
const isShape = (reason: string): boolean => reason === 'malformed' || reason === 'too-large';

function entries(texts: readonly string[], key: 'allow' | 'deny'): AllowlistEntry[] {
  return texts.map((text, index) => ({
    text,
    trustDomain,
    origin: { namespace: 'fuzz', configMap: 'callers', key, line: index + 1 },
  }));
}
const lists = { allow: entries(allow, 'allow'), deny: entries(deny, 'deny') };

function decideInCore(certificate: Buffer): string {
  const claims = readSvidClaims(certificate);
  return claims.ok ? decide(lists, [trustDomain], claims.spiffeId).reason : claims.reason;
}
