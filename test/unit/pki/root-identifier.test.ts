import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';

import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { certificateFacts } from '../../../src/pki/certificate-facts.js';
import { identifyRoot } from '../../../src/pki/root-identifier.js';

const now = new Date('2030-01-01T00:00:00Z');

describe('what names a root', () => {
  it('is what stands in the certificates that it issued', async () => {
    const ca = await MeshCa.create({ now });
    const leaf = await ca.mint('spiffe://cluster.local/ns/a/sa/b', { signer: 'root' });
    const { keyId = '', subject = '' } = identifyRoot(new X509Certificate(ca.rootPem));
    const der = new X509Certificate(leaf.renderLeafPem()).raw.toString('hex');
    assert.match(keyId, /^[0-9a-f]{40}$/);
    assert.ok(der.includes(`8014${keyId}`), 'the authority key identifier');
    assert.ok(subject.startsWith('30') && der.includes(subject), 'the issuer');
  });

  it('tells two roots of one name apart by their keys', async () => {
    const [one, other] = await Promise.all([MeshCa.create({ now }), MeshCa.create({ now })]);
    const [a, b] = [one, other].map(({ rootPem }) => identifyRoot(new X509Certificate(rootPem)));
    assert.equal(a?.subject, b?.subject);
    assert.notEqual(a?.keyId, b?.keyId);
    assert.notEqual(a?.publicKey, b?.publicKey);
  });

  it('has the key identifier of the certificate itself', async () => {
    const certificate = new X509Certificate((await MeshCa.create({ now })).rootPem);
    const { subjectKeyIdentifier } = certificateFacts(certificate);
    assert.equal(identifyRoot(certificate).keyId, subjectKeyIdentifier?.toString('hex'));
  });
});
