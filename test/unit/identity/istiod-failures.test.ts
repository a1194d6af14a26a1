import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { status } from '@grpc/grpc-js';
import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { assertRefused } from '../../support/assert-refused.js';
import { hourMs, id, IstiodBed, request } from './istiod-bed.js';

describe('IstiodSource when the CA fails', () => {
  let bed: IstiodBed;
  before(async () => (bed = await IstiodBed.start()));
  after(() => bed.close());
  beforeEach(() => bed.begin());
  afterEach(() => bed.end());

  for (const code of [
    status.INTERNAL,
    status.UNAVAILABLE,
    status.DEADLINE_EXCEEDED,
    status.RESOURCE_EXHAUSTED,
    status.ABORTED,
    status.CANCELLED,
  ]) {
    it(`tries again after ${status[code]}, over a new connection`, async () => {
      bed.server.failNext({ code, message: 'CA_NOT_READY' });
      await bed.fetch();
      assert.equal(bed.server.calls.length, 2);
      assert.notEqual(bed.server.calls[0]?.peer, bed.server.calls[1]?.peer);
    });
  }

  it('tries five times, at growing distances, and gives up with the last reason', async () => {
    bed.server.failNext(
      ...Array.from({ length: 5 }, () => ({
        code: status.INTERNAL,
        message: 'CSR signing error (CA_NOT_READY)',
      })),
    );
    await assertRefused(
      bed.fetch(),
      'MESH_ERR_CA_UNAVAILABLE',
      /gave no certificate \(INTERNAL: CSR signing error \(CA_NOT_READY\)\)/,
    );
    assert.equal(bed.server.calls.length, 5);
    assert.equal(bed.slept.length, 4);
    for (const [index, ms] of bed.slept.entries()) {
      const planned = 100 * 2 ** index;
      assert.ok(ms >= planned * 0.9 && ms <= planned * 1.1, `${ms} ms for ${planned} ms`);
    }
  });

  for (const code of [status.INVALID_ARGUMENT, status.PERMISSION_DENIED, status.UNKNOWN]) {
    it(`does not try again after ${status[code]}`, async () => {
      bed.server.failNext({ code, message: 'no' });
      await assertRefused(
        bed.fetch(),
        'MESH_ERR_CA_REQUEST_REFUSED',
        new RegExp(`${bed.server.address}.*no\\)`),
      );
      assert.equal(bed.server.calls.length, 1);
    });
  }

  it('says which lifetime is too long for istiod', async () => {
    await assertRefused(
      bed.fetch(bed.source(), request(id, 2161 * hourMs)),
      'MESH_ERR_CA_REQUEST_REFUSED',
      /INVALID_ARGUMENT: CSR signing error \(TTL_ERROR/,
      /identity\.ttl/,
    );
  });

  it('says that its signer has expired', async () => {
    const old = await MeshCa.create({ now: new Date(bed.time.now().getTime() - 4000 * 24 * hourMs) });
    bed.server.signWith(old);
    await assertRefused(bed.fetch(), 'MESH_ERR_CA_UNAVAILABLE', /CERT_GEN_ERROR.*expired/);
  });

  it('refuses a certificate that an expired signer signed all the same, as before Istio 1.30', async () => {
    const old = await MeshCa.create({ now: new Date(bed.time.now().getTime() - 4000 * 24 * hourMs) });
    bed.server.bendAnswers(([leaf = '']) => [leaf, old.intermediateCertificate.toString(), old.rootPem]);
    await assertRefused(bed.fetch(), 'MESH_ERR_SVID_UNTRUSTED', /signed by nobody/);
  });

  it('says that there is no CA behind the port', async () => {
    await bed.startServer({ hasCaService: false });
    await assertRefused(bed.fetch(), 'MESH_ERR_CA_NOT_SERVED', /nobody signs certificates at 127/, /15012/);
  });

  it('says that nobody listens', async () => {
    await bed.server.close();
    await assertRefused(bed.fetch(), 'MESH_ERR_CA_UNAVAILABLE', /UNAVAILABLE/, /answers from here/);
  });

  it('waits for an answer no longer than its deadline', async () => {
    const silent = createServer((socket) => socket.resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const from = bed.source({ deadlineMs: 20 }, { address: `127.0.0.1:${port}` });
    await assertRefused(bed.fetch(from), 'MESH_ERR_CA_UNAVAILABLE', /DEADLINE_EXCEEDED/);
    await new Promise((resolve) => silent.close(resolve));
  });

  it('stops at once when the signal aborts', async () => {
    const controller = new AbortController();
    const reason = new Error('shutting down');
    const from = bed.source({
      clock: { ...bed.clock, sleep: () => Promise.resolve(controller.abort(reason)) },
    });
    bed.server.failNext({ code: status.UNAVAILABLE, message: 'later' });
    await assert.rejects(bed.fetch(from, request(), controller), reason);
    assert.equal(bed.server.calls.length, 1);
  });
});
