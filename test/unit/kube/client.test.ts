import { strict as assert } from 'node:assert';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { parse, stringify } from 'yaml';

import type { Clock } from '../../../src/clock.js';
import { startKubeApi } from '../../../src/demo/kube-api/kube-api.js';
import { renderKubeconfig } from '../../../src/demo/kube-api/kubeconfig.js';
import { AgentError } from '../../../src/errors.js';
import { KubeClient } from '../../../src/kube/client.js';
import { kinds } from '../../../src/kube/kinds.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { FakeClock } from '../../support/fake-clock.js';
import { issueKubeApiTls } from '../../support/kube-api-tls.js';
import { startDouble } from '../../support/kube-api.js';

const configMaps = { kind: kinds.configMap, namespace: 'default', name: 'a' };
const configMap = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
});

/** What a test opened, closed after it whatever became of it. */
let opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.toReversed()) await close();
  opened = [];
});

async function refusal(call: Promise<unknown>): Promise<AgentError> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof AgentError, String(error));
    assert.ok(!error.message.includes('\n'));
    assert.equal(error.cause, undefined);
    return error;
  }
  return assert.fail('the call passed');
}

describe('the Kubernetes client', () => {
  let api: Awaited<ReturnType<typeof startDouble>>;
  let kube: KubeClient;

  beforeEach(async () => {
    api = await startDouble();
    kube = api.kube;
  });
  afterEach(() => api.close());

  describe('when a call fails', () => {
    for (const [status, code, consequence] of [
      [400, 'MESH_ERR_KUBE_INVALID', 'refused'],
      [401, 'MESH_ERR_KUBE_UNAUTHORIZED', 'refused'],
      [403, 'MESH_ERR_KUBE_FORBIDDEN', 'refused'],
      [404, 'MESH_ERR_KUBE_NOT_SERVED', 'refused'],
      [409, 'MESH_ERR_KUBE_CONFLICT', 'refused'],
      [410, 'MESH_ERR_KUBE_EXPIRED', 'transient'],
      [422, 'MESH_ERR_KUBE_INVALID', 'refused'],
      [429, 'MESH_ERR_KUBE_UNREACHABLE', 'transient'],
      [500, 'MESH_ERR_KUBE_UNREACHABLE', 'transient'],
      [503, 'MESH_ERR_KUBE_UNREACHABLE', 'transient'],
    ] as const) {
      it(`translates ${status} and names server, verb and object`, async () => {
        api.double.inject({ action: { kind: 'status', code: status } });
        const error = await refusal(kube.get(configMaps));
        assert.deepEqual([error.code, error.consequence], [code, consequence]);
        assert.ok(
          error.message.startsWith(`${api.double.url}: get configmaps default/a: ${status}`),
          error.message,
        );
        assert.notEqual(error.nextStep, '');
      });
    }

    it('never says absent because of a 404 that is not about the object', async () => {
      const unserved = { ...kinds.workloadEntry, apiVersion: 'networking.istio.io/v2' };
      const error = await refusal(kube.get({ kind: unserved, namespace: 'default', name: 'a' }));
      assert.equal(error.code, 'MESH_ERR_KUBE_NOT_SERVED');
    });

    it('says so when nobody listens', async () => {
      await api.double.close();
      const error = await refusal(kube.get(configMaps));
      assert.equal(error.code, 'MESH_ERR_KUBE_UNREACHABLE');
      assert.match(error.message, /ECONNREFUSED/);
    });

    it('says so when the connection breaks', async () => {
      api.double.inject({ action: { kind: 'disconnect' } });
      const error = await refusal(kube.get(configMaps));
      assert.equal(error.code, 'MESH_ERR_KUBE_UNREACHABLE');
    });

    it('says that credentials are not accepted, and does not show them', async () => {
      const stranger = await api.clientFor('hunter2');
      const error = await refusal(stranger.get(configMaps));
      assert.equal(error.code, 'MESH_ERR_KUBE_UNAUTHORIZED');
      assert.ok(!JSON.stringify([error.message, error.nextStep]).includes('hunter2'));
    });
  });

  describe('when the server is silent', () => {
    it('gives up at the deadline', async () => {
      const clock = new FakeClock();
      const patient = open(new KubeClient({ path: api.kubeconfigFile, clock }));
      api.double.inject({ action: { kind: 'silence' } });
      const call = refusal(patient.get(configMaps, { timeoutMs: 7000 }));
      while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(7000);
      const error = await call;
      assert.equal(error.code, 'MESH_ERR_KUBE_UNREACHABLE');
      assert.match(error.message, /no answer within 7000 ms$/);
    });

    it('stops with the reason of the signal', async () => {
      api.double.inject({ action: { kind: 'silence' } });
      const stop = new AbortController();
      const call = kube.list(kinds.configMap, {}, { signal: stop.signal });
      stop.abort(new Error('enough'));
      await assert.rejects(call, { message: 'enough' });
    });

    it('does not begin when the signal is aborted already', async () => {
      const before = api.double.requests.length;
      const signal = AbortSignal.abort(new Error('enough'));
      await assert.rejects(kube.get(configMaps, { signal }), { message: 'enough' });
      assert.equal(api.double.requests.length, before);
    });
  });

  it('waits as long as an overloaded server asks', async () => {
    const clock = new FakeClock();
    const patient = open(new KubeClient({ path: api.kubeconfigFile, clock }));
    api.double.inject({ action: { kind: 'status', code: 429, retryAfterSeconds: 2 }, times: 1 });
    const call = patient.get(configMaps);
    while (clock.sleeping < 2) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(api.double.requests.length, 1);
    await clock.advance(2000);
    assert.equal(await call, undefined);
    assert.equal(api.double.requests.length, 2);
  });

  it('reads long lists in pages, as of one version', async () => {
    for (let index = 0; index < 501; index += 1) {
      await kube.create(kinds.configMap, configMap(`m-${String(index).padStart(3, '0')}`));
    }
    const before = api.double.requests.length;
    const { items } = await kube.list(kinds.configMap, { namespace: 'default' });
    assert.equal(new Set(items.map(({ metadata }) => metadata.name)).size, 501);
    assert.equal(api.double.requests.length - before, 2);
  });

  it('reads a list again in one piece when its next page has expired', async () => {
    for (let index = 0; index < 501; index += 1) await kube.create(kinds.configMap, configMap(`m-${index}`));
    api.double.inject({
      action: { kind: 'status', code: 410 },
      matches: ({ query }) => query.has('continue'),
      times: 1,
    });
    const { items } = await kube.list(kinds.configMap, { namespace: 'default' });
    assert.equal(items.length, 501);
    assert.equal(api.double.requests.at(-1)?.query.has('limit'), false);
  });

  it('does not list for ever from a server that has nothing to give', async () => {
    api.double.inject({ action: { kind: 'status', code: 410 } });
    assert.equal((await refusal(kube.list(kinds.configMap))).code, 'MESH_ERR_KUBE_EXPIRED');
    assert.equal(api.double.requests.length, 1);
  });

  it('writes as bigip-mesh-agent', async () => {
    await kube.apply(kinds.configMap, configMap('a'), { force: true });
    const { method, contentType, query, userAgent } = api.double.requests.at(-1) ?? assert.fail();
    assert.deepEqual(
      [method, contentType, query.get('fieldManager'), query.get('force'), userAgent],
      ['PATCH', 'application/apply-patch+yaml', 'bigip-mesh-agent', 'true', 'bigip-mesh-agent'],
    );
  });

  it('gets a token of a service account, for one audience, as a secret', async () => {
    const account = { namespace: 'default', name: 'bigip' };
    await kube.create(kinds.serviceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account });
    const request = { serviceAccount: account, audiences: ['istio-ca'], expirationSeconds: 3600 };
    const { token, expiresAt } = await kube.createTokenRequest(request);
    const [, payload = ''] = token.reveal().split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
    assert.deepEqual([claims['sub'], claims['aud']], ['system:serviceaccount:default:bigip', ['istio-ca']]);
    assert.equal(expiresAt.getTime() / 1000, claims['exp']);
    const stranger = await api.clientFor(token.reveal());
    assert.equal((await refusal(stranger.get(configMaps))).code, 'MESH_ERR_KUBE_UNAUTHORIZED');
  });

  it('asks for no token of a service account that does not exist', async () => {
    const serviceAccount = { namespace: 'default', name: 'nobody' };
    const request = { serviceAccount, audiences: [], expirationSeconds: 600 };
    assert.equal((await refusal(kube.createTokenRequest(request))).code, 'MESH_ERR_KUBE_NOT_FOUND');
  });
});

describe('the connections of the Kubernetes client', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kube-client-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('are pooled', async () => {
    let connections = 0;
    const server = createServer((_request, response) => {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ kind: 'Status', code: 404, reason: 'NotFound', details: { name: 'a' } }));
    });
    server.on('connection', () => (connections += 1));
    const kube = await clientOf(server, folder);
    for (let call = 0; call < 20; call += 1) assert.equal(await kube.get(configMaps), undefined);
    assert.ok(connections <= 2, `${connections} connections for 20 calls`);
  });

  it('verify the server against the CA of the kubeconfig', async () => {
    const [tls, other] = await Promise.all([issueKubeApiTls(), issueKubeApiTls()]);
    const api = open(await startKubeApi({ tls }));
    const path = join(folder, 'config');
    await writeFile(path, api.kubeconfig());
    const kube = open(new KubeClient({ path }));
    assert.equal(await kube.get(configMaps), undefined);
    await writeFile(path, renderKubeconfig({ server: api.url, token: 'hunter2', tls: other }));
    const deceived = open(new KubeClient({ path }));
    const error = await refusal(deceived.get(configMaps));
    assert.equal(error.code, 'MESH_ERR_KUBE_UNREACHABLE');
    assert.equal(api.requests.length, 1);
  });

  it('take a CA file that was replaced with the next call', async () => {
    const [tls, other] = await Promise.all([issueKubeApiTls(), issueKubeApiTls()]);
    const api = open(await startKubeApi({ tls }));
    const caFile = join(folder, 'ca.crt');
    const path = join(folder, 'config');
    const config = parse(api.kubeconfig()) as { clusters: { cluster: Record<string, string> }[] };
    for (const { cluster } of config.clusters) {
      delete cluster['certificate-authority-data'];
      cluster['certificate-authority'] = caFile;
    }
    await writeFile(path, stringify(config));
    await writeFile(caFile, other.ca);
    const kube = open(new KubeClient({ path }));
    assert.equal((await refusal(kube.get(configMaps))).code, 'MESH_ERR_KUBE_UNREACHABLE');
    await writeFile(caFile, tls.ca);
    assert.equal(await kube.get(configMaps), undefined);
    await rm(caFile);
    const error = await refusal(kube.get(configMaps));
    assert.equal(error.code, 'MESH_ERR_KUBE_UNAUTHORIZED');
    assert.match(error.message, /ENOENT .*ca\.crt/);
  });

  it('do not wait longer than the deadline for a credential plugin', async () => {
    const server = createServer();
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'sleep', args: ['0.3'] };
    const clock = new FakeClock();
    const kube = await clientOf(server, folder, { user: { exec }, clock });
    const call = refusal(kube.get(configMaps, { timeoutMs: 1000 }));
    while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(1000);
    assert.match((await call).message, /no answer within 1000 ms$/);
  });

  it('read the token file again, and take one that ends with a line feed', async () => {
    const tokens: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      tokens.push(request.headers.authorization);
      response.writeHead(403).end();
    });
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, 'from-file\n');
    const kube = await clientOf(server, folder, {
      user: { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } },
    });
    await refusal(kube.get(configMaps));
    assert.deepEqual(tokens, ['Bearer from-file']);
  });
});

const status = (content: object): string => JSON.stringify({ kind: 'Status', ...content });

describe('what the Kubernetes client does not take for an answer', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kube-client-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  for (const [what, code, body, expected] of [
    ['a page of a proxy', 200, '<html>sign in</html>', 'MESH_ERR_KUBE_UNREACHABLE'],
    ['a 404 of a proxy', 404, '<html>not found</html>', 'MESH_ERR_KUBE_NOT_SERVED'],
    [
      'a 404 about the kind',
      404,
      status({ code: 404, reason: 'NotFound', details: {} }),
      'MESH_ERR_KUBE_NOT_SERVED',
    ],
    [
      'a 404 about another object',
      404,
      status({ code: 404, reason: 'NotFound', details: { name: 'default' } }),
      'MESH_ERR_KUBE_NOT_FOUND',
    ],
    ['a redirect', 302, '', 'MESH_ERR_KUBE_UNREACHABLE'],
    ['half an object', 200, '{"kind":"ConfigMap","meta', 'MESH_ERR_KUBE_UNREACHABLE'],
    ['something else than an object', 200, '[]', 'MESH_ERR_KUBE_UNREACHABLE'],
    [
      'another object',
      200,
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"}}',
      'MESH_ERR_KUBE_UNREACHABLE',
    ],
    [
      'an object without a name',
      200,
      '{"apiVersion":"v1","kind":"A","metadata":{}}',
      'MESH_ERR_KUBE_UNREACHABLE',
    ],
  ] as const) {
    it(`is ${what}`, async () => {
      const server = createServer((_request, response) => response.writeHead(code).end(body));
      const kube = await clientOf(server, folder);
      assert.equal((await refusal(kube.get(configMaps))).code, expected);
      assert.notEqual((await refusal(kube.list(kinds.configMap))).code, undefined);
    });
  }

  for (const [what, code, body, reason] of [
    ['is too old by HTTP', 410, status({ code: 410, reason: 'Expired' }), 'expired'],
    [
      'is too old by event',
      200,
      '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n',
      'expired',
    ],
    ['fails', 200, '{"type":"ERROR","object":{"kind":"Status","code":500}}\n', 'failed'],
    ['is forbidden', 403, status({ code: 403 }), 'failed'],
    ['is cut in the middle of a line', 200, '{"type":"ADDED","obj', 'failed'],
    ['says what nobody knows', 200, '{"type":"SURPRISE","object":{}}\n', 'failed'],
    ['ends in good order', 200, '', 'closed'],
  ] as const) {
    it(`is the silence of a watch that ${what}`, async () => {
      const server = createServer((_request, response) => response.writeHead(code).end(body));
      const kube = await clientOf(server, folder);
      const seen: string[] = [];
      for await (const event of kube.watch(kinds.configMap, {}, { resourceVersion: '1' })) {
        seen.push(event.type === 'ended' ? event.reason : event.type);
      }
      assert.deepEqual(seen, [reason]);
    });
  }
});

function open<T extends { close(): Promise<unknown> }>(resource: T): T {
  opened.push(() => resource.close());
  return resource;
}

async function clientOf(
  server: Server,
  folder: string,
  { user, clock }: { readonly user?: object; readonly clock?: Clock } = {},
): Promise<KubeClient> {
  opened.push(() => stop(server));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const path = join(folder, 'kubeconfig');
  await writeFile(path, renderKubeconfig({ server: url, token: 't', tls: undefined }));
  if (user !== undefined) {
    const config = parse(await readFile(path, 'utf8')) as { users: object[] };
    await writeFile(path, stringify({ ...config, users: [{ name: 'kube-api', user }] }));
  }
  return open(new KubeClient({ path, ...(clock === undefined ? {} : { clock }) }));
}

async function stop(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}
