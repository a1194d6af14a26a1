import { strict as assert } from 'node:assert';

import { kinds } from '../../../src/kube/kinds.js';
import {
  findMeshFacts,
  parseMeshConfig,
  readMeshFacts,
  readPublishedRoots,
} from '../../../src/mesh/mesh-facts.js';
import { startDouble } from '../../support/kube-api.js';

type Api = Awaited<ReturnType<typeof startDouble>>;

const defaults = { trustDomain: 'cluster.local', trustDomainAliases: [], rootNamespace: 'istio-system' };

describe('the mesh configuration', () => {
  it('gives the facts that it states', () => {
    const text = [
      'accessLogFile: /dev/stdout',
      'trustDomain: example.org',
      'trustDomainAliases: [old.example.org, cluster.local]',
      'rootNamespace: istio-config',
    ].join('\n');
    assert.deepEqual(parseMeshConfig(text), {
      ok: true,
      value: {
        trustDomain: 'example.org',
        trustDomainAliases: ['old.example.org', 'cluster.local'],
        rootNamespace: 'istio-config',
      },
    });
  });

  it('has defaults for what it leaves out', () => {
    for (const text of ['accessLogFile: x', 'trustDomain: ""', 'trustDomain:', '# nothing']) {
      assert.deepEqual(parseMeshConfig(text), { ok: true, value: defaults });
    }
  });

  for (const [text, reason] of [
    ['a: b\nc: [', 'line 2 is not YAML'],
    ['- a', 'it is not a mapping'],
    ['trustDomain: 7', 'trustDomain is not text'],
    ['rootNamespace: [a]', 'rootNamespace is not text'],
    ['trustDomainAliases: a', 'trustDomainAliases is not a list of texts'],
    ['trustDomainAliases: [1]', 'trustDomainAliases is not a list of texts'],
  ] as const) {
    it(`is refused when ${reason}`, () => assert.deepEqual(parseMeshConfig(text), { ok: false, reason }));
  }
});

describe('reading the mesh facts', () => {
  let api: Api;
  let namespace: string;

  before(async () => {
    api = await startDouble();
  });
  after(() => api.close());
  beforeEach(async () => {
    namespace = await api.createNamespace();
  });

  const create = (name: string, data: Record<string, string>): Promise<unknown> =>
    api.kube.create(kinds.configMap, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace },
      data,
    });
  const pem = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n';

  it('finds them in the ConfigMap istio', async () => {
    await create('istio', { mesh: 'trustDomain: example.org' });
    assert.equal((await readMeshFacts(api.kube, namespace)).trustDomain, 'example.org');
  });

  it('finds the roots that istiod publishes, and says where', async () => {
    await create('istio-ca-root-cert', { 'root-cert.pem': pem });
    assert.deepEqual(await readPublishedRoots(api.kube, namespace), {
      origin: `ConfigMap ${namespace}/istio-ca-root-cert`,
      pem,
    });
  });

  it('knows absent ConfigMaps', async () => {
    assert.equal(await findMeshFacts(api.kube, namespace), undefined);
    assert.equal(await readPublishedRoots(api.kube, namespace), undefined);
    await assert.rejects(readMeshFacts(api.kube, namespace), {
      code: 'MESH_ERR_MESH_FACTS',
      message: /no Istio control plane/,
    });
  });

  it('does not take an emptied ConfigMap for an absent one', async () => {
    await create('istio', { meshNetworks: 'networks: {}' });
    await create('istio-ca-root-cert', { 'root-cert.pem': '\n' });
    const expected = { code: 'MESH_ERR_MESH_FACTS' };
    await assert.rejects(findMeshFacts(api.kube, namespace), expected);
    await assert.rejects(readPublishedRoots(api.kube, namespace), expected);
  });

  it('does not take an unreadable ConfigMap for an absent one', async () => {
    for (const [code, expected] of [
      [403, 'MESH_ERR_KUBE_FORBIDDEN'],
      [404, 'MESH_ERR_KUBE_NOT_SERVED'],
      [500, 'MESH_ERR_KUBE_UNREACHABLE'],
    ] as const) {
      const heal = api.double.inject({ action: { kind: 'status', code } });
      await assert.rejects(findMeshFacts(api.kube, namespace), { code: expected });
      await assert.rejects(readPublishedRoots(api.kube, namespace), { code: expected });
      heal();
    }
  });
});
