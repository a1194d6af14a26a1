import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client, credentials, Metadata, status } from '@grpc/grpc-js';

import type { Clock } from '../../../src/clock.js';
import { MeshCa } from '../../../src/demo/mesh-ca.js';
import type { FetchedSvid, SvidRequest } from '../../../src/identity/identity-source.js';
import { MeshRoots } from '../../../src/identity/mesh-roots.js';
import { fetchVerifiedSvid } from '../../../src/identity/verify-svid.js';
import { fetchX509SvidMethod } from '../../../src/identity/workload-api-protocol.js';
import { WorkloadApiSource } from '../../../src/identity/workload-api-source.js';
import type { WorkloadApiSourceOptions } from '../../../src/identity/workload-api-source.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { assertRefused } from '../../support/assert-refused.js';
import { served, WorkloadApiServer } from '../../support/workload-api-server.js';
import type { ServedSvid } from '../../support/workload-api-server.js';

const now = new Date('2030-01-01T00:00:00Z');
const id = 'spiffe://cluster.local/ns/default/sa/bigip';
const otherId = 'spiffe://cluster.local/ns/default/sa/other';

function request(text = id): SvidRequest {
  const parsed = parseSpiffeId(text);
  assert.ok(parsed.ok);
  return { spiffeId: parsed.value, ttlMs: 3_600_000, keyType: 'ec-p256' };
}

describe('WorkloadApiSource', () => {
  let slept: number[];
  let clock: Clock;
  let ca: MeshCa;
  let api: WorkloadApiServer;
  before(async () => {
    ca = await MeshCa.create({ now });
  });
  beforeEach(async () => {
    slept = [];
    clock = {
      now: () => now,
      sleep: (ms) => {
        slept.push(ms);
        return Promise.resolve();
      },
    };
    api = await WorkloadApiServer.start();
  });
  afterEach(() => api.close());

  const source = (options: Partial<WorkloadApiSourceOptions> = {}): WorkloadApiSource =>
    new WorkloadApiSource({
      address: api.address,
      trustDomain: 'cluster.local',
      roots: new MeshRoots([]),
      clock,
      ...options,
    });
  const fetch = (from = source(), of = request(), { signal } = new AbortController()): Promise<FetchedSvid> =>
    fetchVerifiedSvid(from, of, () => now, signal);
  const mint = async (text = id, from = ca): Promise<ServedSvid> =>
    served(await from.mint(text), [from.rootCertificate]);

  it('takes the SVID of the SPIFFE ID, its chain, its key and its roots', async () => {
    const svid = await ca.mint(id);
    api.serve([await mint(otherId), served(svid, [ca.rootCertificate])]);
    const fetched = await fetch();
    assert.equal(fetched.svid.fingerprint256, svid.fingerprint256);
    assert.deepEqual(fetched.svid.chain.map(String), [ca.intermediateCertificate.toString()]);
    assert.ok(fetched.svid.privateKey.equals(svid.privateKey));
    assert.deepEqual(fetched.trustBundle.roots[0]?.origins, [`the Workload API at ${api.address}`]);
  });

  it('takes the first of several with the same SPIFFE ID', async () => {
    const [one, two] = [await mint(), await mint()];
    api.serve([one, two]);
    const { svid } = await fetch();
    assert.ok(one.x509_svid.subarray(0, svid.leaf.raw.length).equals(svid.leaf.raw));
  });

  it('takes the state of this moment: a rotated SVID and a changed bundle count at once', async () => {
    const next = await MeshCa.create({ now, cluster: 'next' });
    api.serve([await mint()]);
    const before = await fetch();
    api.serve([served(await next.mint(id), [ca.rootCertificate, next.rootCertificate])]);
    const after = await fetch();
    assert.notEqual(after.svid.fingerprint256, before.svid.fingerprint256);
    assert.equal(after.trustBundle.roots.length, 2);
    api.serve([served(await next.mint(id), [next.rootCertificate])]);
    assert.equal((await source().fetchTrustBundle(new AbortController().signal)).toPem(), next.rootPem);
    await assertRefused(
      fetch(source(), request(otherId)),
      'MESH_ERR_SVID_MISSING',
      /has no SVID of spiffe:\S+\/other for this process, only of spiffe:\S+\/bigip$/,
      /SPIRE/,
    );
  });

  it('listens no longer than it takes to hear the state', async () => {
    api.serve([await mint()]);
    await fetch();
    await api.untilNobodyListens();
  });

  it('does not trust the roots of other trust domains', async () => {
    const foreign = await MeshCa.create({ now, cluster: 'foreign' });
    const federated = served(await foreign.mint('spiffe://other.example/ns/a/sa/b'), [
      foreign.rootCertificate,
    ]);
    api.serve([await mint(), federated], { 'spiffe://other.example': foreign.rootCertificate.raw });
    const { signal } = new AbortController();
    for (const bundle of [(await fetch()).trustBundle, await source().fetchTrustBundle(signal)]) {
      assert.equal(bundle.toPem(), ca.rootPem);
    }
  });

  it('adds configured roots, and names where each came from', async () => {
    const old = await MeshCa.create({ now, cluster: 'old' });
    const roots = new MeshRoots([() => Promise.resolve({ origin: '/etc/old.pem', pem: old.rootPem })]);
    api.serve([await mint()]);
    const { trustBundle } = await fetch(source({ roots }));
    assert.deepEqual(trustBundle.roots.flatMap(({ origins }) => origins).toSorted(), [
      '/etc/old.pem',
      `the Workload API at ${api.address}`,
    ]);
  });

  it('says that the trust domain is another one', async () => {
    api.serve([await mint()]);
    await assertRefused(
      source({ trustDomain: 'cluster' }).fetchTrustBundle(new AbortController().signal),
      'MESH_ERR_SVID_MISSING',
      /no SVID of trust domain cluster for this process/,
      /mesh\.trustDomain/,
    );
  });

  it('says that nothing is registered for it, and asks no second time', async () => {
    await assertRefused(
      fetch(),
      'MESH_ERR_WORKLOAD_API_DENIED',
      /knows no identity for this process \(PERMISSION_DENIED: no identity issued\)/,
      /selectors/,
    );
    assert.equal(api.calls, 1);
  });

  it('tries three times while nobody answers', async () => {
    api.serve([await mint()]);
    const failure = { code: status.UNAVAILABLE, message: 'starting' };
    api.failNext(failure, failure);
    await fetch();
    assert.deepEqual(slept, [1000, 2000]);
    api.failNext(failure, failure, failure);
    await assertRefused(fetch(), 'MESH_ERR_WORKLOAD_API_UNAVAILABLE', /UNAVAILABLE: starting/);
  });

  it('says that there is no socket', async () => {
    const from = source({ address: 'unix:///nowhere/api.sock' });
    await assertRefused(fetch(from), 'MESH_ERR_WORKLOAD_API_UNAVAILABLE', /ENOENT/, /mounted/);
  });

  it('waits no longer than its deadline for a socket that says nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'silent-'));
    const silent = createServer((socket) => socket.resume());
    await new Promise<void>((resolve) => silent.listen(join(folder, 's'), resolve));
    const from = source({ address: `unix://${join(folder, 's')}`, deadlineMs: 20 });
    await assertRefused(fetch(from), 'MESH_ERR_WORKLOAD_API_UNAVAILABLE', /DEADLINE_EXCEEDED/);
    await new Promise((resolve) => silent.close(resolve));
    await rm(folder, { recursive: true });
  });

  it('does not repeat a call that was refused as such', async () => {
    api.failNext({ code: status.INVALID_ARGUMENT, message: 'security header missing from request' });
    await assertRefused(fetch(), 'MESH_ERR_WORKLOAD_API_REFUSED', /INVALID_ARGUMENT: security header/);
    assert.equal(api.calls, 1);
  });

  it('stops when the signal aborts', async () => {
    const controller = new AbortController();
    const reason = new Error('shutting down');
    api.failNext({ code: status.UNAVAILABLE, message: 'later' });
    const from = source({ clock: { ...clock, sleep: () => Promise.resolve(controller.abort(reason)) } });
    await assert.rejects(fetch(from, request(), controller), reason);
    await assert.rejects(fetch(source(), request(), controller), reason);
  });

  for (const [what, bend, code, message] of [
    [
      'a broken certificate',
      (svid: ServedSvid) => ({ ...svid, x509_svid: svid.x509_svid.subarray(0, -5) }),
      'MESH_ERR_SVID_UNREADABLE',
      /x509_svid of spiffe:.* certificate 2 in it is broken/,
    ],
    [
      'no certificate',
      (svid: ServedSvid) => ({ ...svid, x509_svid: Buffer.alloc(0) }),
      'MESH_ERR_SVID_UNREADABLE',
      /x509_svid of .* it is empty/,
    ],
    [
      'a broken key',
      (svid: ServedSvid) => ({ ...svid, x509_svid_key: Buffer.from('no key') }),
      'MESH_ERR_SVID_UNREADABLE',
      /x509_svid_key of .* it is no PKCS#8 key/,
    ],
    [
      'a broken bundle',
      (svid: ServedSvid) => ({ ...svid, bundle: Buffer.from('no certificate') }),
      'MESH_ERR_SVID_UNREADABLE',
      /bundle of .* certificate 1 in it is broken/,
    ],
    [
      'an empty bundle',
      (svid: ServedSvid) => ({ ...svid, bundle: Buffer.alloc(0) }),
      'MESH_ERR_ROOTS_MISSING',
      /no root certificate/,
    ],
    [
      'the certificate of another identity',
      (svid: ServedSvid) => ({ ...svid, spiffe_id: otherId }),
      'MESH_ERR_SVID_WRONG_IDENTITY',
      /carries spiffe:\S+\/bigip/,
    ],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const svid = bend(await mint());
      api.serve([svid]);
      await assertRefused(fetch(source(), request(svid.spiffe_id)), code, message);
    });
  }

  it("refuses another SVID's key", async () => {
    const [one, two] = [await mint(), await mint()];
    api.serve([{ ...one, x509_svid_key: two.x509_svid_key }]);
    await assertRefused(fetch(), 'MESH_ERR_SVID_KEY_MISMATCH', /is not its key/);
  });
});

describe('the double of the Workload API', () => {
  it('refuses a call without the security header, as the real one does', async () => {
    const api = await WorkloadApiServer.start();
    const client = new Client(api.address, credentials.createInsecure());
    const method = fetchX509SvidMethod();
    const stream = client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      {},
      new Metadata(),
    );
    const code = await new Promise((resolve) =>
      stream.once('error', (error) => resolve(Reflect.get(error, 'code'))),
    );
    assert.equal(code, status.INVALID_ARGUMENT);
    client.close();
    await api.close();
  });
});
