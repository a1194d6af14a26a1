import { strict as assert } from 'node:assert';
import { join } from 'node:path';

import type { ServiceConfig } from '../../../src/config/schema.js';
import { resolveEndpoint } from '../../../src/demo/resolve-endpoint.js';
import type { KubeClient } from '../../../src/kube/client.js';
import { kinds } from '../../../src/kube/kinds.js';
import type { KubeKind, KubeObject } from '../../../src/kube/object.js';
import { listOwnedOf } from '../../../src/mesh/registered-kinds.js';
import { MeshRegistrar } from '../../../src/mesh/registrar.js';
import type { RegistrationChanges } from '../../../src/mesh/registrar.js';
import { FakeClock } from '../../support/fake-clock.js';
import { startDouble } from '../../support/kube-api.js';
import { sharedData } from '../../support/shared-data.js';
import { skipBecause } from '../../support/skip.js';
import { serviceConfig } from './service-config.js';
import { readDefinitions } from './validation/published-definitions.js';

type Api = Awaited<ReturnType<typeof startDouble>>;
type Form = Exclude<ServiceConfig['registration'], 'none'>;

const forms = ['workload-entry', 'service-entry', 'endpoint-slice'] as const;
const { signal } = new AbortController();
const registrable = [
  kinds.serviceAccount,
  kinds.service,
  kinds.serviceEntry,
  kinds.workloadEntry,
  kinds.endpointSlice,
  kinds.destinationRule,
];

const objectsOf: Readonly<Record<Form, readonly string[]>> = {
  'workload-entry': ['ServiceAccount edge', 'Service bigip', 'WorkloadEntry bigip-192.0.2.1'],
  'service-entry': ['ServiceAccount edge', 'ServiceEntry echo', 'WorkloadEntry echo-192.0.2.1'],
  'endpoint-slice': [
    'ServiceAccount edge',
    'Service bigip',
    'EndpointSlice bigip-bigip-ipv4',
    'DestinationRule bigip',
  ],
};

describe('a registration', () => {
  let api: Api;
  let namespace: string;
  let registrar: MeshRegistrar;

  before(async () => {
    api = await startDouble();
  });
  after(() => api.close());
  const newRegistrar = (from: Api = api): MeshRegistrar =>
    new MeshRegistrar({ kube: from.kube, clock: new FakeClock(), trustDomain: () => 'cluster.local' });
  beforeEach(async () => {
    namespace = await api.createNamespace();
    registrar = newRegistrar();
  });

  const config = (form: ServiceConfig['registration']): ServiceConfig => serviceConfig(namespace, form);
  const register = (form: ServiceConfig['registration']): Promise<RegistrationChanges> =>
    registrar.register({ config: config(form) }, signal);
  const present = async (from: Api = api): Promise<string[]> => {
    const lists = await Promise.all(registrable.map((kind) => from.kube.list(kind, { namespace })));
    return lists.flatMap(({ items }) => items.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
  };
  const requestsDuring = async (run: () => Promise<unknown>): Promise<string[]> => {
    const before = api.double.requests.length;
    await run();
    return api.double.requests
      .slice(before)
      .map(({ method, path }) => `${method} ${path.split('/').slice(-2).join('/')}`);
  };
  const writesDuring = async (run: () => Promise<unknown>): Promise<string[]> =>
    (await requestsDuring(run)).filter((request) => !request.startsWith('GET '));
  const resolve = (): ReturnType<typeof resolveEndpoint> =>
    resolveEndpoint(api.kube, `bigip.${namespace}.svc.cluster.local`, 'cluster.local', signal);
  const created = (kind: KubeKind, object: Omit<KubeObject, 'apiVersion' | 'kind'>): Promise<KubeObject> =>
    api.kube.create(kind, { apiVersion: kind.apiVersion, kind: kind.kind, ...object } as KubeObject);

  for (const form of forms) {
    describe(`in the form ${form}`, () => {
      it('has its objects, written by server-side apply under our name', async () => {
        await register(form);
        assert.deepEqual(await present(), objectsOf[form]);
        const writes = api.double.requests.filter(
          ({ method, path }) => method === 'PATCH' && path.includes(namespace),
        );
        assert.ok(writes.length >= 3);
        for (const { contentType, query } of writes) {
          assert.equal(contentType, 'application/apply-patch+yaml');
          assert.equal(query.get('fieldManager'), 'bigip-mesh-agent');
        }
      });

      it('leads a sidecar to the device and demands its identity', async () => {
        await register(form);
        assert.deepEqual(await resolve(), {
          address: '192.0.2.1',
          port: 9000,
          spiffeIds: [`spiffe://cluster.local/ns/${namespace}/sa/edge`],
        });
      });

      it('writes nothing while nothing changes, and asks for its own kinds alone', async () => {
        await register(form);
        await register(form);
        const requests = await requestsDuring(() => register(form));
        assert.deepEqual(
          requests.filter((request) => !request.startsWith('GET ')),
          [],
        );
        const asked = new Set(
          requests.map((request) => request.split(/[ /]/)).flatMap(([, first, second]) => [first, second]),
        );
        assert.equal(asked.has('destinationrules'), form === 'endpoint-slice');
        assert.equal(asked.has('serviceentries'), form === 'service-entry');
      });

      it('drains when the proof fails, once, and heals when it is proven again', async () => {
        await register(form);
        const drain = (): Promise<void> =>
          registrar.drain({ config: config(form) }, 'the bad caller got in', signal);
        await drain();
        await assert.rejects(resolve(), { code: 'MESH_ERR_DEMO_FAILED', message: /no healthy endpoint/ });
        assert.deepEqual(await present(), objectsOf[form]);
        assert.deepEqual(await writesDuring(drain), []);
        await register(form);
        assert.equal((await resolve()).address, '192.0.2.1');
      });

      it('drains nothing that was never registered', async () => {
        assert.deepEqual(
          await writesDuring(() => registrar.drain({ config: config(form) }, 'anything', signal)),
          [],
        );
      });

      it('is removed as a whole, and nothing of others', async () => {
        const metadata = { name: 'theirs', namespace, labels: { 'bigip-mesh.io/service': 'echo' } };
        await created(kinds.destinationRule, { metadata, spec: { host: 'x' } });
        await created(kinds.endpointSlice, { metadata, addressType: 'IPv4', endpoints: [], ports: [] });
        await register(form);
        const removed = await registrar.deregister({ config: config(form) }, signal);
        assert.equal(removed.length, objectsOf[form].length);
        assert.deepEqual(await present(), ['EndpointSlice theirs', 'DestinationRule theirs']);
        assert.deepEqual(await registrar.deregister({ config: config(form) }, signal), []);
      });

      it('is removed by the config none as well', async () => {
        await register(form);
        await registrar.deregister({ config: config('none') }, signal);
        assert.deepEqual(await present(), []);
      });

      for (const other of forms.filter((candidate) => candidate !== form)) {
        it(`leaves nothing of ${other} behind, and goes last from where it was`, async () => {
          await register(other);
          const writes = await writesDuring(() => register(form));
          assert.deepEqual((await present()).toSorted(), objectsOf[form].toSorted());
          const isDelete = (request: string): boolean => request.startsWith('DELETE ');
          const firstDelete = writes.findIndex(isDelete);
          assert.ok(firstDelete > 0);
          assert.deepEqual(
            writes.slice(firstDelete).filter((request) => !isDelete(request)),
            [],
          );
        });

        it(`serves callers all the while it takes over from ${other}`, async () => {
          await register(other);
          let writes = 0;
          const heal = api.double.inject({
            action: { kind: 'status', code: 503 },
            matches: ({ method }) => method !== 'GET' && (writes += 1) > 1,
          });
          try {
            // An agent that dies after each single write, and starts anew.
            for (let isDone = false; !isDone;) {
              writes = 0;
              isDone = await newRegistrar()
                .register({ config: config(form) }, signal)
                .then(
                  () => true,
                  () => false,
                );
              assert.ok(isDone || writes > 1);
              const { spiffeIds } = await resolve();
              assert.deepEqual(spiffeIds, [`spiffe://cluster.local/ns/${namespace}/sa/edge`]);
            }
          } finally {
            heal();
          }
          assert.deepEqual((await present()).toSorted(), objectsOf[form].toSorted());
        });
      }
    });
  }

  describe('that is refused', () => {
    const refused = async (from: Api, form: Form, expected: object): Promise<void> => {
      const before = from.double.requests.length;
      await assert.rejects(newRegistrar(from).register({ config: config(form) }, signal), expected);
      const since = from.double.requests.slice(before);
      assert.deepEqual(
        since.filter(({ method }) => method !== 'GET').map(({ path }) => path),
        [],
      );
    };

    it('writes nothing where somebody else has one of the names', async () => {
      const metadata = { name: 'bigip', namespace };
      await created(kinds.destinationRule, { metadata, spec: { host: 'x' } });
      await refused(api, 'endpoint-slice', {
        code: 'MESH_ERR_MESH_FOREIGN_OBJECT',
        message: new RegExp(`^destinationrules ${namespace}/bigip exists`),
      });
    });

    it("writes nothing that the cluster's own definition forbids, and says the rule", async () => {
      const definition = {
        metadata: { name: 'serviceentries.networking.istio.io' },
        spec: {
          group: 'networking.istio.io',
          names: { kind: 'ServiceEntry', plural: 'serviceentries' },
          scope: 'Namespaced',
          versions: [
            {
              name: 'v1',
              served: true,
              storage: true,
              schema: {
                openAPIV3Schema: {
                  type: 'object',
                  properties: {
                    spec: {
                      type: 'object',
                      'x-kubernetes-preserve-unknown-fields': true,
                      'x-kubernetes-validations': [
                        { rule: '!has(self.subjectAltNames)', message: 'no names here' },
                      ],
                    },
                  },
                },
              },
            },
          ],
        },
      };
      const live = await created(kinds.customResourceDefinition, definition);
      try {
        await refused(api, 'service-entry', {
          code: 'MESH_ERR_MESH_INVALID_OBJECT',
          message: `serviceentries ${namespace}/echo would be refused: spec: Invalid value: no names here`,
        });
      } finally {
        const { name, uid = '' } = live.metadata;
        await api.kube.delete({ kind: kinds.customResourceDefinition, name }, { uid });
      }
    });

    it('names the definition that is missing, before anything is written', async () => {
      const bare = await startDouble({ istioVersions: [] });
      try {
        namespace = await bare.createNamespace();
        for (const [form, kind] of [
          ['workload-entry', 'WorkloadEntry'],
          ['service-entry', 'WorkloadEntry'],
          ['endpoint-slice', 'DestinationRule'],
        ] as const) {
          await refused(bare, form, {
            code: 'MESH_ERR_MESH_CRD_MISSING',
            message: new RegExp(`^the cluster serves no ${kind}: .* in v1, v1beta1, v1alpha3$`),
          });
        }
        assert.deepEqual(
          await newRegistrar(bare).deregister({ config: config('workload-entry') }, signal),
          [],
        );
      } finally {
        await bare.close();
      }
    });
  });

  for (const istioVersions of [['v1beta1', 'v1alpha3'], ['v1alpha3']]) {
    it(`lives with an Istio that serves ${istioVersions.join(' and ')}`, async () => {
      const older = await startDouble({ istioVersions });
      try {
        namespace = await older.createNamespace();
        const agent = newRegistrar(older);
        for (const form of [...forms, 'workload-entry'] as const) {
          await agent.register({ config: config(form) }, signal);
          await agent.register({ config: config(form) }, signal);
          await agent.drain({ config: config(form) }, 'why', signal);
        }
        const entry = { ...kinds.workloadEntry, apiVersion: `networking.istio.io/${istioVersions[0]}` };
        const { items } = await older.kube.list(entry, { namespace });
        assert.deepEqual(
          items.map(({ metadata }) => metadata.name),
          ['bigip-192.0.2.1'],
        );
        const removed = await agent.deregister({ config: config('workload-entry') }, signal);
        assert.equal(removed.length, 3);
      } finally {
        await older.close();
      }
    });
  }

  it("is taken by Istio's own definitions", async function () {
    const folder = sharedData('istio');
    if (folder === undefined) return skipBecause(this, "Istio's definitions are not beside the checkout");
    const cluster = await startDouble();
    try {
      namespace = await cluster.createNamespace();
      for (const definition of readDefinitions(join(folder, 'crds'))) {
        await cluster.kube.create(kinds.customResourceDefinition, definition);
      }
      const agent = newRegistrar(cluster);
      for (const form of forms) {
        await agent.register({ config: config(form) }, signal);
        assert.deepEqual((await present(cluster)).toSorted(), objectsOf[form].toSorted());
      }
      const reads = cluster.double.requests.filter(({ path }) =>
        path.includes('/customresourcedefinitions/'),
      );
      assert.deepEqual(
        reads.filter(({ method }) => method === 'GET').map(({ path }) => path.split('/').at(-1)),
        ['workloadentries', 'serviceentries', 'destinationrules'].map(
          (plural) => `${plural}.networking.istio.io`,
        ),
      );
    } finally {
      await cluster.close();
    }
  });

  it('of the form none touches nothing and asks nothing', async () => {
    await register('workload-entry');
    const requests = await requestsDuring(async () => {
      assert.deepEqual(await register('none'), { applied: [], removed: [] });
      await registrar.drain({ config: config('none') }, 'why', signal);
    });
    assert.deepEqual(requests, []);
    assert.equal((await resolve()).address, '192.0.2.1');
  });

  it('of the form none is not taken for removed when something cannot be read', async () => {
    await register('endpoint-slice');
    const heal = api.double.inject({
      action: { kind: 'status', code: 403 },
      matches: ({ method, path }) => method === 'GET' && path.endsWith('/serviceentries'),
    });
    try {
      await assert.rejects(registrar.deregister({ config: config('none') }, signal), {
        code: 'MESH_ERR_KUBE_FORBIDDEN',
      });
    } finally {
      heal();
    }
    assert.deepEqual(await present(), objectsOf['endpoint-slice']);
  });

  it('does not send callers to a new address before it is healthy there, and then no more to the old one', async () => {
    await register('workload-entry');
    await registrar.drain({ config: config('workload-entry') }, 'why', signal);
    const moved = serviceConfig(namespace, 'workload-entry', {
      listen: { address: '192.0.2.9', port: 9000 },
    });
    const writes = await writesDuring(() => registrar.register({ config: moved }, signal));
    assert.deepEqual(writes, [
      'PATCH workloadentries/bigip-192.0.2.9',
      'PATCH bigip-192.0.2.9/status',
      'DELETE workloadentries/bigip-192.0.2.1',
    ]);
    assert.equal((await resolve()).address, '192.0.2.9');
  });

  it('keeps the rule that demands mutual TLS until the last bare address is gone', async () => {
    await register('endpoint-slice');
    const deletes = ['DELETE endpointslices/bigip-bigip-ipv4', 'DELETE destinationrules/bigip'];
    const writes = await writesDuring(() => register('workload-entry'));
    assert.deepEqual(
      writes.filter((request) => request.startsWith('DELETE ')),
      deletes,
    );
    await register('endpoint-slice');
    const removals = await writesDuring(() =>
      registrar.deregister({ config: config('endpoint-slice') }, signal),
    );
    assert.deepEqual(
      removals.filter((request) => deletes.includes(request)),
      deletes,
    );
  });

  it('is not found by a selector alone', async () => {
    const items = [{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'theirs', namespace } }];
    const careless = {
      list: () => Promise.resolve({ items, resourceVersion: '1' }),
    } as unknown as KubeClient;
    const key = { name: 'echo', namespace, form: 'workload-entry' } as const;
    assert.deepEqual((await listOwnedOf(careless, kinds.service, key))?.objects, []);
  });

  it('says what it wrote and what it removed', async () => {
    await register('service-entry');
    assert.deepEqual(await register('endpoint-slice'), {
      applied: [
        `destinationrules ${namespace}/bigip`,
        `endpointslices ${namespace}/bigip-bigip-ipv4`,
        `services ${namespace}/bigip`,
      ],
      removed: [`workloadentries ${namespace}/echo-192.0.2.1`, `serviceentries ${namespace}/echo`],
    });
  });
});
