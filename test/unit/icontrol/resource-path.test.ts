import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { collectionPath, parseFullPath, resourcePath } from '../../../src/icontrol/resource-path.js';
import type { ResourceId } from '../../../src/icontrol/resource-path.js';

describe('resourcePath', () => {
  it('parts folders by tildes', () => {
    assert.equal(resourcePath('ltm/pool', { partition: 'Common', name: 'p' }), '/mgmt/tm/ltm/pool/~Common~p');
    assert.equal(
      resourcePath('ltm/pool', { partition: 'Common', subPath: 'app/inner', name: 'p' }),
      '/mgmt/tm/ltm/pool/~Common~app~inner~p',
    );
    assert.equal(resourcePath('auth/partition', { name: 'mesh' }), '/mgmt/tm/auth/partition/mesh');
    assert.equal(collectionPath('ltm/data-group/internal'), '/mgmt/tm/ltm/data-group/internal');
  });

  it('encodes the percent sign of a route domain, and leaves the colon of a port', () => {
    assert.equal(
      resourcePath('ltm/virtual-address', { partition: 'Common', name: '10.0.0.1%10' }),
      '/mgmt/tm/ltm/virtual-address/~Common~10.0.0.1%2510',
    );
    assert.match(resourcePath('ltm/node', { partition: 'Common', name: '10.0.0.1:80' }), /~10\.0\.0\.1:80$/);
  });

  it('refuses names that would end in another place', () => {
    for (const name of ['', 'a~b', 'a/b', 'a?b', 'a#b', 'a b', '../x']) {
      assert.throws(() => resourcePath('ltm/pool', { partition: 'mesh', name }), { code: 'MESH_ERR_BUG' });
    }
    assert.throws(() => resourcePath('ltm/pool', { partition: '', name: 'x' }), { code: 'MESH_ERR_BUG' });
  });
});

describe('parseFullPath', () => {
  it('reads partition, folders and name', () => {
    const word = fc.stringMatching(/^[a-z0-9_.%:-]{1,12}$/);
    const subPath = fc.array(word, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const plain = { noNullPrototype: true } as const;
    const id = fc.oneof(
      fc.record({ name: word }, plain),
      fc.record({ partition: word, name: word }, plain),
      fc.record({ partition: word, subPath, name: word }, plain),
    );
    fc.assert(
      fc.property(id, (value: ResourceId) => {
        const { partition, subPath, name } = value;
        const folders = partition === undefined ? [] : ['', partition, ...(subPath?.split('/') ?? [])];
        assert.deepEqual(parseFullPath([...folders, name].join('/')), value);
      }),
    );
  });
});
