import assert from 'node:assert/strict';

import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { CaSecretSource } from '../../../src/identity/ca-secret-source.js';
import type { MeshCaReader } from '../../../src/identity/ca-secret-source.js';
import type { FetchedSvid } from '../../../src/identity/identity-source.js';
import { fetchVerifiedSvid } from '../../../src/identity/verify-svid.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { FakeClock } from '../../support/fake-clock.js';

const hourMs = 3_600_000;

/** A cluster that holds what a test puts into it. */
class Cluster implements MeshCaReader {
  secrets = new Map<string, MeshCa>();
  publishedPem: string | undefined;
  reads: string[] = [];

  readSecret(name: string): ReturnType<MeshCaReader['readSecret']> {
    this.reads.push(name);
    const ca = this.secrets.get(name);
    return Promise.resolve(ca && { namespace: 'istio-system', name, data: ca.cacertsData() });
  }

  readPublishedRoots(): ReturnType<MeshCaReader['readPublishedRoots']> {
    const pem = this.publishedPem;
    return Promise.resolve(
      pem === undefined ? undefined : { origin: 'ConfigMap default/istio-ca-root-cert', pem },
    );
  }
}

describe('CaSecretSource', () => {
  let clock: FakeClock;
  let cluster: Cluster;
  let ca: MeshCa;
  beforeEach(async () => {
    clock = new FakeClock();
    cluster = new Cluster();
    ca = await MeshCa.create({ now: clock.now() });
    cluster.secrets.set('cacerts', ca);
    cluster.publishedPem = ca.rootPem;
  });

  const fetch = (ttlMs = hourMs, signal = new AbortController().signal): Promise<FetchedSvid> => {
    const spiffeId = parseSpiffeId('spiffe://cluster.local/ns/default/sa/bigip');
    assert.ok(spiffeId.ok);
    const source = new CaSecretSource({ reader: cluster, clock });
    const request = { spiffeId: spiffeId.value, ttlMs, keyType: 'ec-p256' } as const;
    return fetchVerifiedSvid(source, request, () => clock.now(), signal);
  };

  it('mints with the plugged-in CA and passes the check of every source', async () => {
    const { svid, trustBundle } = await fetch();
    assert.equal(svid.spiffeId.text, 'spiffe://cluster.local/ns/default/sa/bigip');
    assert.equal(trustBundle.toPem(), ca.rootPem);
    assert.deepEqual(trustBundle.roots[0]?.origins, ['ConfigMap default/istio-ca-root-cert']);
    assert.deepEqual(cluster.reads, ['cacerts']);
  });

  it("takes istiod's own secret where there is no plugged-in CA", async () => {
    cluster.secrets = new Map([['istio-ca-secret', ca]]);
    await fetch();
    assert.deepEqual(cluster.reads, ['cacerts', 'istio-ca-secret']);
  });

  it('makes a new key every time', async () => {
    const [one, two] = [await fetch(), await fetch()];
    assert.ok(!one.svid.privateKey.equals(two.svid.privateKey));
  });

  it('reads the secret anew for each mint, so that a new intermediate signs at once', async () => {
    const source = new CaSecretSource({ reader: cluster, clock });
    const spiffeId = parseSpiffeId('spiffe://cluster.local/ns/default/sa/bigip');
    assert.ok(spiffeId.ok);
    const request = { spiffeId: spiffeId.value, ttlMs: hourMs, keyType: 'ec-p256' } as const;
    const { signal } = new AbortController();
    const before = await source.fetchSvid(request, signal);
    const renewed = await ca.withNewIntermediate(clock.now());
    cluster.secrets.set('cacerts', renewed);
    const after = await source.fetchSvid(request, signal);
    assert.ok(before.svid.leaf.verify(ca.intermediateCertificate.publicKey));
    assert.ok(after.svid.leaf.verify(renewed.intermediateCertificate.publicKey));
    assert.ok(!after.svid.leaf.verify(ca.intermediateCertificate.publicKey));
  });

  it('never gives a certificate that outlives the CA', async () => {
    const { svid } = await fetch(100 * 365 * 24 * hourMs);
    assert.equal(svid.notAfter.getTime(), new Date(ca.intermediateCertificate.validTo).getTime());
  });

  it('accepts that the mesh publishes further roots, and hands them out too', async () => {
    const old = await MeshCa.create({ now: clock.now(), cluster: 'old' });
    cluster.publishedPem = old.rootPem + ca.rootPem;
    const { trustBundle } = await fetch();
    assert.ok(trustBundle.has(old.rootCertificate));
    assert.ok(trustBundle.has(ca.rootCertificate));
  });

  it('gives the published roots alone, without reading the CA key', async () => {
    const source = new CaSecretSource({ reader: cluster, clock });
    const bundle = await source.fetchTrustBundle(new AbortController().signal);
    assert.equal(bundle.toPem(), ca.rootPem);
    assert.deepEqual(cluster.reads, []);
  });

  it('refuses a secret whose root the mesh does not publish', async () => {
    cluster.publishedPem = (await MeshCa.create({ now: clock.now() })).rootPem;
    await assert.rejects(fetch(), { code: 'MESH_ERR_CA_ROOT_MISMATCH' });
  });

  it('refuses to mint where nothing says which root the mesh trusts', async () => {
    for (const pem of [undefined, '', 'hello', ca.intermediateCertificate.toString()]) {
      cluster.publishedPem = pem;
      await assert.rejects(fetch(), { code: 'MESH_ERR_CA_ROOT_MISMATCH' });
      const source = new CaSecretSource({ reader: cluster, clock });
      const { signal } = new AbortController();
      await assert.rejects(source.fetchTrustBundle(signal), { code: 'MESH_ERR_CA_ROOT_MISMATCH' });
    }
  });

  it('says what to use where the cluster has no CA key', async () => {
    cluster.secrets.clear();
    await assert.rejects(fetch(), { code: 'MESH_ERR_CA_SECRET_MISSING', nextStep: /istiod/ });
  });

  it('does not take an unreadable secret for an absent one', async () => {
    const forbidden = new Error('forbidden');
    cluster.readSecret = () => Promise.reject(forbidden);
    await assert.rejects(fetch(), forbidden);
  });

  it('gives nothing after the signal aborted', async () => {
    const controller = new AbortController();
    const reason = new Error('shutting down');
    controller.abort(reason);
    await assert.rejects(fetch(hourMs, controller.signal), reason);
  });

  it('refuses when the CA has ended', async () => {
    await clock.advance(11 * 365 * 24 * hourMs);
    await assert.rejects(fetch(), { code: 'MESH_ERR_CA_EXPIRED' });
  });
});
