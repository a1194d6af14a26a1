import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { inspect } from 'node:util';

import { MeshCa } from '../../../src/demo/mesh-ca.js';
import type { Svid } from '../../../src/spiffe/svid.js';

const now = new Date('2030-01-01T00:00:00Z');

describe('Svid', () => {
  let svid: Svid;
  before(async () => {
    const ca = await MeshCa.create({ now });
    svid = await ca.mint('spiffe://cluster.local/ns/default/sa/bigip', { ttlMs: 3_600_000 });
  });

  it('tells its dates', () => {
    assert.equal(svid.notBefore.toISOString(), '2029-12-31T23:58:00.000Z');
    assert.equal(svid.notAfter.toISOString(), '2030-01-01T01:00:00.000Z');
  });

  it('tells the fingerprint in plain hex', () => {
    assert.match(svid.fingerprint256, /^[0-9a-f]{64}$/);
    assert.equal(svid.fingerprint256, svid.leaf.fingerprint256.replaceAll(':', '').toLowerCase());
  });

  it('renders leaf and intermediates apart, each as PEM that reads back', () => {
    assert.deepEqual(new X509Certificate(svid.renderLeafPem()).raw, svid.leaf.raw);
    assert.deepEqual(new X509Certificate(svid.renderChainPem()).raw, svid.chain[0]?.raw);
    assert.equal(svid.renderChainPem().match(/BEGIN/g)?.length, 1);
    assert.ok(svid.renderLeafPem().endsWith('-----END CERTIFICATE-----\n'));
  });

  it('renders the key as PKCS#8 that reads back', () => {
    const pem = svid.renderKeyPem().reveal();
    assert.match(pem, /^-----BEGIN PRIVATE KEY-----\n/);
    assert.ok(createPrivateKey(pem).equals(svid.privateKey));
  });

  it('shows nothing of the key when printed', () => {
    const secretLines = svid
      .renderKeyPem()
      .reveal()
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('-----'));
    const shown = [inspect(svid, { depth: 10 }), JSON.stringify(svid), String(svid.renderKeyPem())].join('');
    for (const line of secretLines) assert.ok(!shown.includes(line.slice(0, 32)));
  });
});
