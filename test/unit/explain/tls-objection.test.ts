import { strict as assert } from 'node:assert';
import { X509Certificate } from 'node:crypto';
import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { certificateForId } from '../../../src/explain/certificate-for-id.js';
import { tlsObjection } from '../../../src/explain/tls-objection.js';
import { certificateDer } from '../../support/der.js';
import { trustedSleep } from '../../support/svid-vectors.js';

const now = new Date('2030-01-01T00:00:00Z');
const hourMs = 3_600_000;

describe("TLS's objection to a certificate", () => {
  let ca: MeshCa;
  let roots: readonly X509Certificate[];
  before(async () => {
    ca = await MeshCa.create({ now });
    roots = [ca.rootCertificate];
  });

  it('is none for a valid one that the roots lead to by its intermediates', async () => {
    const { leaf, chain } = await ca.mint(trustedSleep);
    const others = chain.map(({ raw }) => raw);
    assert.equal(tlsObjection({ der: leaf.raw, others }, { now, roots }), undefined);
    assert.equal(tlsObjection({ der: leaf.raw, others: [] }, { now, roots: undefined }), undefined);
  });

  it('is the chain when an intermediate is missing, or another CA signed', async () => {
    const { leaf, chain } = await ca.mint(trustedSleep);
    assert.match(tlsObjection({ der: leaf.raw, others: [] }, { now, roots }) ?? '', /signed by nobody/);
    const others = chain.map(({ raw }) => raw);
    const stranger = await MeshCa.create({ now });
    const foreign = { now, roots: [stranger.rootCertificate] };
    assert.match(tlsObjection({ der: leaf.raw, others }, foreign) ?? '', /signed by nobody/);
  });

  it('is the time, with and without roots', async () => {
    const { leaf } = await ca.mint(trustedSleep, { ttlMs: hourMs, signer: 'root' });
    for (const known of [roots, undefined]) {
      const at = (ms: number): string | undefined =>
        tlsObjection({ der: leaf.raw, others: [] }, { now: new Date(now.getTime() + ms), roots: known });
      assert.equal(at(0), undefined);
      assert.equal(at(hourMs + 1000), 'it expired at 2030-01-01T01:00:00Z');
      assert.equal(at(-hourMs), 'it is not valid before 2029-12-31T23:58:00Z');
    }
  });

  it('is its own signature, even when nobody says which roots count', async () => {
    const der = await certificateForId(trustedSleep, now);
    assert.equal(tlsObjection({ der, others: [] }, { now, roots: undefined }), 'it has signed itself');
  });

  it('is that OpenSSL cannot read it, where another parser can', () => {
    const der = certificateDer({});
    assert.equal(tlsObjection({ der, others: [] }, { now, roots: undefined }), 'OpenSSL cannot read it');
  });

  it('overlooks rubbish behind the leaf', async () => {
    const { leaf } = await ca.mint(trustedSleep, { signer: 'root' });
    const others = [Buffer.from('rubbish')];
    assert.equal(tlsObjection({ der: leaf.raw, others }, { now, roots }), undefined);
  });
});
