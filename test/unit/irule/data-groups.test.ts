import { strict as assert } from 'node:assert';
import type { Allowlist, AllowlistEntry } from '../../../src/allowlist/allowlist.js';
import { renderDataGroups } from '../../../src/irule/data-groups.js';
import type { RootIdentifier } from '../../../src/pki/root-identifier.js';

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

  describe('while a root is to go', () => {
    const old: RootIdentifier = { keyId: 'aa', subject: '3001', publicKey: 'old' };
    const young: RootIdentifier = { keyId: 'bb', subject: '3002', publicKey: 'young' };
    const written = (
      ...roots: readonly [retiring: RootIdentifier[], staying: RootIdentifier[]]
    ): string[] => {
      const [retiring, staying] = roots;
      const { settings } = renderDataGroups(allowlist, [], { roots: { retiring, staying } });
      assert.ok(settings.every(({ name, data }) => name === 'mode' || data === '1'));
      return settings.map(({ name }) => name).slice(1);
    };

    it('says so, and names each root that stays by its key and by its name', () => {
      assert.deepEqual(written([old], [young]), ['retiring', 'root-dn/3002', 'root/bb']);
    });

    it('writes nothing when none is', () => assert.deepEqual(written([], [young]), []));

    it('leaves out what a root that is to go shares with one that stays', () => {
      assert.deepEqual(written([old], [{ ...young, subject: '3001' }]), ['retiring', 'root/bb']);
      assert.deepEqual(written([old], [{ ...young, keyId: 'aa' }]), ['retiring', 'root-dn/3002']);
      assert.deepEqual(written([old, { ...old, subject: '3002' }], [young]), ['retiring', 'root/bb']);
    });

    it('keeps what two certificates of one key share, because both issue alike', () => {
      assert.deepEqual(written([old], [{ ...old }]), ['retiring', 'root-dn/3001', 'root/aa']);
    });

    it('leaves out a key that is not named, a name that is too long, and one that nobody could read', () => {
      assert.deepEqual(written([old], [{ ...young, keyId: undefined }]), ['retiring', 'root-dn/3002']);
      assert.deepEqual(written([{ ...old, keyId: undefined }], [{ ...young, keyId: undefined }]), [
        'retiring',
        'root-dn/3002',
      ]);
      assert.deepEqual(written([old], [{ ...young, subject: '30'.repeat(1001) }]), ['retiring', 'root/bb']);
      assert.deepEqual(written([old], [{ ...young, keyId: undefined, subject: undefined }]), ['retiring']);
    });

    it('names no root that stays while it is not known how one that is to go is named', () => {
      assert.deepEqual(written([{ ...old, keyId: undefined, subject: undefined }], [young]), ['retiring']);
    });
  });

  for (const recheckSeconds of [0, -1, 1.5, 86_401, Number.NaN]) {
    it(`refuses ${recheckSeconds} seconds, which the rule would not take`, () => {
      assert.throws(() => renderDataGroups(allowlist, [], { recheckSeconds }), RangeError);
    });
  }
});
