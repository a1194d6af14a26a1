import assert from 'node:assert/strict';

import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { isSelfSigned, TrustBundle } from '../../../src/spiffe/trust-bundle.js';

const now = new Date('2030-01-01T00:00:00Z');

describe('TrustBundle', () => {
  let first: MeshCa;
  let second: MeshCa;
  before(async () => {
    first = await MeshCa.create({ now, cluster: 'first' });
    second = await MeshCa.create({ now, cluster: 'second' });
  });

  it('keeps a root once and every place that named it', () => {
    const bundle = TrustBundle.of([
      { origin: 'A', certificates: [first.rootCertificate, first.rootCertificate] },
      { origin: 'B', certificates: [first.rootCertificate] },
    ]);
    assert.equal(bundle.roots.length, 1);
    assert.deepEqual(bundle.roots[0]?.origins, ['A', 'B']);
  });

  it('gives the same text whichever source was read first', () => {
    const a = { origin: 'A', certificates: [first.rootCertificate] };
    const b = { origin: 'B', certificates: [second.rootCertificate] };
    const text = TrustBundle.of([a, b]).toPem();
    assert.equal(text, TrustBundle.of([b, a]).toPem());
    assert.equal(text.match(/BEGIN CERTIFICATE/g)?.length, 2);
  });

  it('sets an intermediate aside and says where it came from', () => {
    const bundle = TrustBundle.of([{ origin: 'A', certificates: [first.intermediateCertificate] }]);
    assert.ok(bundle.isEmpty);
    assert.deepEqual(bundle.setAside, [
      { origin: 'A', subject: 'L=first, CN=Intermediate CA, O=Istio', reason: 'not self-signed' },
    ]);
  });

  it('takes no certificate for a root because it bears the name of its issuer', async () => {
    const namesake = await first.mint('spiffe://cluster.local/ns/a/sa/b', {
      isCa: true,
      subject: [
        { type: 'organization', value: 'Istio' },
        { type: 'commonName', value: 'Intermediate CA' },
        { type: 'locality', value: 'first' },
      ],
    });
    assert.equal(namesake.leaf.subject, namesake.leaf.issuer);
    assert.equal(
      TrustBundle.of([{ origin: 'A', certificates: [namesake.leaf] }]).setAside[0]?.reason,
      'not self-signed',
    );
  });

  it('sets a self-signed workload certificate aside', async () => {
    const stray = await first.mint('spiffe://cluster.local/ns/a/sa/b', {
      signer: 'itself',
      subject: [{ type: 'commonName', value: 'stray' }],
    });
    assert.ok(isSelfSigned(stray.leaf));
    const bundle = TrustBundle.of([{ origin: 'A', certificates: [stray.leaf] }]);
    assert.ok(bundle.isEmpty);
    assert.deepEqual(bundle.setAside, [{ origin: 'A', subject: 'CN=stray', reason: 'not a CA' }]);
  });

  it('knows its roots by their bytes', () => {
    assert.ok(first.trustBundle.has(first.rootCertificate));
    assert.ok(!first.trustBundle.has(second.rootCertificate));
    assert.ok(!first.trustBundle.has(first.intermediateCertificate));
  });
});
