import { strict as assert } from 'node:assert';

import * as fc from 'fast-check';

import { decide } from '../../../src/allowlist/decide.js';
import type { Allowlist } from '../../../src/allowlist/allowlist.js';
import { heldAllowlist, holdConfigMap } from '../../../src/controller/held-config-map.js';
import type { HeldConfigMap } from '../../../src/controller/held-config-map.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';

const id = (serviceAccount: string): string => `spiffe://cluster.local/ns/batch/sa/${serviceAccount}`;
const everybody = 'spiffe://cluster.local/ns/batch/sa/*';

function configMap(data: Readonly<Record<string, string>>, name = 'callers'): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', uid: name }, data };
}

/** What is held after these contents, one after the other. */
function after(...contents: Array<Readonly<Record<string, string>>>): HeldConfigMap {
  let held: HeldConfigMap | undefined;
  for (const data of contents) held = holdConfigMap('default', configMap(data), held);
  assert.ok(held !== undefined);
  return held;
}

function admits(allowlist: Allowlist, serviceAccount: string): boolean {
  const caller = parseSpiffeId(id(serviceAccount));
  assert.ok(caller.ok);
  return decide(allowlist, ['cluster.local'], caller.value).decision === 'allow';
}

describe('a held allowlist ConfigMap', () => {
  it('sets a bad allow line aside, and the other lines apply', () => {
    const held = after({ allow: `${id('a')}\nnonsense\n${id('b')}` });
    const allowlist = heldAllowlist([held], undefined);
    assert.deepEqual(
      allowlist.allow.map(({ text }) => text),
      [id('a'), id('b')],
    );
    assert.deepEqual(
      held.refusals.map(({ key, line }) => [key, line]),
      [['allow', 2]],
    );
    assert.equal(held.isDenyKept, false);
  });

  it('applies a deletion of deny lines at once, however many', () => {
    const held = after({ allow: everybody, deny: `${id('a')}\n${id('b')}` }, { allow: everybody });
    assert.ok(admits(heldAllowlist([held], undefined), 'a'));
  });

  it('re-admits nobody by a deny line that became unreadable', () => {
    const held = after(
      { allow: everybody, deny: `${id('a')}\n${id('b')}` },
      { allow: everybody, deny: `${id('a')}!\n${id('c')}` },
    );
    const allowlist = heldAllowlist([held], undefined);
    for (const caller of ['a', 'b', 'c']) assert.ok(!admits(allowlist, caller), caller);
    assert.ok(admits(allowlist, 'd'));
  });

  it('re-admits nobody whom a list with a bad line denied, by the next bad line', () => {
    const held = after(
      { allow: everybody },
      { allow: everybody, deny: `${id('a')}\nb!` },
      { allow: everybody, deny: `${id('a')}!\nb!` },
    );
    assert.ok(!admits(heldAllowlist([held], undefined), 'a'));
  });

  it('lets go of what it kept as soon as every deny line can be read', () => {
    const held = after(
      { allow: everybody, deny: id('a') },
      { deny: 'a!' },
      { allow: everybody, deny: id('b') },
    );
    const allowlist = heldAllowlist([held], undefined);
    assert.ok(admits(allowlist, 'a'));
    assert.ok(!admits(allowlist, 'b'));
  });

  for (const key of ['denny', 'Deny', 'den']) {
    it(`takes the key ${key} for a deny list that cannot be read`, () => {
      const held = after({ allow: everybody, deny: id('a') }, { allow: everybody, [key]: id('a') });
      assert.ok(!admits(heldAllowlist([held], undefined), 'a'));
    });
  }

  it('takes other keys for what they are', () => {
    const held = after(
      { allow: everybody, deny: id('a') },
      { allow: everybody, readme: 'text', mode: 'odit' },
    );
    assert.equal(held.refusals.length, 2);
    assert.ok(admits(heldAllowlist([held], undefined), 'a'));
  });

  it('takes a repeated line for no harm', () => {
    const held = after(
      { allow: everybody, deny: id('a') },
      { allow: everybody, deny: `${id('b')}\n${id('b')}` },
    );
    assert.equal(held.refusals.length, 0);
    assert.ok(admits(heldAllowlist([held], undefined), 'a'));
  });

  it('asks the device what was denied when it never saw the list whole', () => {
    const held = after({ allow: everybody, deny: `${id('a')}!` });
    const installed = heldAllowlist([after({ deny: id('a') })], undefined);
    assert.ok(admits(heldAllowlist([held], undefined), 'a'));
    assert.ok(!admits(heldAllowlist([held], installed), 'a'));
  });

  it('does not ask the device when every line can be read', () => {
    const installed = heldAllowlist([after({ deny: id('a') })], undefined);
    assert.ok(admits(heldAllowlist([after({ allow: everybody })], installed), 'a'));
  });

  it('keeps the deny entries of before while the allow list is no text, for what it said before left them out', () => {
    const binary = { ...configMap({ deny: '' }), binaryData: { allow: '/w==' } };
    const before = after({ allow: everybody, deny: id('a') });
    const held = holdConfigMap('default', binary, before);
    assert.ok(!admits(heldAllowlist([held], undefined), 'a'));
    assert.ok(admits(heldAllowlist([held], undefined), 'b'));
    const restarted = holdConfigMap('default', binary, undefined);
    assert.ok(!admits(heldAllowlist([restarted], heldAllowlist([before], undefined)), 'a'));
    const mended = holdConfigMap('default', configMap({ allow: everybody }), held);
    assert.ok(admits(heldAllowlist([mended], undefined), 'a'));
  });

  it('keeps the deny entries of the one ConfigMap that is at fault, and not those of others', () => {
    const faulty = after({ deny: id('a') }, { deny: 'a!' });
    const other = holdConfigMap(
      'default',
      configMap({ allow: everybody, deny: id('b') }, 'other'),
      undefined,
    );
    const edited = holdConfigMap('default', configMap({ allow: everybody }, 'other'), other);
    const allowlist = heldAllowlist([faulty, edited], undefined);
    assert.ok(!admits(allowlist, 'a'));
    assert.ok(admits(allowlist, 'b'));
  });

  it('admits, after whatever edits, nobody who was denied since the deny list could last be read whole', () => {
    const account = fc.constantFrom('a', 'b', 'c', 'd');
    const line = fc.oneof(
      account.map(id),
      account.map((name) => `${id(name)}!`),
      fc.constant('# nothing'),
    );
    const lines = fc.array(line, { maxLength: 4 }).map((all) => all.join('\n'));
    fc.assert(
      fc.property(fc.array(fc.record({ allow: lines, deny: lines }), { minLength: 1 }), (contents) => {
        let denied: readonly string[] = [];
        let held: HeldConfigMap | undefined;
        for (const data of contents) {
          held = holdConfigMap('default', configMap(data), held);
          const entries = data.deny.split('\n').filter((text) => text.startsWith('spiffe'));
          const good = entries.filter((text) => !text.endsWith('!'));
          denied = good.length === entries.length ? good : [...denied, ...good];
          const allowlist = heldAllowlist([held], undefined);
          for (const name of ['a', 'b', 'c', 'd']) {
            const isAllowed = data.allow.split('\n').includes(id(name));
            assert.equal(admits(allowlist, name), isAllowed && !denied.includes(id(name)));
          }
        }
      }),
    );
  });
});
