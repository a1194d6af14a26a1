import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';

import { Sequence } from 'asn1js';
import { CertificationRequest, Extensions, GeneralNames } from 'pkijs';

import { createCsr } from '../../../src/pki/csr.js';
import { generateKeyPair } from '../../../src/pki/key-pair.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import type { SpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { hasOpenssl } from '../../support/openssl.js';
import { skipBecause } from '../../support/skip.js';

const text = 'spiffe://cluster.local/ns/default/sa/bigip';

function id(): SpiffeId {
  const parsed = parseSpiffeId(text);
  assert.ok(parsed.ok);
  return parsed.value;
}

function parse(pem: string): CertificationRequest {
  return CertificationRequest.fromBER(Buffer.from(pem.replaceAll(/-----.*-----|\n/g, ''), 'base64'));
}

describe('createCsr', () => {
  for (const keyType of ['ec-p256', 'ec-p384', 'rsa-2048'] as const) {
    it(`signs with a key of type ${keyType} what others can verify`, async () => {
      const keys = await generateKeyPair(keyType);
      const csr = parse(createCsr(id(), keys));
      assert.equal(await csr.verify(), true);
      const der = Buffer.from(csr.subjectPublicKeyInfo.toSchema().toBER());
      assert.ok(createPublicKey({ key: der, format: 'der', type: 'spki' }).equals(keys.publicKey));
    });
  }

  it('asks for one critical URI SAN and for nothing else', async () => {
    const csr = parse(createCsr(id(), await generateKeyPair('ec-p256')));
    assert.equal(csr.version, 0);
    assert.deepEqual(csr.subject.typesAndValues, []);
    assert.deepEqual(
      csr.attributes?.map(({ type }) => type),
      ['1.2.840.113549.1.9.14'],
    );
    const { extensions } = new Extensions({ schema: csr.attributes?.[0]?.values[0] as Sequence });
    assert.equal(extensions.length, 1);
    const [extension] = extensions;
    assert.ok(extension);
    assert.equal(extension.extnID, '2.5.29.17');
    assert.equal(extension.critical, true);
    const { names } = GeneralNames.fromBER(extension.extnValue.valueBlock.valueHexView);
    assert.deepEqual(
      names.map(({ type, value }) => [type, value as string]),
      [[6, text]],
    );
  });

  it('passes for a request with openssl too', async function () {
    if (!hasOpenssl) return skipBecause(this, 'there is no openssl for a second opinion on requests');
    for (const keyType of ['ec-p256', 'rsa-2048'] as const) {
      const input = createCsr(id(), await generateKeyPair(keyType));
      const verified = spawnSync('openssl', ['req', '-verify', '-noout'], { input, encoding: 'utf8' });
      assert.equal(verified.status, 0, verified.stderr);
      const shown = execFileSync('openssl', ['req', '-noout', '-text'], { input, encoding: 'utf8' });
      assert.match(shown, /Subject: *\n/);
      assert.match(shown, /X509v3 Subject Alternative Name: critical\n\s+URI:spiffe:\/\/cluster/);
      assert.match(shown, /Signature Algorithm: (ecdsa-with-SHA256|sha256WithRSAEncryption)/);
    }
  });
});
