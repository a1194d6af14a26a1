import { strict as assert } from 'node:assert';
import { inspect } from 'node:util';

import { configMapData, secretData } from '../../../src/kube/object-data.js';
import { renderLabelSelector } from '../../../src/kube/label-selector.js';

const metadata = { name: 'a', namespace: 'n' };

const secret = (data: unknown): Parameters<typeof secretData>[0] => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata,
  data,
});

describe('the data of a Secret', () => {
  it('is decoded and cannot be printed', () => {
    const data = secretData(secret({ password: 'aHVudGVyMg==' }));
    assert.equal(data.get('password')?.reveal().toString(), 'hunter2');
    assert.ok(!inspect(data, { depth: 9 }).includes('hunter2'));
    assert.equal(JSON.stringify([...data]), '[["password","[redacted]"]]');
  });

  it('is empty where there is none', () => assert.equal(secretData(secret(undefined)).size, 0));

  it('is refused when it is not base64, without showing it', () => {
    assert.throws(() => secretData(secret({ password: 'hunter2!' })), {
      code: 'MESH_ERR_KUBE_INVALID',
      message: 'secrets n/a: key password is not base64',
    });
  });
});

describe('the data of a ConfigMap', () => {
  it('is its text by key', () => {
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      data: { k: 'v' },
      binaryData: { b: 'AA==' },
    };
    assert.deepEqual([...configMapData(object)], [['k', 'v']]);
  });
});

describe('a label selector', () => {
  it('wants every label', () => {
    assert.equal(renderLabelSelector({ b: '2', 'example.com/a': '1' }), 'b=2,example.com/a=1');
  });
});
