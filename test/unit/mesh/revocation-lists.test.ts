import { strict as assert } from 'node:assert';

import { kinds } from '../../../src/kube/kinds.js';
import { readPublishedRevocationLists } from '../../../src/mesh/revocation-lists.js';
import { startDouble } from '../../support/kube-api.js';
import type { TestKubeApi } from '../../support/kube-api.js';

describe('the CRLs that the mesh publishes', () => {
  let api: Awaited<ReturnType<typeof startDouble>>;
  let namespace: string;
  before(async () => {
    api = await startDouble();
  });
  after(() => api.close());
  beforeEach(async () => {
    namespace = await api.createNamespace();
  });

  const publish = ({ kube }: TestKubeApi, data: Readonly<Record<string, string>> | undefined) =>
    kube.create(kinds.configMap, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace, name: 'istio-ca-crl' },
      ...(data === undefined ? {} : { data }),
    });
  const read = () => readPublishedRevocationLists(api.kube, namespace);

  it('are none while there is no ConfigMap', async () => {
    assert.equal(await read(), undefined);
  });

  it('are the text under ca-crl.pem, as it is', async () => {
    await publish(api, { 'ca-crl.pem': 'a text\n' });
    const origin = `ConfigMap ${namespace}/istio-ca-crl, key ca-crl.pem`;
    assert.deepEqual(await read(), { origin, pem: 'a text\n' });
  });

  for (const data of [undefined, {}, { 'ca-crl.pem': '' }, { 'ca-crl.pem': ' \n' }, { other: 'x' }]) {
    it(`are empty, which is not the same, with ${JSON.stringify(data) ?? 'no data'}`, async () => {
      await publish(api, data);
      assert.equal((await read())?.pem, '');
    });
  }

  for (const code of [401, 403, 500, 503]) {
    it(`are unknown when the API server answers ${code}`, async () => {
      const recover = api.double.inject({ action: { kind: 'status', code } });
      await assert.rejects(read(), /./);
      recover();
    });
  }
});
