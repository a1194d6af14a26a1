import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';

import { status } from '@grpc/grpc-js';

import type { Clock } from '../../../src/clock.js';
import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { tokenFromFile } from '../../../src/identity/ca-token.js';
import type { ReadCaToken } from '../../../src/identity/ca-token.js';
import type { FetchedSvid, SvidRequest } from '../../../src/identity/identity-source.js';
import { IstiodSource } from '../../../src/identity/istiod-source.js';
import type { IstiodSourceOptions } from '../../../src/identity/istiod-source.js';
import { MeshRoots } from '../../../src/identity/mesh-roots.js';
import { tokenFromTokenRequest } from '../../../src/identity/token-request.js';
import { fetchVerifiedSvid } from '../../../src/identity/verify-svid.js';
import { kinds } from '../../../src/kube/kinds.js';
import { Secret } from '../../../src/secret.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { assertRefused } from '../../support/assert-refused.js';
import { FakeClock } from '../../support/fake-clock.js';
import { startDouble } from '../../support/kube-api.js';
import type { TestKubeApi } from '../../support/kube-api.js';
import { MeshCaServer } from '../../support/mesh-ca-server.js';
import type { MeshCaServerOptions } from '../../support/mesh-ca-server.js';
import { reviewByKubeApi } from '../../support/token-review.js';

const hourMs = 3_600_000;
const id = 'spiffe://cluster.local/ns/default/sa/bigip';

function request(spiffeId = id, ttlMs = hourMs): SvidRequest {
  const parsed = parseSpiffeId(spiffeId);
  assert.ok(parsed.ok);
  return { spiffeId: parsed.value, ttlMs, keyType: 'ec-p256' };
}

describe('IstiodSource', () => {
  let time: FakeClock;
  let slept: number[];
  let clock: Clock;
  let api: TestKubeApi;
  let ca: MeshCa;
  let server: MeshCaServer;
  let folder: string;
  let published: () => string | undefined;
  const running: MeshCaServer[] = [];

  before(async () => {
    // TLS looks at the real time, so the CA's certificates have to be of today.
    time = new FakeClock(new Date());
    clock = {
      now: () => time.now(),
      sleep: (ms) => {
        slept.push(ms);
        return Promise.resolve();
      },
    };
    folder = await mkdtemp(join(tmpdir(), 'istiod-'));
    api = await startDouble({ clock: time });
    for (const name of ['bigip', 'other']) {
      await api.kube.create(kinds.serviceAccount, {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { namespace: 'default', name },
      });
    }
    ca = await MeshCa.create({ now: time.now() });
  });
  after(async () => {
    await api.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    slept = [];
    published = () => ca.rootPem;
    server = await startServer();
  });
  afterEach(async () => {
    for (const started of running.splice(0)) await started.close();
  });

  async function startServer(options: Partial<MeshCaServerOptions> = {}): Promise<MeshCaServer> {
    const reviewToken = reviewByKubeApi(api.kube);
    const started = await MeshCaServer.start({ ca, reviewToken, clock: time, ...options });
    running.push(started);
    return started;
  }

  function source(
    options: Partial<IstiodSourceOptions> = {},
    endpoint: Partial<IstiodSourceOptions['endpoint']> = {},
  ): IstiodSource {
    const roots = new MeshRoots([
      () => {
        const pem = published();
        return Promise.resolve(
          pem === undefined ? undefined : { origin: 'ConfigMap istio-system/istio-ca-root-cert', pem },
        );
      },
    ]);
    return new IstiodSource({
      endpoint: { address: server.address, serverName: server.serverName, certSigner: '', ...endpoint },
      roots,
      readToken: tokenFromTokenRequest(api.kube, 'istio-ca'),
      audience: 'istio-ca',
      clock,
      ...options,
    });
  }

  const fetch = (from = source(), of = request(), { signal } = new AbortController()): Promise<FetchedSvid> =>
    fetchVerifiedSvid(from, of, () => time.now(), signal);

  async function tokenOf(
    name: string,
    audiences: readonly string[] = ['istio-ca'],
    expirationSeconds = 600,
  ): Promise<Secret> {
    const serviceAccount = { namespace: 'default', name };
    const { token } = await api.kube.createTokenRequest({ serviceAccount, audiences, expirationSeconds });
    return token;
  }

  async function fileToken(token: Secret): Promise<ReadCaToken> {
    const file = join(folder, 'token');
    await writeFile(file, token.reveal());
    return tokenFromFile(file);
  }

  it('gets a certificate for a key of its own with a token of the service account', async () => {
    const { svid, trustBundle } = await fetch();
    assert.equal(svid.spiffeId.text, id);
    assert.deepEqual(svid.chain.map(String), [ca.intermediateCertificate.toString()]);
    assert.equal(svid.notAfter.getTime(), Math.floor((time.now().getTime() + hourMs) / 1000) * 1000);
    assert.equal(trustBundle.toPem(), ca.rootPem);
    assert.deepEqual(server.calls, [
      { ...server.calls[0], clusterId: undefined, certSigner: '', validitySeconds: 3600 },
    ]);
  });

  it('makes a new key and takes a new connection every time', async () => {
    const [one, two] = [await fetch(), await fetch()];
    assert.ok(!one.svid.privateKey.equals(two.svid.privateKey));
    assert.notEqual(server.calls[0]?.peer, server.calls[1]?.peer);
  });

  it('asks with a key of the type that is wanted', async () => {
    for (const keyType of ['ec-p384', 'rsa-2048'] as const) {
      const { svid } = await fetch(source(), { ...request(), keyType });
      assert.equal(svid.privateKey.asymmetricKeyType, keyType === 'rsa-2048' ? 'rsa' : 'ec');
    }
  });

  it('sends cluster and signer where they are configured', async () => {
    await fetch(source({}, { clusterId: 'Kubernetes', certSigner: 'example.com/foo' }));
    assert.equal(server.calls[0]?.clusterId, 'Kubernetes');
    assert.equal(server.calls[0]?.certSigner, 'example.com/foo');
  });

  it('names where each root came from, and knows one that came twice once', async () => {
    const old = await MeshCa.create({ now: time.now(), cluster: 'old' });
    published = () => old.rootPem + ca.rootPem + ca.rootPem;
    const { trustBundle } = await fetch();
    const origins = new Map(
      trustBundle.roots.map(({ certificate, origins }) => [certificate.subject, origins]),
    );
    assert.equal(trustBundle.roots.length, 2);
    assert.deepEqual(origins.get(ca.rootCertificate.subject), [
      'ConfigMap istio-system/istio-ca-root-cert',
      `the answer of the mesh CA at ${server.address}`,
    ]);
    assert.deepEqual(origins.get(old.rootCertificate.subject), ['ConfigMap istio-system/istio-ca-root-cert']);
  });

  it('sets aside what is no root, and names it', async () => {
    published = () => ca.rootPem + ca.intermediateCertificate.toString();
    const { trustBundle } = await fetch();
    assert.equal(trustBundle.toPem(), ca.rootPem);
    assert.deepEqual(trustBundle.setAside, [
      {
        origin: 'ConfigMap istio-system/istio-ca-root-cert',
        subject: 'L=cluster1, CN=Intermediate CA, O=Istio',
        reason: 'not self-signed',
      },
    ]);
  });

  it('gives the published roots alone without asking the CA', async () => {
    const bundle = await source().fetchTrustBundle(new AbortController().signal);
    assert.equal(bundle.toPem(), ca.rootPem);
    assert.equal(server.calls.length, 0);
  });

  describe('and the answer of the CA', () => {
    it('may have the whole chain in one element, as before Istio 1.26', async () => {
      server.bendAnswers((chain) => [chain.slice(0, -1).join(''), chain.at(-1) ?? '']);
      const { svid } = await fetch();
      assert.deepEqual(svid.chain.map(String), [ca.intermediateCertificate.toString()]);
    });

    it('may repeat the root in the chain, and end without a line feed', async () => {
      server.bendAnswers((chain) => [...chain.slice(0, -1), ca.rootPem, ca.rootPem.trimEnd()]);
      const { svid } = await fetch();
      assert.deepEqual(svid.chain.map(String), [ca.intermediateCertificate.toString()]);
    });

    it('may bring several roots, which all count', async () => {
      const next = await MeshCa.create({ now: time.now(), cluster: 'next' });
      server.signWith(ca, [ca, next]);
      const { trustBundle } = await fetch();
      assert.ok(trustBundle.has(ca.rootCertificate));
      assert.ok(trustBundle.has(next.rootCertificate));
    });

    it('may be of a CA with a new root, which counts beside the published one', async () => {
      const next = await MeshCa.create({ now: time.now(), cluster: 'next' });
      server.signWith(next, [ca, next]);
      const { svid, trustBundle } = await fetch();
      assert.deepEqual(svid.chain.map(String), [next.intermediateCertificate.toString()]);
      assert.equal(trustBundle.roots.length, 2);
    });

    for (const [what, bend, reason] of [
      ['has one element', (chain: string[]) => chain.slice(0, 1), /it has 1 elements instead of/],
      ['is empty', () => [], /it has 0 elements/],
      [
        'is broken in one place',
        ([leaf = '', ...rest]: string[]) => [leaf.slice(0, 200), ...rest],
        /element 1: a PEM block/,
      ],
      ['has an empty last element', (chain: string[]) => [...chain, ' '], /its last element.* is empty/],
      [
        'has nothing before the roots',
        (chain: string[]) => ['', chain.at(-1) ?? ''],
        /no certificate before/,
      ],
    ] as const) {
      it(`is refused when it ${what}`, async () => {
        server.bendAnswers(bend);
        await assertRefused(fetch(), 'MESH_ERR_CA_ANSWER', reason, /CA of the mesh/);
        assert.equal(server.calls.length, 1);
      });
    }

    it('is refused when it is of the future, because a clock is wrong', async () => {
      const ahead: Clock = { ...clock, now: () => new Date(time.now().getTime() + hourMs) };
      server = await startServer({ clock: ahead });
      await assertRefused(
        fetch(),
        'MESH_ERR_SVID_NOT_VALID_NOW',
        /is not valid before/,
        /compare the clocks/,
      );
    });

    it("is refused when it is for another key than the request's", async () => {
      const { svid } = await fetch();
      server.bendAnswers(([, ...rest]) => [svid.renderLeafPem(), ...rest]);
      await assertRefused(fetch(), 'MESH_ERR_SVID_KEY_MISMATCH', /is not its key/);
    });

    it('is refused when its chain leads nowhere', async () => {
      const other = await MeshCa.create({ now: time.now(), cluster: 'other' });
      server.bendAnswers(([leaf = '', , roots = '']) => [leaf, roots]);
      await assertRefused(fetch(), 'MESH_ERR_SVID_UNTRUSTED', /signed by nobody/);
      server.bendAnswers(([leaf = '', , roots = '']) => [
        leaf,
        other.intermediateCertificate.toString(),
        roots,
      ]);
      await assertRefused(fetch(), 'MESH_ERR_SVID_UNTRUSTED', /signed by nobody/);
    });

    it('is refused when it is of another trust domain', async () => {
      server = await startServer({ trustDomain: 'old.example' });
      await assertRefused(
        fetch(),
        'MESH_ERR_SVID_WRONG_IDENTITY',
        /carries spiffe:\/\/old\.example\/ns\/default\/sa\/bigip/,
        /mesh\.trustDomain/,
      );
    });
  });

  describe('and istio-csr', () => {
    beforeEach(async () => {
      server = await startServer({ flavour: 'istio-csr' });
    });

    it('signs its request, for as long as it likes, and without KeyUsage', async () => {
      const { svid } = await fetch(source(), request(id, 24 * hourMs));
      assert.equal(svid.notAfter.getTime(), Math.floor((time.now().getTime() + hourMs) / 1000) * 1000);
    });

    it('is never asked for no time at all', async () => {
      await fetch(source(), request(id, 1));
      assert.equal(server.calls[0]?.validitySeconds, 1);
    });

    it('refuses another trust domain with words that help nobody, to which a reason is added', async () => {
      await assertRefused(
        fetch(source(), request('spiffe://other.example/ns/default/sa/bigip')),
        'MESH_ERR_CA_TOKEN_REFUSED',
        /the token of service account default\/bigip: its time and audience are right \(UNAUTHENTICATED/,
        /trust domain/,
      );
    });
  });

  describe('and its token', () => {
    it('is read from a file each time', async () => {
      const readToken = await fileToken(await tokenOf('other'));
      const from = source({ readToken });
      await assertRefused(fetch(from), 'MESH_ERR_CA_TOKEN_REFUSED', /default\/other, not of default\/bigip/);
      assert.equal(server.calls.length, 0, 'nobody signed for another account');
      await fileToken(await tokenOf('bigip'));
      await fetch(from);
    });

    it('is named when it cannot be read, is empty, or is no token', async () => {
      const missing = source({ readToken: tokenFromFile(join(folder, 'nothing')) });
      await assertRefused(fetch(missing), 'MESH_ERR_CA_TOKEN_MISSING', /nothing cannot be read \(ENOENT\)/);
      const empty = source({ readToken: await fileToken(new Secret('\n')) });
      await assertRefused(fetch(empty), 'MESH_ERR_CA_TOKEN_MISSING', /token is empty/);
      const cut = source({ readToken: await fileToken(new Secret('to\nken-4711')) });
      const error = await assertRefused(fetch(cut), 'MESH_ERR_CA_TOKEN_MISSING', /is no token/);
      assert.doesNotMatch(inspect(error, { showHidden: true, depth: 9 }), /4711/);
    });

    it('is missing where the service account does not exist', async () => {
      await assertRefused(
        fetch(source(), request('spiffe://cluster.local/ns/default/sa/nobody')),
        'MESH_ERR_CA_TOKEN_MISSING',
        /service account default\/nobody does not exist/,
        /kubectl create serviceaccount nobody --namespace default/,
      );
    });

    it('is told to have expired', async () => {
      const token = await tokenOf('bigip');
      await time.advance(601_000);
      await assertRefused(
        fetch(source({ readToken: await fileToken(token) })),
        'MESH_ERR_CA_TOKEN_REFUSED',
        /does not accept the token in .*: it expired at 20/,
        /renewed.*clocks/,
      );
    });

    it('is told to be for another audience', async () => {
      const token = await tokenOf('bigip', ['vault']);
      await assertRefused(
        fetch(source({ readToken: await fileToken(token) })),
        'MESH_ERR_CA_TOKEN_REFUSED',
        /it is for the audience vault and not for istio-ca/,
        /audience istio-ca/,
      );
    });

    it('is told to be of a cluster that the CA does not know', async () => {
      await assertRefused(
        fetch(source({}, { clusterId: 'west' })),
        'MESH_ERR_CA_TOKEN_REFUSED',
        /may not know the cluster west/,
        /clusterId/,
      );
    });

    it('is not sent twice once it was refused', async () => {
      await assert.rejects(fetch(source({}, { clusterId: 'west' })));
      assert.equal(server.calls.length, 1);
      assert.deepEqual(slept, []);
    });

    it('is in no error, even where the CA quotes it', async () => {
      const token = await tokenOf('bigip');
      for (const code of [status.UNAUTHENTICATED, status.INVALID_ARGUMENT, status.DATA_LOSS]) {
        server.failNext({ code, message: `bad\nheader: Bearer ${token.reveal()}` });
        const error: unknown = await fetch(source({ readToken: await fileToken(token) })).catch(
          (error: unknown) => error,
        );
        const shown = inspect(error, { showHidden: true, depth: 9 });
        assert.match(shown, /bad header: Bearer \[redacted\]/);
        assert.ok(!shown.includes(token.reveal()));
      }
    });
  });

  describe('when the CA fails', () => {
    for (const code of [
      status.INTERNAL,
      status.UNAVAILABLE,
      status.DEADLINE_EXCEEDED,
      status.RESOURCE_EXHAUSTED,
      status.ABORTED,
      status.CANCELLED,
    ]) {
      it(`tries again after ${status[code]}, over a new connection`, async () => {
        server.failNext({ code, message: 'CA_NOT_READY' });
        await fetch();
        assert.equal(server.calls.length, 2);
        assert.notEqual(server.calls[0]?.peer, server.calls[1]?.peer);
      });
    }

    it('tries five times, at growing distances, and gives up with the last reason', async () => {
      server.failNext(
        ...Array.from({ length: 5 }, () => ({
          code: status.INTERNAL,
          message: 'CSR signing error (CA_NOT_READY)',
        })),
      );
      await assertRefused(
        fetch(),
        'MESH_ERR_CA_UNAVAILABLE',
        /gave no certificate \(INTERNAL: CSR signing error \(CA_NOT_READY\)\)/,
      );
      assert.equal(server.calls.length, 5);
      assert.equal(slept.length, 4);
      for (const [index, ms] of slept.entries()) {
        const planned = 100 * 2 ** index;
        assert.ok(ms >= planned * 0.9 && ms <= planned * 1.1, `${ms} ms for ${planned} ms`);
      }
    });

    for (const code of [status.INVALID_ARGUMENT, status.PERMISSION_DENIED, status.UNKNOWN]) {
      it(`does not try again after ${status[code]}`, async () => {
        server.failNext({ code, message: 'no' });
        await assertRefused(fetch(), 'MESH_ERR_CA_REQUEST_REFUSED', new RegExp(`${server.address}.*no\\)`));
        assert.equal(server.calls.length, 1);
      });
    }

    it('says which lifetime is too long for istiod', async () => {
      await assertRefused(
        fetch(source(), request(id, 2161 * hourMs)),
        'MESH_ERR_CA_REQUEST_REFUSED',
        /INVALID_ARGUMENT: CSR signing error \(TTL_ERROR/,
        /identity\.ttl/,
      );
    });

    it('says that its signer has expired', async () => {
      const old = await MeshCa.create({ now: new Date(time.now().getTime() - 4000 * 24 * hourMs) });
      server.signWith(old);
      await assertRefused(fetch(), 'MESH_ERR_CA_UNAVAILABLE', /CERT_GEN_ERROR.*expired/);
    });

    it('refuses a certificate that an expired signer signed all the same, as before Istio 1.30', async () => {
      const old = await MeshCa.create({ now: new Date(time.now().getTime() - 4000 * 24 * hourMs) });
      server.bendAnswers(([leaf = '']) => [leaf, old.intermediateCertificate.toString(), old.rootPem]);
      await assertRefused(fetch(), 'MESH_ERR_SVID_UNTRUSTED', /signed by nobody/);
    });

    it('says that there is no CA behind the port', async () => {
      server = await startServer({ hasCaService: false });
      await assertRefused(fetch(), 'MESH_ERR_CA_NOT_SERVED', /nobody signs certificates at 127/, /15012/);
    });

    it('says that nobody listens', async () => {
      await server.close();
      await assertRefused(fetch(), 'MESH_ERR_CA_UNAVAILABLE', /UNAVAILABLE/, /answers from here/);
    });

    it('waits for an answer no longer than its deadline', async () => {
      const silent = createServer((socket) => socket.resume());
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
      const { port } = silent.address() as { port: number };
      const from = source({ deadlineMs: 20 }, { address: `127.0.0.1:${port}` });
      await assertRefused(fetch(from), 'MESH_ERR_CA_UNAVAILABLE', /DEADLINE_EXCEEDED/);
      await new Promise((resolve) => silent.close(resolve));
    });

    it('stops at once when the signal aborts', async () => {
      const controller = new AbortController();
      const reason = new Error('shutting down');
      const from = source({
        clock: { ...clock, sleep: () => Promise.resolve(controller.abort(reason)) },
      });
      server.failNext({ code: status.UNAVAILABLE, message: 'later' });
      await assert.rejects(fetch(from, request(), controller), reason);
      assert.equal(server.calls.length, 1);
    });
  });

  describe("and the CA's own certificate", () => {
    it('must lead to a published root', async () => {
      const other = await MeshCa.create({ now: time.now(), cluster: 'other' });
      published = () => other.rootPem;
      await assertRefused(fetch(), 'MESH_ERR_CA_UNAVAILABLE', /certificate/, /istio-ca-root-cert/);
      assert.equal(server.calls.length, 0, 'no token was sent');
    });

    it('must be for the server name', async () => {
      await assertRefused(
        fetch(source({}, { serverName: 'istiod.elsewhere.svc' })),
        'MESH_ERR_CA_UNAVAILABLE',
        /altnames/,
        /serverName.*not for istiod\.elsewhere\.svc/,
      );
      assert.equal(server.calls.length, 0);
    });

    it('is judged by the roots of this moment after the CA was replaced', async () => {
      const old = await MeshCa.create({ now: time.now(), cluster: 'old' });
      const states = [old.rootPem, ca.rootPem];
      published = () => states.shift() ?? ca.rootPem;
      await fetch();
      assert.equal(slept.length, 1);
    });
  });

  it('refuses to start where nothing says whom the mesh trusts', async () => {
    for (const [pem, code, message] of [
      [undefined, 'MESH_ERR_ROOTS_MISSING', /no root certificate of the mesh/],
      [
        ca.intermediateCertificate.toString(),
        'MESH_ERR_ROOTS_MISSING',
        /CN=Intermediate CA, O=Istio of ConfigMap istio-system\/istio-ca-root-cert is not self-signed/,
      ],
      [ca.rootPem.slice(0, -30), 'MESH_ERR_ROOTS_INVALID', /ConfigMap istio-system\/istio-ca-root-cert/],
    ] as const) {
      published = () => pem;
      await assertRefused(fetch(), code, message);
      await assertRefused(source().fetchTrustBundle(new AbortController().signal), code, message);
    }
    assert.equal(server.calls.length, 0);
  });

  it('refuses an identity that is not of a service account', async () => {
    await assertRefused(
      fetch(source(), request('spiffe://cluster.local/device/bigip')),
      'MESH_ERR_CONFIG_INVALID',
      /not of the form/,
    );
  });
});
