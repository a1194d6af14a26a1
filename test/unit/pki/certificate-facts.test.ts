import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';

import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { certificateFacts } from '../../../src/pki/certificate-facts.js';
import { loadSvidVectors, vectorDer } from '../../support/svid-vectors.js';

const now = new Date('2030-01-01T00:00:00Z');

function vector(name: string): X509Certificate {
  const found = loadSvidVectors().find((one) => one.name === name);
  assert.ok(found !== undefined, name);
  return new X509Certificate(vectorDer(found));
}

describe('certificateFacts', () => {
  it('reads each kind of alternative name as a value of its own', () => {
    const kinds = certificateFacts(vector('v25_uri_then_dns_ip_email')).subjectAltNames.map(
      ({ type }) => type,
    );
    assert.deepEqual(kinds, ['uri', 'dns', 'ip', 'ip', 'email']);
  });

  it('is not fooled by a comma in a DNS name', () => {
    const names = certificateFacts(vector('i01_dns_comma_uri')).subjectAltNames;
    assert.deepEqual(
      names.map(({ type }) => type),
      ['dns'],
    );
  });

  it('gives the same URIs as the parser that made the vectors', () => {
    for (const { name, category, derError, sanExtensionCount, uriSansHex } of loadSvidVectors()) {
      if (category === 'der' || derError !== null || sanExtensionCount > 1) continue;
      const uris = certificateFacts(vector(name)).subjectAltNames.filter(({ type }) => type === 'uri');
      assert.deepEqual(
        uris.map(({ value }) => Buffer.from(value, 'latin1').toString('hex')),
        uriSansHex,
        name,
      );
    }
  });

  it("reads a CA's flag, path length, usages and key identifier", async () => {
    const ca = await MeshCa.create({ now });
    const { subjectKeyIdentifier, ...facts } = certificateFacts(ca.intermediateCertificate);
    assert.equal(subjectKeyIdentifier?.length, 20);
    assert.deepEqual(facts, {
      subjectAltNames: [{ type: 'dns', value: 'istiod.istio-system.svc' }],
      basicConstraints: { ca: true, pathLength: 0 },
      keyUsages: ['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'keyCertSign'],
    });
  });
});
