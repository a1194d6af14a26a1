import assert from 'node:assert/strict';
import type { Clock } from '../../../src/clock.js';
import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { assertRefused } from '../../support/assert-refused.js';
import { hourMs, id, IstiodBed, request } from './istiod-bed.js';

describe('IstiodSource', () => {
  let bed: IstiodBed;
  before(async () => (bed = await IstiodBed.start()));
  after(() => bed.close());
  beforeEach(() => bed.begin());
  afterEach(() => bed.end());

  it('gets a certificate for a key of its own with a token of the service account', async () => {
    const { svid, trustBundle } = await bed.fetch();
    assert.equal(svid.spiffeId.text, id);
    assert.deepEqual(svid.chain.map(String), [bed.ca.intermediateCertificate.toString()]);
    assert.equal(svid.notAfter.getTime(), Math.floor((bed.time.now().getTime() + hourMs) / 1000) * 1000);
    assert.equal(trustBundle.toPem(), bed.ca.rootPem);
    assert.deepEqual(bed.server.calls, [
      { ...bed.server.calls[0], clusterId: undefined, certSigner: '', validitySeconds: 3600 },
    ]);
  });

  it('makes a new key and takes a new connection every time', async () => {
    const [one, two] = [await bed.fetch(), await bed.fetch()];
    assert.ok(!one.svid.privateKey.equals(two.svid.privateKey));
    assert.notEqual(bed.server.calls[0]?.peer, bed.server.calls[1]?.peer);
  });

  it('asks with a key of the type that is wanted', async () => {
    for (const keyType of ['ec-p384', 'rsa-2048'] as const) {
      const { svid } = await bed.fetch(bed.source(), { ...request(), keyType });
      assert.equal(svid.privateKey.asymmetricKeyType, keyType === 'rsa-2048' ? 'rsa' : 'ec');
    }
  });

  it('sends cluster and signer where they are configured', async () => {
    await bed.fetch(bed.source({}, { clusterId: 'Kubernetes', certSigner: 'example.com/foo' }));
    assert.equal(bed.server.calls[0]?.clusterId, 'Kubernetes');
    assert.equal(bed.server.calls[0]?.certSigner, 'example.com/foo');
  });

  it('names where each root came from, and knows one that came twice once', async () => {
    const old = await MeshCa.create({ now: bed.time.now(), cluster: 'old' });
    bed.published = () => old.rootPem + bed.ca.rootPem + bed.ca.rootPem;
    const { trustBundle } = await bed.fetch();
    const origins = new Map(
      trustBundle.roots.map(({ certificate, origins }) => [certificate.subject, origins]),
    );
    assert.equal(trustBundle.roots.length, 2);
    assert.deepEqual(origins.get(bed.ca.rootCertificate.subject), [
      'ConfigMap istio-system/istio-ca-root-cert',
      `the answer of the mesh CA at ${bed.server.address}`,
    ]);
    assert.deepEqual(origins.get(old.rootCertificate.subject), ['ConfigMap istio-system/istio-ca-root-cert']);
  });

  it('sets aside what is no root, and names it', async () => {
    bed.published = () => bed.ca.rootPem + bed.ca.intermediateCertificate.toString();
    const { trustBundle } = await bed.fetch();
    assert.equal(trustBundle.toPem(), bed.ca.rootPem);
    assert.deepEqual(trustBundle.setAside, [
      {
        origin: 'ConfigMap istio-system/istio-ca-root-cert',
        subject: 'L=cluster1, CN=Intermediate CA, O=Istio',
        reason: 'not self-signed',
      },
    ]);
  });

  it('gives the published roots alone without asking the CA', async () => {
    const bundle = await bed.source().fetchTrustBundle(new AbortController().signal);
    assert.equal(bundle.toPem(), bed.ca.rootPem);
    assert.equal(bed.server.calls.length, 0);
  });

  describe('and the answer of the CA', () => {
    it('may have the whole chain in one element, as before Istio 1.26', async () => {
      bed.server.bendAnswers((chain) => [chain.slice(0, -1).join(''), chain.at(-1) ?? '']);
      const { svid } = await bed.fetch();
      assert.deepEqual(svid.chain.map(String), [bed.ca.intermediateCertificate.toString()]);
    });

    it('may repeat the root in the chain, and end without a line feed', async () => {
      bed.server.bendAnswers((chain) => [...chain.slice(0, -1), bed.ca.rootPem, bed.ca.rootPem.trimEnd()]);
      const { svid } = await bed.fetch();
      assert.deepEqual(svid.chain.map(String), [bed.ca.intermediateCertificate.toString()]);
    });

    it('may bring several roots, which all count', async () => {
      const next = await MeshCa.create({ now: bed.time.now(), cluster: 'next' });
      bed.server.signWith(bed.ca, [bed.ca, next]);
      const { trustBundle } = await bed.fetch();
      assert.ok(trustBundle.has(bed.ca.rootCertificate));
      assert.ok(trustBundle.has(next.rootCertificate));
    });

    it('may be of a CA with a new root, which counts beside the published one', async () => {
      const next = await MeshCa.create({ now: bed.time.now(), cluster: 'next' });
      bed.server.signWith(next, [bed.ca, next]);
      const { svid, trustBundle } = await bed.fetch();
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
        bed.server.bendAnswers(bend);
        await assertRefused(bed.fetch(), 'MESH_ERR_CA_ANSWER', reason, /CA of the mesh/);
        assert.equal(bed.server.calls.length, 1);
      });
    }

    it('is refused when it is of the future, because a clock is wrong', async () => {
      const ahead: Clock = { ...bed.clock, now: () => new Date(bed.time.now().getTime() + hourMs) };
      await bed.startServer({ clock: ahead });
      await assertRefused(
        bed.fetch(),
        'MESH_ERR_SVID_NOT_VALID_NOW',
        /is not valid before/,
        /compare the clocks/,
      );
    });

    it("is refused when it is for another key than the request's", async () => {
      const { svid } = await bed.fetch();
      bed.server.bendAnswers(([, ...rest]) => [svid.renderLeafPem(), ...rest]);
      await assertRefused(bed.fetch(), 'MESH_ERR_SVID_KEY_MISMATCH', /is not its key/);
    });

    it('is refused when its chain leads nowhere', async () => {
      const other = await MeshCa.create({ now: bed.time.now(), cluster: 'other' });
      bed.server.bendAnswers(([leaf = '', , roots = '']) => [leaf, roots]);
      await assertRefused(bed.fetch(), 'MESH_ERR_SVID_UNTRUSTED', /signed by nobody/);
      bed.server.bendAnswers(([leaf = '', , roots = '']) => [
        leaf,
        other.intermediateCertificate.toString(),
        roots,
      ]);
      await assertRefused(bed.fetch(), 'MESH_ERR_SVID_UNTRUSTED', /signed by nobody/);
    });

    it('is refused when it is of another trust domain', async () => {
      await bed.startServer({ trustDomain: 'old.example' });
      await assertRefused(
        bed.fetch(),
        'MESH_ERR_SVID_WRONG_IDENTITY',
        /carries spiffe:\/\/old\.example\/ns\/default\/sa\/bigip/,
        /mesh\.trustDomain/,
      );
    });
  });

  describe('and istio-csr', () => {
    beforeEach(async () => {
      await bed.startServer({ flavour: 'istio-csr' });
    });

    it('signs its request, for as long as it likes, and without KeyUsage', async () => {
      const { svid } = await bed.fetch(bed.source(), request(id, 24 * hourMs));
      assert.equal(svid.notAfter.getTime(), Math.floor((bed.time.now().getTime() + hourMs) / 1000) * 1000);
    });

    it('is never asked for no time at all', async () => {
      await bed.fetch(bed.source(), request(id, 1));
      assert.equal(bed.server.calls[0]?.validitySeconds, 1);
    });

    it('refuses another trust domain with words that help nobody, to which a reason is added', async () => {
      await assertRefused(
        bed.fetch(bed.source(), request('spiffe://other.example/ns/default/sa/bigip')),
        'MESH_ERR_CA_TOKEN_REFUSED',
        /the token of service account default\/bigip: its time and audience are right \(UNAUTHENTICATED/,
        /trust domain/,
      );
    });
  });

  describe("and the CA's own certificate", () => {
    it('must lead to a published root', async () => {
      const other = await MeshCa.create({ now: bed.time.now(), cluster: 'other' });
      bed.published = () => other.rootPem;
      await assertRefused(bed.fetch(), 'MESH_ERR_CA_UNAVAILABLE', /certificate/, /istio-ca-root-cert/);
      assert.equal(bed.server.calls.length, 0, 'no token was sent');
    });

    it('must be for the server name', async () => {
      await assertRefused(
        bed.fetch(bed.source({}, { serverName: 'istiod.elsewhere.svc' })),
        'MESH_ERR_CA_UNAVAILABLE',
        /altnames/,
        /serverName.*not for istiod\.elsewhere\.svc/,
      );
      assert.equal(bed.server.calls.length, 0);
    });

    it('is judged by the roots of this moment after the CA was replaced', async () => {
      const old = await MeshCa.create({ now: bed.time.now(), cluster: 'old' });
      const states = [old.rootPem, bed.ca.rootPem];
      bed.published = () => states.shift() ?? bed.ca.rootPem;
      await bed.fetch();
      assert.equal(bed.slept.length, 1);
    });
  });

  it('refuses to start where nothing says whom the mesh trusts', async () => {
    for (const [pem, code, message] of [
      [undefined, 'MESH_ERR_ROOTS_MISSING', /no root certificate of the mesh/],
      [
        bed.ca.intermediateCertificate.toString(),
        'MESH_ERR_ROOTS_MISSING',
        /CN=Intermediate CA, O=Istio of ConfigMap istio-system\/istio-ca-root-cert is not self-signed/,
      ],
      [bed.ca.rootPem.slice(0, -30), 'MESH_ERR_ROOTS_INVALID', /ConfigMap istio-system\/istio-ca-root-cert/],
    ] as const) {
      bed.published = () => pem;
      await assertRefused(bed.fetch(), code, message);
      await assertRefused(bed.source().fetchTrustBundle(new AbortController().signal), code, message);
    }
    assert.equal(bed.server.calls.length, 0);
  });

  it('refuses an identity that is not of a service account', async () => {
    await assertRefused(
      bed.fetch(bed.source(), request('spiffe://cluster.local/device/bigip')),
      'MESH_ERR_CONFIG_INVALID',
      /not of the form/,
    );
  });
});
