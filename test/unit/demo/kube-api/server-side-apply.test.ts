import { strict as assert } from 'node:assert';

import type { KubeClient } from '../../../../src/kube/client.js';
import { kinds } from '../../../../src/kube/kinds.js';
import type { KubeObject } from '../../../../src/kube/object.js';
import { startTestKubeApi } from '../../../support/kube-api.js';
import type { TestKubeApi } from '../../../support/kube-api.js';

interface ManagedField {
  readonly manager: string;
  readonly operation: string;
  readonly subresource?: string;
  readonly fieldsV1: Record<string, unknown>;
}

const managers = (object: KubeObject): ManagedField[] =>
  (object.metadata['managedFields'] ?? []) as ManagedField[];

const owned = (object: KubeObject, operation: string): Record<string, unknown> | undefined =>
  managers(object).find((entry) => entry.manager === 'bigip-mesh-agent' && entry.operation === operation)
    ?.fieldsV1;

const specOf = (object: KubeObject): { ports?: unknown[]; selector?: unknown } =>
  object['spec'] as { ports?: unknown[]; selector?: unknown };

/** Server-side apply, on the double and on a real server alike. Our client writes as `bigip-mesh-agent`. */
describe('server-side apply', () => {
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

  const configMap = (data: Record<string, string> | undefined, more: object = {}): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', namespace, ...more },
    ...(data === undefined ? {} : { data }),
  });
  const service = (ports: object[], selector: object = { app: 'x' }): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 's', namespace },
    spec: { selector, ports },
  });
  const serviceEntry = (addresses: string[]): KubeObject => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: 'se', namespace },
    spec: {
      hosts: ['a.example'],
      addresses,
      ports: [{ number: 80, name: 'tcp', protocol: 'TCP' }],
      resolution: 'STATIC',
    },
  });

  const entry = (content: object): KubeObject => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadEntry',
    metadata: { name: 'we', namespace },
    ...content,
  });

  const read = async (): Promise<KubeObject> => {
    const live = await kube.get({ kind: kinds.configMap, namespace, name: 'a' });
    assert.ok(live);
    return live;
  };
  it('creates what does not exist', async () => {
    const applied = await kube.apply(kinds.configMap, configMap({ k: 'v' }));
    assert.deepEqual(applied['data'], { k: 'v' });
    assert.deepEqual(owned(applied, 'Apply'), { 'f:data': { 'f:k': {} } });
  });

  it('writes nothing when it is repeated', async () => {
    const first = await kube.apply(kinds.configMap, configMap({ k: 'v' }));
    const second = await kube.apply(kinds.configMap, configMap({ k: 'v' }));
    assert.deepEqual(second, first);
  });

  it('removes what its manager applied before and applies no more', async () => {
    await kube.apply(kinds.configMap, configMap({ a: '1', b: '2' }));
    const applied = await kube.apply(kinds.configMap, configMap({ b: '2' }));
    assert.deepEqual(applied['data'], { b: '2' });
    const emptied = await kube.apply(kinds.configMap, configMap(undefined));
    assert.equal(emptied['data'], undefined);
  });

  it('leaves what other managers wrote', async () => {
    await kube.create(kinds.configMap, configMap({ theirs: '1' }));
    const applied = await kube.apply(kinds.configMap, configMap({ ours: '2' }));
    assert.deepEqual(applied['data'], { theirs: '1', ours: '2' });
    const dropped = await kube.apply(kinds.configMap, configMap(undefined));
    assert.deepEqual(dropped['data'], { theirs: '1' });
  });

  it('refuses to change what another manager owns, and names the field', async () => {
    await kube.create(kinds.configMap, configMap({ k: 'theirs' }));
    await assert.rejects(kube.apply(kinds.configMap, configMap({ k: 'ours' })), {
      code: 'MESH_ERR_KUBE_CONFLICT',
      message: /Apply failed with 1 conflict: conflict with "bigip-mesh-agent" using v1: \.data\.k/,
    });
    assert.deepEqual((await read())['data'], { k: 'theirs' });
  });

  it('takes over with force, and from then on owns the field alone', async () => {
    await kube.create(kinds.configMap, configMap({ k: 'theirs', other: '1' }));
    const applied = await kube.apply(kinds.configMap, configMap({ k: 'ours' }), { force: true });
    assert.deepEqual(applied['data'], { k: 'ours', other: '1' });
    const update = JSON.stringify(owned(applied, 'Update'));
    assert.ok(!update.includes('f:k"') && update.includes('f:other'), update);
  });

  it('shares a field that two managers give the same value, until both drop it', async () => {
    await kube.create(kinds.configMap, configMap({ k: 'same' }));
    await kube.apply(kinds.configMap, configMap({ k: 'same' }));
    const dropped = await kube.apply(kinds.configMap, configMap({ x: '1' }));
    assert.deepEqual(dropped['data'], { k: 'same', x: '1' });
  });

  it('loses a field to whoever updates it', async () => {
    const applied = await kube.apply(kinds.configMap, configMap({ k: '1', l: '1' }));
    await kube.replace(kinds.configMap, { ...applied, data: { k: '2', l: '1' } });
    assert.deepEqual(owned(await read(), 'Apply'), { 'f:data': { 'f:l': {} } });
  });

  it('merges ports by port and protocol', async () => {
    const http = { name: 'http', port: 80 };
    const tcp = { name: 'tcp', port: 9000, appProtocol: 'tcp' };
    await kube.create(kinds.service, service([http]));
    const applied = await kube.apply(kinds.service, service([tcp]), { force: true });
    const ports = specOf(applied).ports as { port: number; protocol: string }[];
    assert.deepEqual(ports.map(({ port, protocol }) => `${port}/${protocol}`).sort(), ['80/TCP', '9000/TCP']);
    const moved = await kube.apply(kinds.service, service([{ ...tcp, port: 9001 }]), { force: true });
    const left = specOf(moved).ports as { port: number }[];
    assert.deepEqual(new Set(left.map(({ port }) => port)), new Set([80, 9001]));
  });

  it('takes the selector of a Service as a whole', async () => {
    await kube.apply(kinds.service, service([{ port: 80 }], { a: '1', b: '2' }));
    const applied = await kube.apply(kinds.service, service([{ port: 80 }], { b: '2' }));
    assert.deepEqual(specOf(applied).selector, { b: '2' });
  });

  it('takes lists without keys as a whole', async () => {
    await kube.apply(kinds.serviceEntry, serviceEntry(['10.0.0.1', '10.0.0.2']));
    const applied = await kube.apply(kinds.serviceEntry, serviceEntry(['10.0.0.2']));
    assert.deepEqual((applied['spec'] as { addresses: string[] }).addresses, ['10.0.0.2']);
  });

  it('merges finalizers as a set', async () => {
    await kube.create(kinds.configMap, configMap({}, { finalizers: ['example.com/a'] }));
    const applied = await kube.apply(
      kinds.configMap,
      configMap(undefined, { finalizers: ['example.com/b'] }),
    );
    assert.deepEqual([...(applied.metadata['finalizers'] as string[])].sort(), [
      'example.com/a',
      'example.com/b',
    ]);
    await kube.replace(kinds.configMap, { ...applied, metadata: { ...applied.metadata, finalizers: [] } });
  });

  it('applies to the object with the given uid only', async () => {
    const applied = await kube.apply(kinds.configMap, configMap({ k: '1' }));
    const { uid = '' } = applied.metadata;
    await kube.apply(kinds.configMap, configMap({ k: '2' }, { uid }));
    await kube.delete({ kind: kinds.configMap, namespace, name: 'a' }, { uid });
    await kube.create(kinds.configMap, configMap({ k: 'theirs' }));
    const stale = kube.apply(kinds.configMap, configMap({ k: '3' }, { uid }), { force: true });
    await assert.rejects(stale, { code: 'MESH_ERR_KUBE_CONFLICT', message: /UID in precondition/ });
  });

  it('creates nothing for a uid that is gone', async () => {
    const uid = '11111111-2222-3333-4444-555555555555';
    await assert.rejects(kube.apply(kinds.configMap, configMap({ k: '1' }, { uid })), {
      code: 'MESH_ERR_KUBE_CONFLICT',
    });
    assert.equal(await kube.get({ kind: kinds.configMap, namespace, name: 'a' }), undefined);
  });

  describe('of a status', () => {
    const healthy = { status: { conditions: [{ type: 'Healthy', status: 'True' }] } };

    it('is ignored on the object itself', async () => {
      const applied = await kube.apply(
        kinds.workloadEntry,
        entry({ spec: { address: '10.0.0.1' }, ...healthy }),
      );
      assert.equal(applied['status'], undefined);
    });

    it('is written by its subresource, which leaves the rest', async () => {
      const before = await kube.apply(kinds.workloadEntry, entry({ spec: { address: '10.0.0.1' } }));
      const after = await kube.applyStatus(
        kinds.workloadEntry,
        entry({ spec: { address: '10.9.9.9' }, ...healthy }),
      );
      assert.deepEqual(after['spec'], { address: '10.0.0.1' });
      assert.deepEqual(after['status'], healthy.status);
      assert.equal(after.metadata.generation, before.metadata.generation);
      assert.deepEqual(
        managers(after).map(({ operation, subresource }) => [operation, subresource]),
        [
          ['Apply', undefined],
          ['Apply', 'status'],
        ],
      );
    });

    it('survives the next apply of the object', async () => {
      await kube.apply(kinds.workloadEntry, entry({ spec: { address: '10.0.0.1' } }));
      await kube.applyStatus(kinds.workloadEntry, entry(healthy));
      const applied = await kube.apply(kinds.workloadEntry, entry({ spec: { address: '10.0.0.2' } }));
      assert.deepEqual(applied['status'], healthy.status);
    });

    it('wants the object to exist', async () => {
      await assert.rejects(kube.applyStatus(kinds.workloadEntry, entry(healthy)), {
        code: 'MESH_ERR_KUBE_NOT_FOUND',
      });
    });
  });
});
