import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import type { KeyObject, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';

import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { AgentError } from '../../../src/errors.js';
import type { KeyType } from '../../../src/pki/key-pair.js';
import { parsePkcs12 } from '../../../src/pki/pkcs12.js';
import { SigningAuthority } from '../../../src/pki/signing-authority.js';
import { Secret } from '../../../src/secret.js';
import { hasOpenssl } from '../../support/openssl.js';
import { skipBecause } from '../../support/skip.js';

const now = new Date('2030-01-01T00:00:00Z');
const passphrase = 'correct horse';

interface Keystore {
  readonly certificate: X509Certificate;
  readonly others: readonly X509Certificate[];
  readonly keyPem: string;
}

describe('parsePkcs12', () => {
  let folder: string;
  const stores = new Map<KeyType, Keystore>();
  before(async function () {
    if (!hasOpenssl) return skipBecause(this, 'there is no openssl to write PKCS#12 files with');
    folder = mkdtempSync(join(tmpdir(), 'pkcs12-'));
    for (const keyType of ['ec-p256', 'rsa-2048'] as const) {
      const ca = await MeshCa.create({ now, keyType });
      stores.set(keyType, {
        certificate: ca.intermediateCertificate,
        others: [ca.rootCertificate],
        keyPem: String(ca.cacertsData().reveal()['ca-key.pem']),
      });
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** As openssl writes it: AES-256 and SHA-256 by default, 3DES and SHA-1 with `-legacy`. */
  function write(
    { certificate, others, keyPem }: Keystore,
    flags: readonly string[] = [],
    phrase = passphrase,
  ): Secret<Buffer> {
    const file = (name: string, text = ''): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const out = file('out.p12');
    const beside = others.length === 0 ? [] : ['-certfile', file('others.pem', others.map(String).join(''))];
    const args = [
      'pkcs12',
      '-export',
      '-inkey',
      file('key.pem', keyPem),
      '-in',
      file('cert.pem', certificate.toString()),
      ...beside,
      '-out',
      out,
      '-passout',
      `file:${file('pass', phrase)}`,
      ...flags,
    ];
    execFileSync('openssl', args, { stdio: 'pipe' });
    return new Secret(readFileSync(out));
  }

  function store(keyType: KeyType): Keystore {
    const found = stores.get(keyType);
    assert.ok(found);
    return found;
  }

  for (const keyType of ['ec-p256', 'rsa-2048'] as const) {
    for (const [name, flags] of [
      ["openssl's own algorithms", []],
      ['the algorithms of before', ['-legacy']],
    ] as const) {
      it(`reads key and certificates of type ${keyType}, encrypted with ${name}, to the byte`, () => {
        const parsed = parsePkcs12(write(store(keyType), flags), new Secret(passphrase));
        assert.ok(parsed.ok, JSON.stringify(parsed));
        const { certificate, privateKey, others } = parsed.value;
        assert.equal(certificate.toString(), store(keyType).certificate.toString());
        assert.deepEqual(others.map(String), store(keyType).others.map(String));
        assert.equal(pkcs8(privateKey), store(keyType).keyPem);
      });
    }
  }

  it('says that the passphrase is wrong, and quotes nothing', () => {
    for (const flags of [[], ['-legacy'], ['-nomac'], ['-legacy', '-nomac']]) {
      const parsed = parsePkcs12(write(store('ec-p256'), flags), new Secret('wrong horse'));
      assert.ok(!parsed.ok);
      assert.doesNotMatch(parsed.reason, /horse/);
      if (!flags.includes('-nomac')) assert.match(parsed.reason, /passphrase does not open it/);
    }
  });

  it('says that it may be the characters of the passphrase', () => {
    const phrase = 'corr€ct horse';
    assert.ok(parsePkcs12(write(store('ec-p256'), ['-legacy'], phrase), new Secret(phrase)).ok);
    const parsed = parsePkcs12(write(store('ec-p256'), [], phrase), new Secret(phrase));
    assert.ok(!parsed.ok);
    assert.match(parsed.reason, /beyond ASCII/);
  });

  it('refuses what is no PKCS#12 file, or only half of one', () => {
    const whole = write(store('ec-p256')).reveal();
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from('hello'),
      Buffer.from(store('ec-p256').keyPem),
      whole.subarray(0, 500),
    ]) {
      const parsed = parsePkcs12(new Secret(bytes), new Secret(passphrase));
      assert.deepEqual(parsed, { ok: false, reason: 'it is no PKCS#12 file that can be read' });
    }
  });

  it('refuses a file without key, and one whose key has no certificate', () => {
    const { certificate, others, keyPem } = store('ec-p256');
    const noKey = write({ certificate, others, keyPem }, ['-nokeys']);
    assert.deepEqual(parsePkcs12(noKey, new Secret(passphrase)), {
      ok: false,
      reason: 'it holds no private key',
    });
    const noCertificate = write({ certificate, others, keyPem }, ['-nocerts']);
    assert.deepEqual(parsePkcs12(noCertificate, new Secret(passphrase)), {
      ok: false,
      reason: 'it holds no certificate of its private key',
    });
  });

  describe('in a CA secret', () => {
    const authority = (
      data: Readonly<Record<string, Buffer>>,
      given: string | undefined = passphrase,
    ): SigningAuthority =>
      SigningAuthority.fromSecret(
        {
          namespace: 'istio-system',
          name: 'cacerts',
          data: new Secret(data),
          passphrase: given === undefined ? undefined : new Secret(given),
        },
        now,
      );

    for (const keyType of ['ec-p256', 'rsa-2048'] as const) {
      it(`gives a signing authority with a key of type ${keyType}, its root from the keystore`, () => {
        const { certificate, others } = store(keyType);
        const { chain, root } = authority({ 'keystore.p12': write(store(keyType)).reveal() });
        assert.deepEqual(chain.map(String), [certificate.toString()]);
        assert.equal(root.toString(), String(others[0]));
      });
    }

    it('takes the root from beside the keystore', () => {
      const { others, ...rest } = store('ec-p256');
      const keystore = write({ ...rest, others: [] }).reveal();
      for (const key of ['ca.crt', 'root-cert.pem']) {
        const { root } = authority({ 'keystore.p12': keystore, [key]: Buffer.from(String(others[0])) });
        assert.equal(root.toString(), String(others[0]));
      }
      assertRefused(() => authority({ 'keystore.p12': keystore }), 'MESH_ERR_CA_SECRET_INCOMPLETE', /root/);
    });

    it('says which file should hold the passphrase', () => {
      const keystore = write(store('ec-p256')).reveal();
      for (const given of [undefined, 'wrong']) {
        const secret = { namespace: 'a', name: 'b', data: new Secret({ 'keystore.p12': keystore }) };
        assertRefused(
          () =>
            SigningAuthority.fromSecret(
              { ...secret, passphrase: given === undefined ? undefined : new Secret(given) },
              now,
            ),
          'MESH_ERR_CA_SECRET_INVALID',
          /keystore\.p12 of the secret a\/b/,
        );
      }
    });
  });

  function assertRefused(call: () => unknown, code: string, message: RegExp): void {
    assert.throws(call, (error: unknown) => {
      assert.ok(error instanceof AgentError, inspect(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      if (code === 'MESH_ERR_CA_SECRET_INVALID') assert.match(error.nextStep, /identity\.passphraseFile/);
      return true;
    });
  }
});

function pkcs8(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
