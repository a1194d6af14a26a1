import { strict as assert } from 'node:assert';

import { kinds } from '../../../src/kube/kinds.js';
import { parseListPage } from '../../../src/kube/object-list.js';

const metadata = { resourceVersion: '7' };

describe('the answer to a list', () => {
  it('has items that know their kind, whether it says so or not', () => {
    const body = { kind: 'ConfigMapList', metadata, items: [{ metadata: { name: 'a' } }] };
    assert.deepEqual(parseListPage(body, kinds.configMap), {
      items: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }],
      resourceVersion: '7',
      continue: '',
    });
  });

  it('goes on where it says so', () => {
    const body = { kind: 'ConfigMapList', metadata: { ...metadata, continue: 'x' }, items: [] };
    assert.equal(parseListPage(body, kinds.configMap)?.continue, 'x');
  });

  it('is empty when Go never filled it', () => {
    const body = { kind: 'ConfigMapList', metadata, items: null };
    assert.deepEqual(parseListPage(body, kinds.configMap)?.items, []);
  });

  for (const [what, body] of [
    ['it is nothing', null],
    ['it is of another kind', { kind: 'SecretList', metadata, items: [] }],
    ['it is one object', { kind: 'ConfigMap', metadata }],
    ['its items are missing', { kind: 'ConfigMapList', metadata }],
    ['its version is missing', { kind: 'ConfigMapList', items: [] }],
    ['an item has no name', { kind: 'ConfigMapList', metadata, items: [{ metadata: {} }] }],
    ['an item is none', { kind: 'ConfigMapList', metadata, items: ['a'] }],
  ] as const) {
    it(`is none when ${what}`, () => assert.equal(parseListPage(body, kinds.configMap), undefined));
  }
});
