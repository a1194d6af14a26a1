import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';

import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { findChain } from '../../../src/pki/chain.js';
import { hasOpenssl, opensslVerify } from '../../support/openssl.js';
import { loadSvidVectors, loadVectorCa, vectorDer } from '../../support/svid-vectors.js';

const now = new Date('2030-01-01T00:00:00Z');
const id = 'spiffe://cluster.local/ns/a/sa/b';

describe('findChain', () => {
  let ca: MeshCa;
  let other: MeshCa;
  before(async () => {
    ca = await MeshCa.create({ now });
    other = await MeshCa.create({ now });
  });

  it('goes from the leaf to the root, whatever lies beside the way', async () => {
    const { leaf } = await ca.mint(id);
    const chain = findChain(leaf, {
      intermediates: [other.intermediateCertificate, ca.rootCertificate, ca.intermediateCertificate],
      roots: [other.rootCertificate, ca.rootCertificate],
      at: now,
    });
    assert.ok(chain.ok);
    assert.deepEqual(
      chain.value.map(({ raw }) => raw),
      [leaf.raw, ca.intermediateCertificate.raw, ca.rootCertificate.raw],
    );
  });

  it('finds no way over a CA that has the same names and another key', async () => {
    const { leaf } = await ca.mint(id);
    const pool = { intermediates: [other.intermediateCertificate], roots: [other.rootCertificate], at: now };
    const chain = findChain(leaf, pool);
    assert.ok(!chain.ok);
    assert.match(chain.reason, /is signed by nobody/);
  });

  it('names the certificate that has expired', async () => {
    const { leaf } = await ca.mint(id, { ttlMs: 1000 });
    const chain = findChain(leaf, {
      intermediates: [ca.intermediateCertificate],
      roots: [ca.rootCertificate],
      at: new Date('2031-01-01T00:00:00Z'),
    });
    assert.ok(!chain.ok);
    assert.match(chain.reason, /^the certificate [0-9A-F]+ expired at 2030-01-01T00:00:01Z$/);
  });

  it('takes no workload certificate for an issuer', async () => {
    const signer = await ca.mint(id, { subject: [{ type: 'commonName', value: 'signer' }] });
    const chain = findChain(signer.leaf, {
      intermediates: [ca.intermediateCertificate],
      roots: [ca.rootCertificate],
      at: now,
      willSign: true,
    });
    assert.ok(!chain.ok);
    assert.equal(chain.reason, 'the certificate of CN=signer is not a CA');
  });

  it('refuses an intermediate whose extended usage leaves out serverAuth', async () => {
    const narrow = await ca.mint(id, {
      isCa: true,
      signer: 'root',
      keyUsages: ['keyCertSign'],
      extendedKeyUsages: ['clientAuth'],
    });
    const pool = { intermediates: [], roots: [ca.rootCertificate], at: now };
    const chain = findChain(narrow.leaf, { ...pool, willSign: true });
    assert.ok(!chain.ok);
    assert.match(chain.reason, /limited to other uses/);
  });

  it('agrees with openssl about the published vectors, those with broken DER aside', function () {
    const { root, intermediate, at } = loadVectorCa();
    for (const vector of loadSvidVectors()) {
      if (vector.category !== 'time' && vector.category !== 'chain' && vector.category !== 'valid') continue;
      const leaf = new X509Certificate(vectorDer(vector));
      const chain = findChain(leaf, { intermediates: [intermediate], roots: [root], at });
      assert.equal(chain.ok, vector.signatureChainValid && vector.timeStatus === 'valid', vector.name);
      if (hasOpenssl && vector.category !== 'valid') {
        const verdict = opensslVerify({ leaf, chain: [intermediate], roots: [root], at });
        assert.equal(chain.ok, verdict === 'OK', `${vector.name}: ${verdict}`);
      }
    }
  });
});
