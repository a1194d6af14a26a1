import { strict as assert } from 'node:assert';
import { certificateDer, keyUsage, san, uri } from '../../support/der.js';
import { trustedSleep } from '../../support/svid-vectors.js';
import { auditing, enforcing, reasonIn, rulePath } from './rule-bench.js';
import type { Caller, Groups, RuleBench } from './rule-bench.js';

/** One thing that the rule must do; `check` throws when it does not. */
export interface ConformanceCase {
  readonly name: string;
  readonly check: (bench: RuleBench) => Promise<void>;
}

export const untrusted = 'spiffe://cluster.local/ns/untrusted/sa/sleep';
export const onlySleep: Groups = { allow: [trustedSleep], deny: [], settings: enforcing };
export const goodUsage = keyUsage(true, 0xa0);
export const goodSan = san(true, uri(trustedSleep));

export const audit: Groups = { allow: [], deny: [untrusted], settings: auditing };

export const withExtensions = (...extensions: readonly Buffer[]): Buffer => certificateDer({ extensions });

/** A certificate that carries one ID and is otherwise as the mesh's CA makes it. */
export const certificateOf = (id: string): Buffer =>
  certificateDer({ extensions: [goodUsage, san(true, uri(id))] });

export function decides(
  name: string,
  caller: Caller,
  expected: string,
  groups: Groups = onlySleep,
): ConformanceCase {
  return {
    name,
    check: async (bench) => {
      await bench.setGroups(groups);
      const { passes, lines } = await bench.call(caller);
      assert.equal(passes ? 'passes' : (reasonIn(lines[0]) ?? 'an error'), expected);
    },
  };
}

export const judges = (name: string, certificate: Buffer, expected: string): ConformanceCase =>
  decides(name, { certificates: [certificate] }, expected);

export const says = (
  name: string,
  caller: Caller,
  groups: Groups,
  event: string,
  text: string,
): ConformanceCase => ({
  name,
  check: async (bench) => {
    await bench.setGroups(groups);
    assert.deepEqual((await bench.call(caller)).lines, [`Rule ${rulePath} <${event}>: ${text}`]);
  },
});

export const caller = (id: string): Caller => ({ certificates: [certificateOf(id)] });
