import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import forge from 'node-forge';

import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { certificateFacts } from '../../../src/pki/certificate-facts.js';
import { describeKey, isKeyPair, keyTypes } from '../../../src/pki/key-pair.js';
import type { KeyType } from '../../../src/pki/key-pair.js';
import { mintSvid } from '../../../src/pki/mint-svid.js';
import { SigningAuthority } from '../../../src/pki/signing-authority.js';
import { Secret } from '../../../src/secret.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import type { SpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { readSvidClaims } from '../../../src/spiffe/svid-claims.js';
import { hasOpenssl, opensslText, opensslVerify } from '../../support/openssl.js';
import { sharedData } from '../../support/shared-data.js';
import { skipBecause } from '../../support/skip.js';

const now = new Date('2030-01-01T00:00:00.750Z');
const hourMs = 3_600_000;

function bigip(): SpiffeId {
  const id = parseSpiffeId('spiffe://cluster.local/ns/default/sa/bigip');
  assert.ok(id.ok);
  return id.value;
}

function authorityOf(ca: MeshCa): SigningAuthority {
  return SigningAuthority.fromSecret(
    { namespace: 'istio-system', name: 'cacerts', data: ca.cacertsData() },
    now,
  );
}

describe('mintSvid', () => {
  let ca: MeshCa;
  let authority: SigningAuthority;
  before(async () => {
    ca = await MeshCa.create({ now });
    authority = authorityOf(ca);
  });

  const mint = (options: { keyType?: KeyType; ttlMs?: number; by?: SigningAuthority } = {}) =>
    mintSvid(options.by ?? authority, {
      spiffeId: bigip(),
      keyType: options.keyType ?? 'ec-p256',
      ttlMs: options.ttlMs ?? 24 * hourMs,
      now,
    });

  it('writes exactly what istiod writes into a workload certificate', async () => {
    const { leaf } = await mint();
    const facts = certificateFacts(leaf);
    assert.deepEqual(facts.subjectAltNames, [{ type: 'uri', value: bigip().text }]);
    assert.deepEqual(facts.keyUsages, ['digitalSignature', 'keyEncipherment']);
    assert.deepEqual(facts.extendedKeyUsages, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    assert.deepEqual(facts.basicConstraints, { ca: false });
    assert.equal(facts.subjectKeyIdentifier, undefined);
    assert.deepEqual(readSvidClaims(leaf.raw), { ok: true, spiffeId: bigip() });
  });

  it('is valid from two minutes ago, in whole seconds, for the time that was asked for', async () => {
    const svid = await mint({ ttlMs: hourMs });
    assert.equal(svid.notBefore.toISOString(), '2029-12-31T23:58:00.000Z');
    assert.equal(svid.notAfter.toISOString(), '2030-01-01T01:00:00.000Z');
  });

  it('never outlives its signer', async () => {
    const svid = await mint({ ttlMs: 20 * 365 * 24 * hourMs });
    assert.equal(svid.notAfter.getTime(), authority.notAfter.getTime());
  });

  it('refuses a signer that has ended', async () => {
    const request = {
      spiffeId: bigip(),
      keyType: 'ec-p256',
      ttlMs: hourMs,
      now: authority.notAfter,
    } as const;
    await assert.rejects(mintSvid(authority, request), { code: 'MESH_ERR_CA_EXPIRED' });
  });

  it('makes a new key and a new serial number each time', async () => {
    const [one, two] = await Promise.all([mint(), mint()]);
    assert.ok(!one.privateKey.equals(two.privateKey));
    assert.notEqual(one.leaf.serialNumber, two.leaf.serialNumber);
    assert.ok(one.leaf.serialNumber.length <= 32);
  });

  it('hands out the intermediates from the issuer up, and no root', async () => {
    const svid = await mint();
    assert.deepEqual(
      svid.chain.map(({ raw }) => raw),
      [ca.intermediateCertificate.raw],
    );
    assert.ok(svid.leaf.checkIssued(ca.intermediateCertificate));
  });

  // RSA of 3072 and 4096 bits is slow to make and differs from 2048 by a number only.
  for (const keyType of keyTypes.filter((type) => type !== 'rsa-3072' && type !== 'rsa-4096')) {
    it(`gives an ${keyType} key that belongs to the certificate`, async () => {
      const svid = await mint({ keyType });
      assert.equal(describeKey(svid.privateKey), keyType);
      assert.ok(isKeyPair(svid.leaf.publicKey, svid.privateKey));
      assert.ok(svid.leaf.verify(ca.intermediateCertificate.publicKey));
    });
  }

  const signatures: readonly (readonly [KeyType, string])[] = [
    ['ec-p256', '1.2.840.10045.4.3.2'],
    ['ec-p384', '1.2.840.10045.4.3.3'],
    ['rsa-2048', '1.2.840.113549.1.1.11'],
  ];
  for (const [keyType, oid] of signatures) {
    it(`signs with the hash that Go takes for a signer of ${keyType}`, async () => {
      const signer = await MeshCa.create({ now, keyType });
      const { leaf } = await mint({ by: authorityOf(signer) });
      assert.equal(signatureOid(leaf), oid);
      assert.ok(leaf.verify(signer.intermediateCertificate.publicKey));
      if (hasOpenssl) {
        const chain = [signer.intermediateCertificate];
        assert.equal(opensslVerify({ leaf, chain, roots: [signer.rootCertificate], at: now }), 'OK');
      }
    });
  }

  it('passes openssl verify -x509_strict and reads there as it should', async function () {
    if (!hasOpenssl) return skipBecause(this, 'openssl is not installed');
    const svid = await mint();
    const roots = [ca.rootCertificate];
    assert.equal(opensslVerify({ leaf: svid.leaf, chain: svid.chain, roots, at: now }), 'OK');
    const lines = opensslText(svid.leaf)
      .split('\n')
      .map((line) => line.trim());
    const extensions = lines.slice(lines.indexOf('X509v3 extensions:') + 1);
    const end = extensions.findIndex((line) => line.startsWith('Signature Algorithm'));
    const identifier = extensions.indexOf('X509v3 Authority Key Identifier:') + 1;
    assert.match(extensions[identifier] ?? '', /^(?:keyid:)?(?:[0-9A-F]{2}:){19}[0-9A-F]{2}$/);
    assert.deepEqual(
      extensions.slice(0, end).filter((line, index) => line !== '' && index !== identifier),
      [
        'X509v3 Key Usage: critical',
        'Digital Signature, Key Encipherment',
        'X509v3 Extended Key Usage:',
        'TLS Web Server Authentication, TLS Web Client Authentication',
        'X509v3 Basic Constraints: critical',
        'CA:FALSE',
        'X509v3 Authority Key Identifier:',
        'X509v3 Subject Alternative Name: critical',
        `URI:${bigip().text}`,
      ],
    );
    assert.ok(lines.includes('Subject:'));
  });

  it('reads alike in node-forge when everything is RSA', async () => {
    const signer = await MeshCa.create({ now, keyType: 'rsa-2048' });
    const { leaf } = await mint({ keyType: 'rsa-2048', by: authorityOf(signer) });
    const seen = forge.pki.certificateFromPem(leaf.toString());
    const issuer = forge.pki.certificateFromPem(signer.intermediateCertificate.toString());
    assert.ok(issuer.verify(seen));
    assert.deepEqual(seen.subject.attributes, []);
    assert.equal(seen.serialNumber.replace(/^0+/, ''), leaf.serialNumber.toLowerCase().replace(/^0+/, ''));
    const san = seen.getExtension('subjectAltName') as {
      critical: boolean;
      altNames: { type: number; value: string }[];
    };
    assert.ok(san.critical);
    assert.deepEqual(
      san.altNames.map(({ type, value }) => [type, value]),
      [[6, bigip().text]],
    );
  });

  it('writes dates from 2050 on as GeneralizedTime', async () => {
    const future = new Date('2049-12-31T23:00:00Z');
    const late = await MeshCa.create({ now: future });
    const svid = await late.mint(bigip().text, { now: future, ttlMs: 2 * hourMs });
    assert.equal(svid.notAfter.toISOString(), '2050-01-01T01:00:00.000Z');
    assert.ok(svid.leaf.raw.includes('20500101010000Z'));
    assert.ok(svid.leaf.raw.includes('491231225800Z'));
    assert.ok(!svid.leaf.raw.includes('20491231225800Z'));
    if (hasOpenssl) {
      const roots = [late.rootCertificate];
      assert.equal(opensslVerify({ leaf: svid.leaf, chain: svid.chain, roots, at: future }), 'OK');
    }
  });

  it('has the shape of the leaf that istiod made for Istio’s samples, byte for byte in every extension', async function () {
    const istio = sharedData('istio');
    if (istio === undefined)
      return skipBecause(this, "Istio's public test certificates are not beside the checkout");
    const read = (name: string): Buffer => readFileSync(join(istio, 'certs', 'samples_certs', name));
    const signer = SigningAuthority.fromSecret(
      {
        namespace: 'istio-system',
        name: 'cacerts',
        data: new Secret({
          'ca-cert.pem': read('ca-cert.pem'),
          'ca-key.pem': read('ca-key.pem'),
          'cert-chain.pem': read('cert-chain.pem'),
          'root-cert.pem': read('root-cert.pem'),
        }),
      },
      now,
    );
    const theirs = new X509Certificate(read('leaf-workload-foo-cert.pem'));
    const id = parseSpiffeId('spiffe://trust-domain-foo/ns/foo/sa/foo');
    assert.ok(id.ok);
    const ours = await mintSvid(signer, { spiffeId: id.value, keyType: 'rsa-2048', ttlMs: hourMs, now });
    assert.deepEqual(extensionsHex(ours.leaf), extensionsHex(theirs));
    assert.equal(ours.leaf.issuer, theirs.issuer);
    assert.equal(signatureOid(ours.leaf), signatureOid(theirs));
  });
});

/** A certificate taken apart by a parser that is not ours. */
function asn1(certificate: X509Certificate): forge.asn1.Asn1 {
  return forge.asn1.fromDer(certificate.raw.toString('binary'));
}

function children(element: forge.asn1.Asn1 | undefined): forge.asn1.Asn1[] {
  assert.ok(Array.isArray(element?.value));
  return element.value;
}

function extensionsHex(certificate: X509Certificate): string[] {
  const [tbsCertificate] = children(asn1(certificate));
  const extensions = children(children(children(tbsCertificate).at(-1))[0]);
  return extensions.map((extension) => forge.asn1.toDer(extension).toHex());
}

function signatureOid(certificate: X509Certificate): string {
  const [oid] = children(children(asn1(certificate))[1]);
  return forge.asn1.derToOid(oid?.value as string);
}
