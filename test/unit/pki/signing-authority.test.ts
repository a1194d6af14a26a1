import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { AgentError } from '../../../src/errors.js';
import type { ErrorCode } from '../../../src/errors.js';
import { issueCertificate } from '../../../src/pki/issue-certificate.js';
import { generateKeyPair } from '../../../src/pki/key-pair.js';
import { SigningAuthority } from '../../../src/pki/signing-authority.js';
import { Secret } from '../../../src/secret.js';
import { sharedData } from '../../support/shared-data.js';
import { skipBecause } from '../../support/skip.js';

const now = new Date('2030-01-01T00:00:00Z');

type SecretData = Readonly<Record<string, Buffer>>;

function fromData(data: SecretData, at = now): SigningAuthority {
  return SigningAuthority.fromSecret(
    { namespace: 'istio-system', name: 'cacerts', data: new Secret(data) },
    at,
  );
}

/** The data with some keys replaced, or taken out by `undefined`. */
function changed(data: SecretData, change: Record<string, Buffer | string | undefined>): SecretData {
  const entries = Object.entries<Buffer | string | undefined>({ ...data, ...change });
  return Object.fromEntries(
    entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, Buffer.from(value)]])),
  );
}

function withCrlf(value: Buffer | undefined): Buffer {
  return Buffer.from(`a comment\r\n${String(value).replaceAll('\n', '\r\n')}`);
}

function assertRefused(data: SecretData, code: ErrorCode, message: RegExp, at = now): void {
  assert.throws(
    () => fromData(data, at),
    (error: unknown) => {
      assert.ok(error instanceof AgentError);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      assert.match(error.message, /istio-system\/cacerts/);
      assert.doesNotMatch(error.message, /-----BEGIN/);
      assert.equal(error.cause, undefined);
      return true;
    },
  );
}

describe('SigningAuthority.fromSecret', () => {
  let ca: MeshCa;
  let other: MeshCa;
  let data: SecretData;
  before(async () => {
    ca = await MeshCa.create({ now });
    other = await MeshCa.create({ now, cluster: 'other' });
    data = ca.cacertsData().reveal();
  });

  it('reads a plugged-in CA', () => {
    const authority = fromData(data);
    assert.deepEqual(authority.certificate.raw, ca.intermediateCertificate.raw);
    assert.deepEqual(
      authority.chain.map(({ raw }) => raw),
      [ca.intermediateCertificate.raw],
    );
    assert.deepEqual(authority.root.raw, ca.rootCertificate.raw);
  });

  it('reads a secret of type kubernetes.io/tls as cert-manager writes it', () => {
    const authority = fromData({
      'tls.crt': Buffer.from(ca.intermediateCertificate.toString()),
      'tls.key': data['ca-key.pem'] ?? Buffer.alloc(0),
      'ca.crt': Buffer.from(ca.rootPem),
    });
    assert.deepEqual(authority.root.raw, ca.rootCertificate.raw);
    assert.equal(authority.chain.length, 1);
  });

  it('reads a self-signed CA, whose chain is empty', async () => {
    const { publicKey, privateKey } = await generateKeyPair('rsa-2048');
    const root = issueCertificate(
      {
        subject: [{ type: 'organization', value: 'cluster.local' }],
        publicKey,
        notBefore: now,
        notAfter: new Date('2040-01-01T00:00:00Z'),
        keyUsages: ['keyCertSign'],
        basicConstraints: { ca: true },
      },
      { privateKey },
    );
    const authority = fromData({
      'ca-cert.pem': Buffer.from(root.toString()),
      'ca-key.pem': Buffer.from(privateKey.export({ type: 'pkcs1', format: 'pem' })),
      'root-cert.pem': Buffer.from(root.toString()),
      'cert-chain.pem': Buffer.alloc(0),
      'key.pem': Buffer.alloc(0),
    });
    assert.deepEqual(authority.chain, []);
    assert.deepEqual(authority.root.raw, root.raw);
  });

  it('takes files with CRLF and text around the blocks', () => {
    const keys = ['ca-cert.pem', 'ca-key.pem', 'cert-chain.pem', 'root-cert.pem'];
    const authority = fromData(Object.fromEntries(keys.map((key) => [key, withCrlf(data[key])])));
    assert.deepEqual(authority.certificate.raw, ca.intermediateCertificate.raw);
  });

  for (const key of ['ca-cert.pem', 'ca-key.pem', 'root-cert.pem']) {
    it(`names ${key} when it is missing or empty`, () => {
      assertRefused(changed(data, { [key]: undefined }), 'MESH_ERR_CA_SECRET_INCOMPLETE', new RegExp(key));
      assertRefused(changed(data, { [key]: '' }), 'MESH_ERR_CA_SECRET_INCOMPLETE', new RegExp(key));
    });

    it(`names ${key} when it holds something else`, () => {
      assertRefused(changed(data, { [key]: 'hello' }), 'MESH_ERR_CA_SECRET_INVALID', new RegExp(key));
      const cut = String(data[key]).slice(0, -20);
      assertRefused(changed(data, { [key]: cut }), 'MESH_ERR_CA_SECRET_INVALID', new RegExp(key));
    });
  }

  it('says that an encrypted key is encrypted', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' });
    assertRefused(changed(data, { 'ca-key.pem': pem }), 'MESH_ERR_CA_SECRET_INVALID', /is encrypted/);
  });

  it("refuses another certificate's key", () => {
    const key = other.cacertsData().reveal()['ca-key.pem'];
    assertRefused(changed(data, { 'ca-key.pem': key }), 'MESH_ERR_CA_KEY_MISMATCH', /ca-key\.pem/);
  });

  it('refuses a root that did not sign the chain', () => {
    assertRefused(
      changed(data, { 'root-cert.pem': other.rootPem }),
      'MESH_ERR_CA_CHAIN',
      /does not lead to a root of root-cert\.pem: the certificate of L=cluster1, CN=Root CA, O=Istio is signed by nobody/,
    );
  });

  it('refuses a workload certificate in place of the CA', async () => {
    const workload = await ca.mint('spiffe://cluster.local/ns/a/sa/b');
    const change = {
      'ca-cert.pem': workload.renderLeafPem(),
      'ca-key.pem': workload.renderKeyPem().reveal(),
    };
    assertRefused(changed(data, change), 'MESH_ERR_CA_CHAIN', /is not a CA certificate/);
  });

  it('refuses a CA without keyCertSign', async () => {
    const weak = await ca.mint('spiffe://cluster.local/ns/a/sa/b', { isCa: true, signer: 'root' });
    const change = { 'ca-cert.pem': weak.renderLeafPem(), 'ca-key.pem': weak.renderKeyPem().reveal() };
    assertRefused(changed(data, change), 'MESH_ERR_CA_CHAIN', /lacks keyCertSign/);
  });

  it('refuses a CA below an intermediate of path length 0', async () => {
    const below = await ca.mint('spiffe://cluster.local/ns/a/sa/b', {
      isCa: true,
      keyUsages: ['keyCertSign'],
    });
    const change = { 'ca-cert.pem': below.renderLeafPem(), 'ca-key.pem': below.renderKeyPem().reveal() };
    assertRefused(changed(data, change), 'MESH_ERR_CA_CHAIN', /allows 0 intermediates below it and has 1/);
  });

  it('refuses a CA that has ended or not begun', () => {
    assertRefused(data, 'MESH_ERR_CA_EXPIRED', /expired at 2039/, new Date('2040-01-01T00:00:00Z'));
    assertRefused(data, 'MESH_ERR_CA_EXPIRED', /not valid before/, new Date('2029-01-01T00:00:00Z'));
  });

  it('refuses a key that it cannot sign with', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const dates = { notBefore: now, notAfter: new Date('2040-01-01T00:00:00Z') };
    const certificate = issueCertificate(
      { subject: [], publicKey, ...dates, basicConstraints: { ca: true } },
      { privateKey: signer.privateKey },
    );
    const change = {
      'ca-cert.pem': certificate.toString(),
      'ca-key.pem': privateKey.export({ type: 'pkcs8', format: 'pem' }),
    };
    assertRefused(changed(data, change), 'MESH_ERR_CA_KEY_UNSUPPORTED', /ca-key\.pem .* is of kind ed25519/);
  });

  describe("with Istio's public test certificates", () => {
    let folder: string;
    before(function () {
      const istio = sharedData('istio');
      if (istio === undefined) {
        skipBecause(this, "Istio's public test certificates are not beside the checkout");
        return;
      }
      folder = join(istio, 'certs');
    });
    const read = (name: string): Buffer => readFileSync(join(folder, name));
    const set = (certificate: string, key: string, chain: string, root: string): SecretData => ({
      'ca-cert.pem': read(certificate),
      'ca-key.pem': read(key),
      'cert-chain.pem': read(chain),
      'root-cert.pem': read(root),
    });
    const sample = (suffix: string, root: string): SecretData =>
      set(
        `samples_certs/ca-cert${suffix}.pem`,
        `samples_certs/ca-key${suffix}.pem`,
        `samples_certs/cert-chain${suffix}.pem`,
        `samples_certs/${root}`,
      );
    const levels = (kind: string): SecretData =>
      set(
        `pki_testdata/multilevelpki/${kind}2-cert.pem`,
        `pki_testdata/multilevelpki/${kind}2-key.pem`,
        `pki_testdata/multilevelpki/${kind}2-cert-chain.pem`,
        `pki_testdata/multilevelpki/${kind.replace('int', 'root')}-cert.pem`,
      );

    it('reads the sample CA, whose chain has no root', () => {
      const authority = fromData(sample('', 'root-cert.pem'));
      assert.equal(authority.chain.length, 1);
      assert.equal(authority.notAfter.getUTCFullYear(), 2117);
    });

    it('reads the sample CA whose chain holds the root', () => {
      const authority = fromData(sample('-alt', 'root-cert-alt.pem'));
      assert.equal(authority.chain.length, 1);
    });

    it('reads a root file that names several roots and one of them twice', () => {
      const authority = fromData(sample('-alt', 'root-cert-combined-2.pem'));
      assert.match(authority.root.subject, /CN=Root CA/);
    });

    it('notices that the second alternative sample CA was published with a key that is not its own', () => {
      assertRefused(sample('-alt-2', 'root-cert-alt.pem'), 'MESH_ERR_CA_KEY_MISMATCH', /ca-key\.pem/);
    });

    for (const kind of ['ecc-int', 'int']) {
      it(`reads the ${kind} CA of two levels, whose chain comes root first and whose root has no extensions`, () => {
        const authority = fromData(levels(kind), new Date('2027-01-01T00:00:00Z'));
        assert.equal(authority.chain.length, 2);
        assert.match(authority.root.subject, /CN=Root CA/);
        assert.ok(authority.chain[0]?.subject.includes('CN=Intermediate CA2'));
      });
    }

    it('refuses the sets that are broken on purpose', () => {
      const good = sample('', 'root-cert.pem');
      const broken: readonly (readonly [string, string, ErrorCode])[] = [
        ['ca-cert.pem', 'cert-parse-fail.pem', 'MESH_ERR_CA_SECRET_INVALID'],
        ['ca-key.pem', 'key-parse-fail.pem', 'MESH_ERR_CA_SECRET_INVALID'],
        ['ca-key.pem', 'key-verify-fail.pem', 'MESH_ERR_CA_SECRET_INCOMPLETE'],
        ['ca-key.pem', 'key-mismatch.pem', 'MESH_ERR_CA_KEY_MISMATCH'],
        ['root-cert.pem', 'root-verify-fail.pem', 'MESH_ERR_CA_SECRET_INVALID'],
        ['root-cert.pem', 'self-signed-root-cert.pem', 'MESH_ERR_CA_CHAIN'],
      ];
      for (const [key, file, code] of broken) {
        assertRefused(changed(good, { [key]: read(`pki_testdata/${file}`) }), code, new RegExp(key));
      }
    });
  });
});
