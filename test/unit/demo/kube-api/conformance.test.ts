import { strict as assert } from 'node:assert';

import type { KubeClient } from '../../../../src/kube/client.js';
import { kinds } from '../../../../src/kube/kinds.js';
import type { KubeKind, KubeObject, ObjectRef } from '../../../../src/kube/object.js';
import { startTestKubeApi } from '../../../support/kube-api.js';
import type { TestKubeApi } from '../../../support/kube-api.js';

const uidOf = (object: KubeObject | undefined): string => object?.metadata.uid ?? '';

const address = (object: KubeObject): unknown => (object['spec'] as { clusterIP?: string }).clusterIP;

/** What every Kubernetes API server does: holds for the double and for the real one alike. */
describe('a Kubernetes API server', () => {
  let api: TestKubeApi;
  let kube: KubeClient;
  let namespace: string;

  before(async () => {
    api = await startTestKubeApi();
    kube = api.kube;
  });
  after(() => api.close());
  beforeEach(async () => {
    namespace = await api.createNamespace();
  });

  const configMap = (name: string, data: Record<string, string>, labels = {}): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace, labels },
    data,
  });
  const refOf = (kind: KubeKind, name: string): ObjectRef => ({ kind, namespace, name });
  const names = async (labelSelector?: string, fieldSelector?: string): Promise<string[]> => {
    const { items } = await kube.list(kinds.configMap, { namespace, labelSelector, fieldSelector });
    return items.map((item) => item.metadata.name).filter((name) => name !== 'kube-root-ca.crt');
  };

  describe('storing objects', () => {
    it('gives a created object its identity', async () => {
      const created = await kube.create(kinds.configMap, configMap('a', { k: 'v' }));
      assert.match(created.metadata.uid ?? '', /^[-0-9a-f]{36}$/);
      assert.match(String(created.metadata['creationTimestamp']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.ok(Number(created.metadata.resourceVersion) > 0);
      assert.deepEqual(await kube.get(refOf(kinds.configMap, 'a')), created);
    });

    it('knows absent from present', async () => {
      assert.equal(await kube.get(refOf(kinds.configMap, 'nobody')), undefined);
      assert.equal(await kube.get({ kind: kinds.configMap, namespace: 'no-such', name: 'a' }), undefined);
    });

    it('creates no object twice', async () => {
      await kube.create(kinds.configMap, configMap('a', {}));
      await assert.rejects(kube.create(kinds.configMap, configMap('a', {})), {
        code: 'MESH_ERR_KUBE_EXISTS',
      });
    });

    it('wants the namespace to exist', async () => {
      const object = { ...configMap('a', {}), metadata: { name: 'a', namespace: 'no-such' } };
      for (const write of [kube.create(kinds.configMap, object), kube.apply(kinds.configMap, object)]) {
        await assert.rejects(write, {
          code: 'MESH_ERR_KUBE_NOT_FOUND',
          message: /namespaces "no-such" not found/,
        });
      }
    });

    it('refuses names and labels that are none', async () => {
      for (const object of [configMap('Under_score', {}), configMap('a', {}, { 'a b': 'c' })]) {
        await assert.rejects(kube.create(kinds.configMap, object), { code: 'MESH_ERR_KUBE_INVALID' });
      }
    });

    it('makes up a name from generateName', async () => {
      const object = { ...configMap('', {}), metadata: { generateName: 'made-', namespace } };
      const created = await kube.create(kinds.configMap, object as unknown as KubeObject);
      assert.match(created.metadata.name, /^made-.{5}$/);
    });

    it('gives a Service its cluster address and keeps it', async () => {
      const service = (port: number): KubeObject => ({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'echo', namespace },
        spec: { selector: { a: 'b' }, ports: [{ name: 'tcp', port }] },
      });
      const created = await kube.create(kinds.service, service(9000));
      assert.match(String(address(created)), /^10\.96\.\d+\.\d+$/);
      const spec = created['spec'] as { ports: unknown };
      assert.deepEqual(spec.ports, [{ name: 'tcp', port: 9000, protocol: 'TCP', targetPort: 9000 }]);
      const { resourceVersion } = created.metadata;
      const replaced = await kube.replace(kinds.service, {
        ...service(9001),
        metadata: { name: 'echo', namespace, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
      });
      assert.equal(address(replaced), address(created));
    });

    it('counts generations of what is neither metadata nor status', async () => {
      const first = await kube.apply(kinds.workloadEntry, workloadEntry('10.0.0.1'));
      const labelled = await kube.apply(kinds.workloadEntry, workloadEntry('10.0.0.1', { a: 'b' }));
      const moved = await kube.apply(kinds.workloadEntry, workloadEntry('10.0.0.2', { a: 'b' }));
      assert.deepEqual(
        [first, labelled, moved].map((object) => object.metadata.generation),
        [1, 1, 2],
      );
    });
  });

  const workloadEntry = (address: string, labels: Record<string, string> = {}): KubeObject => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadEntry',
    metadata: { name: 'we', namespace, labels },
    spec: { address },
  });

  describe('replacing and deleting', () => {
    it('lets only the one replace that read last', async () => {
      const created = await kube.create(kinds.configMap, configMap('a', { k: '1' }));
      await kube.replace(kinds.configMap, { ...created, data: { k: '2' } });
      await assert.rejects(kube.replace(kinds.configMap, { ...created, data: { k: '3' } }), {
        code: 'MESH_ERR_KUBE_CONFLICT',
        message: /the object has been modified/,
      });
      assert.deepEqual((await kube.get(refOf(kinds.configMap, 'a')))?.['data'], { k: '2' });
    });

    it('wants a version for a Lease and for custom resources', async () => {
      const lease = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: 'l', namespace },
      };
      await kube.create(kinds.lease, { ...lease, spec: { holderIdentity: 'a' } });
      await kube.create(kinds.workloadEntry, workloadEntry('10.0.0.1'));
      const blind = kube.replace(kinds.lease, { ...lease, spec: { holderIdentity: 'b' } });
      await assert.rejects(blind, {
        code: 'MESH_ERR_KUBE_INVALID',
        message: /must be specified for an update/,
      });
      const other = kube.replace(kinds.workloadEntry, workloadEntry('10.0.0.2'));
      await assert.rejects(other, { code: 'MESH_ERR_KUBE_INVALID' });
    });

    it('writes nothing when nothing changes', async () => {
      const created = await kube.create(kinds.configMap, configMap('a', { k: '1' }));
      const again = await kube.replace(kinds.configMap, created);
      assert.equal(again.metadata.resourceVersion, created.metadata.resourceVersion);
    });

    it('deletes the very object that is meant', async () => {
      const first = await kube.create(kinds.configMap, configMap('a', {}));
      assert.equal(await kube.delete(refOf(kinds.configMap, 'a'), { uid: uidOf(first) }), true);
      assert.equal(await kube.delete(refOf(kinds.configMap, 'a'), { uid: uidOf(first) }), false);
      await kube.create(kinds.configMap, configMap('a', {}));
      await assert.rejects(kube.delete(refOf(kinds.configMap, 'a'), { uid: uidOf(first) }), {
        code: 'MESH_ERR_KUBE_CONFLICT',
        message: /UID in precondition/,
      });
      assert.notEqual(await kube.get(refOf(kinds.configMap, 'a')), undefined);
    });

    it('deletes at the version that was read only', async () => {
      const created = await kube.create(kinds.configMap, configMap('a', { k: '1' }));
      await kube.replace(kinds.configMap, { ...created, data: { k: '2' } });
      const { resourceVersion = '' } = created.metadata;
      const removal = kube.delete(refOf(kinds.configMap, 'a'), { uid: uidOf(created), resourceVersion });
      await assert.rejects(removal, { code: 'MESH_ERR_KUBE_CONFLICT' });
    });

    it('keeps an object until its last finalizer is gone', async () => {
      const object = configMap('a', {});
      const metadata = { ...object.metadata, finalizers: ['example.com/hold'] };
      const created = await kube.create(kinds.configMap, { ...object, metadata });
      await kube.delete(refOf(kinds.configMap, 'a'), { uid: uidOf(created) });
      const held = await kube.get(refOf(kinds.configMap, 'a'));
      assert.ok(held);
      assert.equal(typeof held.metadata['deletionTimestamp'], 'string');
      await kube.replace(kinds.configMap, { ...held, metadata: { ...held.metadata, finalizers: [] } });
      assert.equal(await kube.get(refOf(kinds.configMap, 'a')), undefined);
    });
  });

  describe('listing', () => {
    it('selects by label', async () => {
      await kube.create(kinds.configMap, configMap('a', {}, { app: 'x', tier: 'one' }));
      await kube.create(kinds.configMap, configMap('b', {}, { app: 'y' }));
      await kube.create(kinds.configMap, configMap('c', {}));
      assert.deepEqual(await names('app=x'), ['a']);
      assert.deepEqual(await names('app'), ['a', 'b']);
      assert.deepEqual(await names('!app'), ['c']);
      assert.deepEqual(await names('app!=x'), ['b', 'c']);
      assert.deepEqual(await names('app in (x,y),tier'), ['a']);
      assert.deepEqual(await names('app notin (x, z)'), ['b', 'c']);
    });

    it('selects by name', async () => {
      await kube.create(kinds.configMap, configMap('a', {}));
      await kube.create(kinds.configMap, configMap('b', {}));
      assert.deepEqual(await names(undefined, 'metadata.name=b'), ['b']);
    });

    it('shows all namespaces where none is named', async () => {
      const other = await api.createNamespace();
      await kube.create(kinds.configMap, configMap('a', {}, { across: namespace }));
      const elsewhere = { name: 'a', namespace: other, labels: { across: namespace } };
      await kube.create(kinds.configMap, { ...configMap('a', {}), metadata: elsewhere });
      const { items } = await kube.list(kinds.configMap, { labelSelector: `across=${namespace}` });
      assert.deepEqual(new Set(items.map((item) => item.metadata.namespace)), new Set([namespace, other]));
    });

    it('tells the kind of every item, the version of the whole', async () => {
      await kube.create(kinds.configMap, configMap('a', {}));
      const { items, resourceVersion } = await kube.list(kinds.configMap, { namespace });
      assert.ok(items.every((item) => item.kind === 'ConfigMap' && item.apiVersion === 'v1'));
      assert.ok(Number(resourceVersion) > 0);
    });
  });
});
