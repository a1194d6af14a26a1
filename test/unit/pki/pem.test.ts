import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';

import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { parseCertificatesPem, parsePrivateKeyPem } from '../../../src/pki/pem.js';
import { Secret } from '../../../src/secret.js';

const now = new Date('2030-01-01T00:00:00Z');

describe('parseCertificatesPem', () => {
  let root: string;
  let intermediate: string;
  before(async () => {
    const ca = await MeshCa.create({ now });
    root = ca.rootPem;
    intermediate = ca.intermediateCertificate.toString();
  });

  it('reads all certificates in their order', () => {
    const parsed = parseCertificatesPem(intermediate + root);
    assert.ok(parsed.ok);
    assert.deepEqual(parsed.value.map(String), [intermediate, root]);
  });

  it('reads over CRLF, text, other blocks and a missing last line feed', () => {
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const pem = key.export({ type: 'sec1', format: 'pem' }).toString();
    const text = `subject=/O=Istio\r\n${intermediate.replaceAll('\n', '\r\n')}${pem}\n\n${root.trimEnd()}`;
    const parsed = parseCertificatesPem(text);
    assert.ok(parsed.ok);
    assert.deepEqual(parsed.value.map(String), [intermediate, root]);
  });

  it('gives none for blanks and refuses other text', () => {
    assert.deepEqual(parseCertificatesPem(' \r\n'), { ok: true, value: [] });
    assert.ok(!parseCertificatesPem('hello').ok);
  });

  it('refuses the whole text when one certificate is broken or cut', () => {
    const broken = root.replace(/\n[A-Za-z0-9+/]{10}/, '\nAAAAAAAAAA');
    assert.deepEqual(parseCertificatesPem(intermediate + broken), {
      ok: false,
      reason: 'certificate 2 in it is broken',
    });
    assert.ok(!parseCertificatesPem(intermediate + root.slice(0, -30)).ok);
    assert.ok(!parseCertificatesPem(root.slice(0, 100) + intermediate).ok);
  });
});

describe('parsePrivateKeyPem', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

  it('reads PKCS#8, PKCS#1 and SEC 1, also behind EC parameters', () => {
    const sec1 = privateKey.export({ type: 'sec1', format: 'pem' }).toString();
    const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
    for (const [key, pem] of [
      [privateKey, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
      [privateKey, sec1],
      [privateKey, parameters + sec1],
      [rsa, rsa.export({ type: 'pkcs1', format: 'pem' }).toString()],
    ] as const) {
      const parsed = parsePrivateKeyPem(new Secret(pem));
      assert.ok(parsed.ok && parsed.value.equals(key));
    }
  });

  it('refuses none, two, broken and encrypted keys, and quotes nothing of them', () => {
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const encrypted = privateKey.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'secret',
    });
    const legacy = rsa.export({ type: 'pkcs1', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'secret' });
    const publicPem = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n';
    for (const [text, reason] of [
      [publicPem, /no private key/],
      [pem + pem, /more than one/],
      [pem.replace('\nM', '\nA'), /broken/],
      [encrypted.toString(), /encrypted/],
      [legacy.toString(), /encrypted/],
    ] as const) {
      const parsed = parsePrivateKeyPem(new Secret(text));
      assert.ok(!parsed.ok);
      assert.match(parsed.reason, reason);
    }
  });

  it('opens encrypted keys with their passphrase, and says when it is the wrong one', () => {
    const cipher = { cipher: 'aes-256-cbc', passphrase: 'corr€ct horse' } as const;
    const pems = [
      privateKey.export({ type: 'pkcs8', format: 'pem', ...cipher }).toString(),
      privateKey.export({ type: 'sec1', format: 'pem', ...cipher }).toString(),
      rsa.export({ type: 'pkcs1', format: 'pem', ...cipher }).toString(),
    ];
    for (const [index, pem] of pems.entries()) {
      const opened = parsePrivateKeyPem(new Secret(pem), new Secret('corr€ct horse'));
      assert.ok(opened.ok && opened.value.equals(index === 2 ? rsa : privateKey));
      const wrong = parsePrivateKeyPem(new Secret(pem), new Secret('wrong horse'));
      assert.deepEqual(wrong, {
        ok: false,
        reason: 'the passphrase does not open the encrypted private key',
      });
    }
    const clear = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    assert.ok(parsePrivateKeyPem(new Secret(clear), new Secret('not needed')).ok);
  });
});
