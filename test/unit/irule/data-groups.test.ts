import { strict as assert } from 'node:assert';
import type { Allowlist, AllowlistEntry } from '../../../src/allowlist/allowlist.js';
import { renderDataGroups } from '../../../src/irule/data-groups.js';

const entry = (text: string, key: 'allow' | 'deny' = 'allow'): AllowlistEntry => ({
  text,
  trustDomain: 'cluster.local',
  origin: { namespace: 'default', configMap: 'echo-callers', key, line: 1 },
});

const allowlist: Allowlist = {
  allow: [
    entry('spiffe://cluster.local/ns/b/sa/*'),
    entry('spiffe://cluster.local/ns/a/sa/x'),
    entry('spiffe://cluster.local/ns/b/sa/*'),
    entry('spiffe://cluster.local/ns/B/sa/x'),
  ],
  deny: [entry('spiffe://cluster.local/ns/b/sa/retired', 'deny')],
  mode: 'enforce',
};

describe('renderDataGroups', () => {
  it('gives each entry once, in an order that does not depend on where it was written', () => {
    const { allow, deny } = renderDataGroups(allowlist, ['cluster.local']);
    assert.deepEqual(
      allow.map(({ name }) => name),
      [
        'spiffe://cluster.local/ns/B/sa/x',
        'spiffe://cluster.local/ns/a/sa/x',
        'spiffe://cluster.local/ns/b/sa/*',
      ],
    );
    assert.deepEqual(deny, [{ name: 'spiffe://cluster.local/ns/b/sa/retired', data: 'deny' }]);
    const reversed = { ...allowlist, allow: allowlist.allow.toReversed() };
    assert.deepEqual(renderDataGroups(reversed, ['cluster.local']).allow, allow);
  });

  it('writes mode and trust domains as settings', () => {
    const { settings } = renderDataGroups({ ...allowlist, mode: 'audit' }, [
      'old.example',
      'cluster.local',
      'old.example',
    ]);
    assert.deepEqual(settings, [
      { name: 'mode', data: 'audit' },
      { name: 'trust-domain/cluster.local', data: '1' },
      { name: 'trust-domain/old.example', data: '1' },
    ]);
  });

  it('writes how often live connections are checked, where that is asked for', () => {
    const { settings } = renderDataGroups(allowlist, [], { recheckSeconds: 30 });
    assert.deepEqual(settings, [
      { name: 'mode', data: 'enforce' },
      { name: 'recheck', data: '30' },
    ]);
  });

  for (const recheckSeconds of [0, -1, 1.5, 86_401, Number.NaN]) {
    it(`refuses ${recheckSeconds} seconds, which the rule would not take`, () => {
      assert.throws(() => renderDataGroups(allowlist, [], { recheckSeconds }), RangeError);
    });
  }
});
