import { strict as assert } from 'node:assert';

import { kinds } from '../../../src/kube/kinds.js';
import { describeRef } from '../../../src/kube/object.js';
import type { KubeKind, KubeObject } from '../../../src/kube/object.js';
import { applyRegistration, removeRegistration, removeStale } from '../../../src/mesh/apply-registration.js';
import type { AppliedRegistration } from '../../../src/mesh/apply-registration.js';
import { ObjectJudge } from '../../../src/mesh/object-judge.js';
import type { RegisteredService } from '../../../src/mesh/registered-service.js';
import { renderRegistration } from '../../../src/mesh/registration.js';
import { startDouble } from '../../support/kube-api.js';

type Api = Awaited<ReturnType<typeof startDouble>>;

describe('applying a registration', () => {
  let api: Api;
  let namespace: string;
  let echo: RegisteredService;

  before(async () => {
    api = await startDouble();
  });
  after(() => api.close());
  beforeEach(async () => {
    namespace = await api.createNamespace();
    echo = {
      form: 'workload-entry',
      name: 'echo',
      host: `bigip.${namespace}.svc.cluster.local`,
      namespace,
      serviceAccount: 'edge',
      spiffeId: `spiffe://cluster.local/ns/${namespace}/sa/edge`,
      addresses: ['192.0.2.1'],
      port: 9000,
    };
  });

  const apply = async (service = echo): Promise<AppliedRegistration> => {
    const judge = new ObjectJudge(api.kube);
    const result = await applyRegistration(api.kube, service, renderRegistration(service), { judge });
    await removeStale(api.kube, result.stale);
    return result;
  };
  const get = (kind: KubeKind, name: string): Promise<KubeObject | undefined> =>
    api.kube.get({ kind, namespace, name });
  const names = (refs: AppliedRegistration['applied']): string[] =>
    refs.map((ref) => describeRef(ref).replace(`${namespace}/`, ''));
  const writesDuring = async (run: () => Promise<unknown>): Promise<string[]> => {
    const before = api.double.requests.length;
    await run();
    const since = api.double.requests.slice(before);
    return since.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`);
  };
  const remove = async (): Promise<string[]> => names(await removeRegistration(api.kube, echo));

  const all = ['serviceaccounts edge', 'services bigip', 'workloadentries bigip-192.0.2.1'];

  it('makes what is missing', async () => {
    const { applied, unchanged, stale, foreign } = await apply();
    assert.deepEqual([names(applied), unchanged, stale, foreign], [all, [], [], []]);
    const entry = await get(kinds.workloadEntry, 'bigip-192.0.2.1');
    assert.ok(entry);
    assert.equal((entry['spec'] as { serviceAccount: string }).serviceAccount, 'edge');
  });

  it('writes nothing the second time', async () => {
    await apply();
    let second: AppliedRegistration | undefined;
    const writes = await writesDuring(async () => {
      second = await apply();
    });
    assert.deepEqual(writes, []);
    assert.deepEqual(names(second?.unchanged ?? []), all);
  });

  it('puts back what somebody changed', async () => {
    await apply();
    const service = await get(kinds.service, 'bigip');
    assert.ok(service);
    const spec = { ...(service['spec'] as object), selector: { app: 'intruder' } };
    await api.kube.replace(kinds.service, { ...service, spec });
    assert.deepEqual(names((await apply()).applied), ['services bigip']);
    const mended = await get(kinds.service, 'bigip');
    assert.ok(mended);
    assert.deepEqual((mended['spec'] as { selector: object }).selector, {
      'bigip-mesh.io/endpoint-of': 'bigip',
    });
  });

  it('removes the entry of an address that is no more, after the new one is there', async () => {
    await apply();
    const writes = await writesDuring(() => apply({ ...echo, addresses: ['192.0.2.2'] }));
    assert.deepEqual(
      writes.map((write) => write.replace(/\/apis.*\//, '')),
      ['PATCH bigip-192.0.2.2', 'DELETE bigip-192.0.2.1'],
    );
  });

  it('moves the port and leaves none behind', async () => {
    await apply();
    await apply({ ...echo, port: 9001 });
    const service = await get(kinds.service, 'bigip');
    assert.ok(service);
    const { ports } = service['spec'] as { ports: { port: number }[] };
    assert.deepEqual(
      ports.map(({ port }) => port),
      [9001],
    );
  });

  for (const [kind, name] of [
    [kinds.service, 'bigip'],
    [kinds.workloadEntry, 'bigip-192.0.2.1'],
  ] as const) {
    it(`refuses to take over a ${kind.kind} of somebody else, and writes nothing at all`, async () => {
      const theirs: KubeObject = {
        apiVersion: kind.apiVersion,
        kind: kind.kind,
        metadata: { name, namespace, labels: { 'app.kubernetes.io/managed-by': 'bigip-mesh-agent' } },
        spec: { address: '203.0.113.9', ports: [{ port: 1 }] },
      };
      const created = await api.kube.create(kind, theirs);
      const writes = await writesDuring(() =>
        assert.rejects(apply(), {
          code: 'MESH_ERR_MESH_FOREIGN_OBJECT',
          message: new RegExp(`${kind.plural} ${namespace}/${name} exists`),
        }),
      );
      assert.deepEqual(writes, []);
      assert.deepEqual(await get(kind, name), created);
    });
  }

  it('uses a service account of somebody else as it is', async () => {
    const created = await api.kube.create(kinds.serviceAccount, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'edge', namespace },
    });
    assert.deepEqual(names((await apply()).foreign), ['serviceaccounts edge']);
    await removeRegistration(api.kube, echo);
    assert.deepEqual(await get(kinds.serviceAccount, 'edge'), created);
  });

  it('writes nothing when something cannot be read', async () => {
    const heal = api.double.inject({
      action: { kind: 'status', code: 500 },
      matches: ({ path }) => path.includes('workloadentries'),
    });
    try {
      const writes = await writesDuring(() => assert.rejects(apply(), { code: 'MESH_ERR_KUBE_UNREACHABLE' }));
      assert.deepEqual(writes, []);
    } finally {
      heal();
    }
  });

  describe('and removing it', () => {
    it('deletes what it made, the endpoint first', async () => {
      await apply();
      assert.deepEqual(await remove(), [...all].reverse());
      assert.deepEqual(await remove(), []);
    });

    it('leaves the objects of another service and of other people', async () => {
      await apply();
      const other = {
        ...echo,
        name: 'other',
        host: `db.${namespace}.svc.cluster.local`,
        serviceAccount: 'db',
      };
      await apply(other);
      await api.kube.create(kinds.workloadEntry, {
        apiVersion: 'networking.istio.io/v1',
        kind: 'WorkloadEntry',
        metadata: { name: 'theirs', namespace, labels: { 'bigip-mesh.io/service': 'echo' } },
        spec: { address: '203.0.113.9' },
      });
      await remove();
      const { items } = await api.kube.list(kinds.workloadEntry, { namespace });
      assert.deepEqual(
        items.map(({ metadata }) => metadata.name),
        ['db-192.0.2.1', 'theirs'],
      );
      assert.ok(await get(kinds.service, 'db'));
    });

    it('leaves a copy that somebody made of one of its objects, labels and all', async () => {
      await apply();
      const made = await get(kinds.workloadEntry, 'bigip-192.0.2.1');
      assert.ok(made);
      const { labels, annotations } = made.metadata;
      const copy = {
        name: 'theirs',
        namespace,
        ...(labels && { labels }),
        ...(annotations && { annotations }),
      };
      await api.kube.create(kinds.workloadEntry, { ...made, metadata: copy });
      assert.deepEqual((await apply()).stale, []);
      await remove();
      assert.equal(await get(kinds.workloadEntry, 'bigip-192.0.2.1'), undefined);
      assert.ok(await get(kinds.workloadEntry, 'theirs'));
    });

    it('deletes nothing when one kind cannot be listed', async () => {
      await apply();
      const heal = api.double.inject({
        action: { kind: 'status', code: 403 },
        matches: ({ method, path }) => method === 'GET' && path.endsWith('/workloadentries'),
      });
      try {
        const writes = await writesDuring(() =>
          assert.rejects(removeRegistration(api.kube, echo), { code: 'MESH_ERR_KUBE_FORBIDDEN' }),
        );
        assert.deepEqual(writes, []);
      } finally {
        heal();
      }
    });
  });
});
