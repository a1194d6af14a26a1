import { strict as assert } from 'node:assert';

import { startKubeApi } from '../../../../src/demo/kube-api/kube-api.js';
import type { KubeApi } from '../../../../src/demo/kube-api/kube-api.js';
import { FakeClock } from '../../../support/fake-clock.js';

interface Body {
  readonly [field: string]: unknown;
  readonly kind: string;
}

/** What the double says on the wire, where our own client does not look. */
describe('the double of the Kubernetes API server', () => {
  let api: KubeApi;
  let clock: FakeClock;
  const token = 'admin-token';

  beforeEach(async () => {
    clock = new FakeClock('2030-01-01T00:00:00Z');
    api = await startKubeApi({ token, clock });
  });
  afterEach(() => api.close());

  const call = async (
    method: string,
    path: string,
    { body, type = 'application/json', as = token }: { body?: unknown; type?: string; as?: string } = {},
  ): Promise<{ code: number; body: Body }> => {
    const response = await fetch(`${api.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${as}`, 'content-type': type, 'user-agent': 'curl/8' },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { code: response.status, body: (await response.json()) as Body };
  };
  const configMaps = '/api/v1/namespaces/default/configmaps';
  const create = (name: string, data: Record<string, string> = {}): Promise<{ code: number; body: Body }> =>
    call('POST', configMaps, { body: { metadata: { name }, data } });

  describe('tells what it serves', () => {
    it('by group, version and kind', async () => {
      assert.deepEqual((await call('GET', '/api')).body['versions'], ['v1']);
      const { groups } = (await call('GET', '/apis')).body as unknown as {
        groups: { name: string; preferredVersion: { groupVersion: string } }[];
      };
      const istio = groups.find(({ name }) => name === 'networking.istio.io');
      assert.equal(istio?.preferredVersion.groupVersion, 'networking.istio.io/v1');
      const { resources } = (await call('GET', '/apis/networking.istio.io/v1')).body as unknown as {
        resources: { name: string; namespaced: boolean }[];
      };
      const names = resources.map(({ name }) => name);
      assert.ok(names.includes('workloadentries') && names.includes('workloadentries/status'));
    });

    it('and refuses the rest with a Status', async () => {
      for (const path of ['/apis/example.com', '/apis/networking.istio.io/v9', '/api/v1/unicorns', '/nope']) {
        const { code, body } = await call('GET', path);
        assert.deepEqual([code, body.kind, body['reason']], [404, 'Status', 'NotFound'], path);
      }
    });

    it('and serves what a custom resource definition adds', async () => {
      const definition = {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'unicorns.example.com' },
        spec: {
          group: 'example.com',
          names: { plural: 'unicorns', kind: 'Unicorn' },
          scope: 'Namespaced',
          versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} } }],
        },
      };
      await call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: definition });
      const made = await call('POST', '/apis/example.com/v1/namespaces/default/unicorns', {
        body: {
          apiVersion: 'example.com/v1',
          kind: 'Unicorn',
          metadata: { name: 'u' },
          status: { horns: 1 },
        },
      });
      assert.deepEqual([made.code, made.body['status']], [201, undefined]);
    });
  });

  it('shows one object in each version of its kind', async () => {
    const path = '/namespaces/default/workloadentries';
    const body = { metadata: { name: 'we' }, spec: { address: '192.0.2.1' } };
    await call('POST', `/apis/networking.istio.io/v1${path}`, { body });
    const old = await call('GET', `/apis/networking.istio.io/v1beta1${path}/we`);
    assert.equal(old.body['apiVersion'], 'networking.istio.io/v1beta1');
  });

  it('shows an event in both of its groups', async () => {
    const body = {
      metadata: { name: 'e' },
      regarding: { kind: 'ConfigMap', name: 'a' },
      reason: 'AllowlistApplied',
      note: 'applied',
      reportingController: 'bigip-mesh-agent',
    };
    await call('POST', '/apis/events.k8s.io/v1/namespaces/default/events', { body });
    const core = await call('GET', '/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Da');
    const [event] = core.body['items'] as Body[];
    assert.deepEqual(
      [event?.['involvedObject'], event?.['message'], event?.['reportingComponent']],
      [body.regarding, 'applied', 'bigip-mesh-agent'],
    );
    const back = await call('GET', '/apis/events.k8s.io/v1/namespaces/default/events/e');
    assert.deepEqual([back.body['regarding'], back.body['note']], [body.regarding, 'applied']);
  });

  it('names the kind of list items of custom resources only', async () => {
    await create('a');
    const { body } = await call('GET', configMaps);
    const [item] = body['items'] as Body[];
    assert.deepEqual([body.kind, item?.kind, item?.['apiVersion']], ['ConfigMapList', undefined, undefined]);
  });

  it('shows every page of a list as of the version of the first', async () => {
    for (const name of ['a', 'b', 'c']) await create(name);
    const first = await call('GET', `${configMaps}?limit=2`);
    const metadata = first.body['metadata'] as { continue: string; resourceVersion: string };
    await call('DELETE', `${configMaps}/c`);
    await create('d');
    const second = await call('GET', `${configMaps}?limit=2&continue=${metadata.continue}`);
    const names = [first, second].flatMap(({ body }) =>
      (body['items'] as { metadata: { name: string } }[]).map((item) => item.metadata.name),
    );
    assert.deepEqual(names, ['a', 'b', 'c']);
    api.compact();
    assert.equal((await call('GET', `${configMaps}?limit=2&continue=${metadata.continue}`)).code, 410);
  });

  describe('patches', () => {
    beforeEach(() => create('a', { keep: '1', drop: '2' }));
    const patch = (type: string, body: unknown): Promise<{ code: number; body: Body }> =>
      call('PATCH', `${configMaps}/a`, { type, body });

    it('by JSON merge patch', async () => {
      const { body } = await patch('application/merge-patch+json', { data: { drop: null, add: '3' } });
      assert.deepEqual(body['data'], { keep: '1', add: '3' });
    });

    it('by JSON patch', async () => {
      const { body } = await patch('application/json-patch+json', [
        { op: 'test', path: '/data/keep', value: '1' },
        { op: 'remove', path: '/data/drop' },
        { op: 'add', path: '/data/a~1b', value: '4' },
        { op: 'copy', from: '/data/keep', path: '/data/copy' },
      ]);
      assert.deepEqual(body['data'], { keep: '1', 'a/b': '4', copy: '1' });
      const failed = await patch('application/json-patch+json', [
        { op: 'test', path: '/data/keep', value: 'x' },
      ]);
      assert.equal(failed.code, 422);
    });

    it('by strategic merge patch, which merges lists by key', async () => {
      const services = '/api/v1/namespaces/default/services';
      const ports = [
        { name: 'http', port: 80 },
        { name: 'tcp', port: 9000 },
      ];
      await call('POST', services, { body: { metadata: { name: 's' }, spec: { ports } } });
      const { body } = await call('PATCH', `${services}/s`, {
        type: 'application/strategic-merge-patch+json',
        body: {
          spec: {
            ports: [
              { port: 9000, name: 'renamed' },
              { port: 80, $patch: 'delete' },
            ],
          },
        },
      });
      const spec = body['spec'] as { ports: { name: string; port: number }[] };
      assert.deepEqual(
        spec.ports.map(({ name, port }) => [name, port]),
        [['renamed', 9000]],
      );
    });

    it('but custom resources not by strategic merge, and nothing by unknown types', async () => {
      const entries = '/apis/networking.istio.io/v1/namespaces/default/workloadentries';
      await call('POST', entries, { body: { metadata: { name: 'we' }, spec: { address: '192.0.2.1' } } });
      const type = 'application/strategic-merge-patch+json';
      assert.equal((await call('PATCH', `${entries}/we`, { type, body: {} })).code, 415);
      assert.equal((await patch('text/plain', '{}')).code, 415);
    });

    it('as whoever the user agent names', async () => {
      const { body } = await patch('application/merge-patch+json', { data: { keep: '9' } });
      const entries = (body['metadata'] as { managedFields: { manager: string; fieldsV1: object }[] })
        .managedFields;
      assert.deepEqual(
        entries.map(({ manager }) => manager),
        ['curl'],
      );
    });

    it('only at the version that the patch names', async () => {
      const { code } = await patch('application/merge-patch+json', { metadata: { resourceVersion: '1' } });
      assert.equal(code, 409);
    });

    it('and changes nothing in a dry run', async () => {
      await call('PATCH', `${configMaps}/a?dryRun=All`, {
        type: 'application/merge-patch+json',
        body: { data: { keep: 'x' } },
      });
      assert.deepEqual((await call('GET', `${configMaps}/a`)).body['data'], { keep: '1', drop: '2' });
    });
  });

  it('wants a field manager for apply, and no managed fields', async () => {
    const type = 'application/apply-patch+yaml';
    const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';
    assert.equal((await call('PATCH', `${configMaps}/a`, { type, body })).code, 422);
    assert.equal((await call('PATCH', `${configMaps}/a?fieldManager=x`, { type, body })).code, 201);
    const claimed = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, managedFields: []}\n';
    assert.equal((await call('PATCH', `${configMaps}/a?fieldManager=x`, { type, body: claimed })).code, 400);
  });

  it('names every field of a conflict as a cause', async () => {
    await create('a', { k: '1', l: '1' });
    const { code, body } = await call('PATCH', `${configMaps}/a?fieldManager=x`, {
      type: 'application/apply-patch+yaml',
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { k: '2', l: '2' } },
    });
    const details = body['details'] as { causes: { reason: string; field: string; message: string }[] };
    assert.equal(code, 409);
    assert.deepEqual(details.causes, [
      { reason: 'FieldManagerConflict', message: 'conflict with "curl" using v1', field: '.data.k' },
      { reason: 'FieldManagerConflict', message: 'conflict with "curl" using v1', field: '.data.l' },
    ]);
    assert.match(
      String(body['message']),
      /^Apply failed with 2 conflicts: conflicts with "curl" using v1:\n- \.data\.k\n/,
    );
  });

  it('refuses a body that is not what its path says', async () => {
    for (const body of [
      { kind: 'Secret', metadata: { name: 'a' } },
      { metadata: { name: 'a', namespace: 'other' } },
      [],
      'no object',
    ]) {
      assert.equal((await call('POST', configMaps, { body })).code, 400);
    }
    await create('a');
    assert.equal((await call('PUT', `${configMaps}/a`, { body: { metadata: { name: 'b' } } })).code, 400);
  });

  it('keeps what a Secret is given as text in base64', async () => {
    const path = '/api/v1/namespaces/default/secrets';
    const { body } = await call('POST', path, { body: { metadata: { name: 's' }, stringData: { k: 'v' } } });
    assert.deepEqual([body['data'], body['stringData'], body['type']], [{ k: 'dg==' }, undefined, 'Opaque']);
  });

  it('empties a namespace that is deleted', async () => {
    await call('POST', '/api/v1/namespaces', { body: { metadata: { name: 'gone' } } });
    const path = '/api/v1/namespaces/gone/configmaps';
    await call('POST', path, { body: { metadata: { name: 'a' } } });
    await call('DELETE', '/api/v1/namespaces/gone');
    assert.deepEqual((await call('GET', '/api/v1/configmaps')).body['items'], []);
    assert.equal((await call('POST', path, { body: { metadata: { name: 'a' } } })).code, 404);
  });

  it('deletes a collection by its selector', async () => {
    await call('POST', configMaps, { body: { metadata: { name: 'a', labels: { x: 'y' } } } });
    await create('b');
    await call('DELETE', `${configMaps}?labelSelector=x%3Dy`);
    const { items } = (await call('GET', configMaps)).body as unknown as { items: unknown[] };
    assert.equal(items.length, 1);
  });

  describe('with tokens of service accounts', () => {
    const accounts = '/api/v1/namespaces/default/serviceaccounts';
    beforeEach(() => call('POST', accounts, { body: { metadata: { name: 'sa' } } }));
    const tokenFor = async (audiences: string[]): Promise<string> => {
      const spec = { audiences, expirationSeconds: 600 };
      const { body } = await call('POST', `${accounts}/sa/token`, { body: { spec } });
      return (body['status'] as { token: string }).token;
    };
    const review = async (spec: object): Promise<unknown> =>
      (await call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { body: { spec } })).body['status'];

    it('says whose they are, for their audience', async () => {
      const issued = await tokenFor(['istio-ca']);
      assert.deepEqual(await review({ token: issued, audiences: ['istio-ca'] }), {
        authenticated: true,
        user: {
          username: 'system:serviceaccount:default:sa',
          groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
        },
        audiences: ['istio-ca'],
      });
    });

    it('does not accept them elsewhere, later, or changed', async () => {
      const issued = await tokenFor(['istio-ca']);
      const rejected = { authenticated: false, error: 'invalid bearer token' };
      const [header, payload = '', signature] = issued.split('.');
      const forged = Buffer.from(payload, 'base64url').toString().replace(':sa"', ':admin"');
      const changed = [header, Buffer.from(forged).toString('base64url'), signature].join('.');
      assert.notEqual(changed, issued);
      assert.deepEqual(await review({ token: issued }), rejected);
      assert.deepEqual(await review({ token: changed, audiences: ['istio-ca'] }), rejected);
      assert.deepEqual(await review({ token: 'x.y', audiences: ['istio-ca'] }), rejected);
      await clock.advance(600_000);
      assert.deepEqual(await review({ token: issued, audiences: ['istio-ca'] }), rejected);
    });

    it('answers what their owner may do', async () => {
      const as = await tokenFor([]);
      const spec = { resourceAttributes: { verb: 'get', resource: 'secrets', namespace: 'default' } };
      const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
      assert.deepEqual((await call('POST', path, { body: { spec }, as })).body['status'], { allowed: false });
      assert.deepEqual((await call('POST', path, { body: { spec } })).body['status'], { allowed: true });
    });

    it('gives none for less than ten minutes', async () => {
      const spec = { audiences: [], expirationSeconds: 599 };
      assert.equal((await call('POST', `${accounts}/sa/token`, { body: { spec } })).code, 422);
    });
  });

  it('writes down every request without its credentials', async () => {
    await create('a');
    const [request] = api.requests;
    assert.deepEqual([request?.method, request?.path, request?.userAgent], ['POST', configMaps, 'curl/8']);
    assert.ok(!JSON.stringify(api.requests).includes(token));
  });

  it('fails as often as it is told to', async () => {
    api.inject({
      action: { kind: 'status', code: 503 },
      times: 2,
      matches: ({ method }) => method === 'GET',
    });
    const codes: number[] = [];
    codes.push((await create('a')).code);
    for (let attempt = 0; attempt < 3; attempt += 1) codes.push((await call('GET', configMaps)).code);
    assert.deepEqual(codes, [201, 503, 503, 200]);
  });
});
