import { strict as assert } from 'node:assert';

import type { Allowlist } from '../../../src/allowlist/allowlist.js';
import { limitEntries, mostEntries } from '../../../src/reconcile/entry-limit.js';

function entries(count: number, prefix: string, key: 'allow' | 'deny' = 'allow'): Allowlist['allow'] {
  return Array.from({ length: count }, (_, index) => ({
    text: `spiffe://cluster.local/ns/a/sa/${prefix}${index}`,
    trustDomain: 'cluster.local',
    origin: { namespace: 'default', configMap: 'callers', key, line: index + 1 },
  }));
}

describe('the size of an allowlist', () => {
  it('may be what a data group holds', () => {
    const allowlist: Allowlist = { allow: entries(mostEntries, 'x'), deny: [], mode: 'enforce' };
    assert.deepEqual(limitEntries('echo', allowlist, undefined), { allowlist });
  });

  it('keeps callers that the device admits before those that are new, and never one that was removed', () => {
    const old = entries(3, 'z');
    const installed: Allowlist = { allow: [...old, ...entries(1, 'removed')], deny: [], mode: 'enforce' };
    const allow = [...entries(mostEntries, 'x'), ...old];
    const { allowlist, problem } = limitEntries('echo', { allow, deny: [], mode: 'enforce' }, installed);
    assert.equal(allowlist.allow.length, mostEntries);
    assert.deepEqual(allowlist.allow.slice(-3), old);
    assert.equal(
      allowlist.allow.some(({ text }) => text.includes('removed')),
      false,
    );
    assert.equal(problem?.code, 'MESH_ERR_ALLOWLIST_TOO_LARGE');
    assert.match(
      problem.message,
      /echo has 60003 allow entries, a data group holds 60000: 3 of them admit nobody/,
    );
  });

  it('closes a service whose deny entries do not fit', () => {
    const deny = entries(mostEntries + 1, 'x', 'deny');
    const { allowlist, problem } = limitEntries(
      'echo',
      { allow: entries(1, 'y'), deny, mode: 'audit' },
      undefined,
    );
    assert.deepEqual(
      [allowlist.allow.length, allowlist.deny.length, allowlist.mode],
      [0, mostEntries, 'enforce'],
    );
    assert.match(problem?.message ?? '', /nobody gets in/);
  });
});
