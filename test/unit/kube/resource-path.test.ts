import { strict as assert } from 'node:assert';

import { kinds } from '../../../src/kube/kinds.js';
import { collectionPath, objectPath, queryString } from '../../../src/kube/resource-path.js';

describe('the path of a resource', () => {
  it('begins with /api for the core group and with /apis for others', () => {
    assert.equal(collectionPath(kinds.configMap, 'default'), '/api/v1/namespaces/default/configmaps');
    assert.equal(
      collectionPath(kinds.workloadEntry, 'default'),
      '/apis/networking.istio.io/v1/namespaces/default/workloadentries',
    );
  });

  it('is of all namespaces where none is named', () => {
    assert.equal(collectionPath(kinds.lease), '/apis/coordination.k8s.io/v1/leases');
  });

  it('ends with the object and its subresource', () => {
    const ref = { kind: kinds.workloadEntry, namespace: 'a', name: 'b' };
    assert.ok(objectPath(ref).endsWith('/namespaces/a/workloadentries/b'));
    assert.ok(objectPath(ref, 'status').endsWith('/namespaces/a/workloadentries/b/status'));
    assert.equal(objectPath({ kind: kinds.namespace, name: 'a' }), '/api/v1/namespaces/a');
  });

  for (const name of ['', '.', '..', 'a/b']) {
    it(`is refused for the name "${name}", which would lead elsewhere`, () => {
      const expected = { code: 'MESH_ERR_BUG' };
      assert.throws(() => objectPath({ kind: kinds.configMap, namespace: 'a', name }), expected);
      assert.throws(() => objectPath({ kind: kinds.configMap, namespace: name, name: 'a' }), expected);
    });
  }

  it('is refused where the scope is not that of the kind', () => {
    assert.throws(() => objectPath({ kind: kinds.configMap, name: 'a' }), { code: 'MESH_ERR_BUG' });
    const ref = { kind: kinds.namespace, namespace: 'a', name: 'b' };
    assert.throws(() => objectPath(ref), { code: 'MESH_ERR_BUG' });
  });

  it('escapes what is in names and queries', () => {
    const ref = { kind: kinds.configMap, namespace: 'a', name: 'b?c' };
    assert.ok(objectPath(ref).endsWith('/b%3Fc'));
    assert.equal(
      queryString({ labelSelector: 'a=b,c', limit: 5, none: undefined }),
      '?labelSelector=a%3Db%2Cc&limit=5',
    );
    assert.equal(queryString({}), '');
  });
});
