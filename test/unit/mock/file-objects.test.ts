import assert from 'node:assert/strict';
import { X509Certificate, createHash, createPrivateKey } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseCertificates } from '../../../src/mock/certificate/certificate-facts.js';
import { mintSelfSigned } from '../../../src/mock/certificate/self-signed.js';
import { textOf } from '../../../src/mock/json.js';
import type { Json, JsonObject } from '../../../src/mock/json.js';
import { FakeClock } from '../../support/fake-clock.js';
import { sharedData } from '../../support/shared-data.js';
import { skipBecause } from '../../support/skip.js';
import { installFile, mintPair, startBench } from './bench.js';
import type { Bench } from './bench.js';
import { differences } from './differences.js';

const uploads = '/mgmt/shared/file-transfer/uploads';
const downloads = 'file:/var/config/rest/downloads';

describe('mock BIG-IP: uploads', () => {
  let bench: Bench;
  before(async () => {
    bench = await startBench();
  });
  after(() => bench.close());

  const chunk = (name: string, body: Buffer, range: string) =>
    bench.client.send('POST', `${uploads}/${name}`, { body, headers: { 'content-range': range } });
  const listed = async () =>
    (
      await bench.client.post('/mgmt/tm/util/unix-ls', {
        command: 'run',
        utilCmdArgs: '/var/config/rest/downloads',
      })
    ).json['commandResult'];

  it('counts chunks, and shows the file only when all are there', async () => {
    const { certificatePem } = await mintPair('chunked');
    const file = Buffer.from(certificatePem);
    const half = 100;
    const first = await chunk('c.crt', file.subarray(0, half), `0-${half - 1}/${file.length}`);
    assert.equal(first.status, 200);
    const { lastUpdateMicros, ...rest } = first.json;
    assert.equal(typeof lastUpdateMicros, 'number');
    assert.deepEqual(rest, {
      remainingByteCount: file.length - half,
      usedChunks: { '0': half },
      totalByteCount: file.length,
      localFilePath: '/var/config/rest/downloads/c.crt',
      temporaryFilePath: '/var/config/rest/downloads/tmp/c.crt',
      generation: 0,
    });
    const early = await bench.client.post('/mgmt/tm/sys/file/ssl-cert', {
      name: 'c.crt',
      sourcePath: `${downloads}/c.crt`,
    });
    assert.deepEqual(early.json, {
      code: 400,
      message: 'Failed! exit_code (37).\n',
      errorStack: [],
      apiError: 26214401,
    });
    const last = await chunk('c.crt', file.subarray(half), `${half}-${file.length - 1}/${file.length}`);
    assert.equal(last.json['remainingByteCount'], 0);
    assert.match(textOf(await listed()), /^c\.crt$/m);
  });

  it('accepts chunks that overlap by a byte, as one client sends them', async () => {
    await chunk('o', Buffer.from('abcd'), '0-3/6');
    const answer = await chunk('o', Buffer.from('def'), '3-5/6');
    assert.equal(answer.json['remainingByteCount'], 0);
    assert.deepEqual(answer.json['usedChunks'], { '0': 4, '3': 3 });
  });

  it('refuses a chunk whose bytes are not those that Content-Range announces', async () => {
    const answer = await chunk('m', Buffer.from('abc'), '0-3/4');
    assert.equal(answer.status, 400);
    assert.equal(answer.json['message'], 'Chunk byte count 4 different from received buffer length 3');
  });

  it('needs Content-Range without the word "bytes"', async () => {
    assert.equal((await chunk('b', Buffer.from('abc'), 'bytes 0-2/3')).status, 400);
    assert.equal((await bench.client.send('POST', `${uploads}/b`, { body: Buffer.from('abc') })).status, 400);
  });

  it('removes files by unix-rm, with 200 also when there is nothing to remove', async () => {
    await bench.client.upload('gone', 'abc');
    const remove = { command: 'run', utilCmdArgs: '/var/config/rest/downloads/gone' };
    const first = await bench.client.post('/mgmt/tm/util/unix-rm', remove);
    assert.deepEqual(first.json, { kind: 'tm:util:unix-rm:runstate', ...remove });
    const second = await bench.client.post('/mgmt/tm/util/unix-rm', remove);
    assert.equal(second.status, 200);
    assert.match(textOf(second.json['commandResult']), /No such file or directory\n$/);
    assert.doesNotMatch(textOf(await listed()), /^gone$/m);
  });

  it('has no file system outside the upload folder', async () => {
    for (const path of [
      '/config/bigip.conf',
      '/var/config/rest/downloads/../x',
      '/var/config/rest/downloadsX/y',
    ]) {
      const answer = await bench.client.post('/mgmt/tm/util/unix-rm', { command: 'run', utilCmdArgs: path });
      assert.equal(answer.status, 400, path);
    }
  });
});

describe('mock BIG-IP: certificates and keys', () => {
  let bench: Bench;
  const clock = new FakeClock('2026-11-22T10:00:00Z');
  before(async () => {
    bench = await startBench({ clock });
  });
  after(() => bench.close());

  it('shows what a certificate says: names last attribute first, dates, serial, hash, SAN', async () => {
    const minted = await mintSelfSigned(
      [
        { shortName: 'C', value: 'US' },
        { shortName: 'O', value: 'Entrust, Inc.' },
        { shortName: 'CN', value: 'cert1' },
      ],
      new Date('2026-01-07T00:00:01Z'),
    );
    const answer = await installFile(bench.client, 'ssl-cert', 'rsa.crt', minted.pem);
    const certificate = new X509Certificate(minted.pem);
    const body = answer.json;
    assert.equal(body['subject'], 'CN=cert1,O=Entrust, Inc.,C=US');
    assert.equal(body['issuer'], body['subject']);
    assert.equal(body['keyType'], 'rsa-public');
    assert.equal(body['certificateKeySize'], 2048);
    assert.equal(body['expirationString'], 'Jan  5 00:00:01 2036 GMT');
    assert.equal(body['expirationDate'], Date.parse('2036-01-05T00:00:01Z') / 1000);
    assert.equal(body['serialNumber'], String(Number.parseInt(certificate.serialNumber, 16)));
    assert.equal(body['fingerprint'], `SHA256/${certificate.fingerprint256}`);
    const sha1 = createHash('sha1').update(minted.pem).digest('hex');
    assert.equal(body['checksum'], `SHA1:${Buffer.byteLength(minted.pem)}:${sha1}`);
    assert.equal(body['createTime'], '2026-11-22T10:00:00Z');
    assert.equal(body['createdBy'], 'admin');
    assert.equal(body['isBundle'], 'false');
    assert.ok(!('subjectAlternativeName' in body));
  });

  it('shows long serial numbers in hex, SANs in the form of OpenSSL, and a bundle as one', async () => {
    const [one, two] = [await mintPair('one', 'spiffe://a/b', 'spiffe://c/d, URI:x'), await mintPair('two')];
    const single = await installFile(bench.client, 'ssl-cert', 'san.crt', one.certificatePem);
    assert.match(textOf(single.json['serialNumber']), /^[0-9a-f]{2}(:[0-9a-f]{2}){10,}$/);
    assert.equal(single.json['subjectAlternativeName'], 'URI:spiffe://a/b, URI:spiffe://c/d, URI:x');
    assert.equal(single.json['keyType'], 'ec-public');
    assert.equal(single.json['certificateKeyCurveName'], 'prime256v1');
    const bundle = await installFile(
      bench.client,
      'ssl-cert',
      'bundle.crt',
      `${one.certificatePem}${two.certificatePem}`,
    );
    assert.equal(bundle.json['isBundle'], 'true');
    assert.ok(!('serialNumber' in bundle.json));
    const parts = await bench.client.get('/mgmt/tm/sys/file/ssl-cert/~Common~bundle.crt/bundle-certificates');
    const items = parts.json['items'] as readonly JsonObject[];
    assert.deepEqual(
      items.map((item) => item['subject']),
      ['CN=one', 'CN=two'],
    );
  });

  it('refuses what is neither certificate nor key, and each in place of the other', async () => {
    const { certificatePem, keyPem } = await mintPair('x');
    const attempts: ReadonlyArray<readonly [string, string, string]> = [
      ['ssl-cert', 'junk.crt', 'junk'],
      ['ssl-cert', 'key.crt', keyPem],
      ['ssl-key', 'cert.key', certificatePem],
      [
        'ssl-cert',
        'half.crt',
        `${certificatePem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
      ],
    ];
    for (const [kind, name, content] of attempts) {
      const answer = await installFile(bench.client, kind, name, content);
      assert.equal(answer.status, 400, name);
      assert.equal(
        answer.json['message'],
        `01070712:3: Certificate/Key has unknown format or security type (/Common/${name}).`,
      );
    }
  });

  it('re-reads the file on every PATCH of sourcePath and on an empty PUT, and counts revisions', async () => {
    const [one, two] = [await mintPair('first'), await mintPair('second')];
    await installFile(bench.client, 'ssl-cert', 'rev.crt', one.certificatePem);
    const path = '/mgmt/tm/sys/file/ssl-cert/~Common~rev.crt';
    await bench.client.upload('rev.crt', two.certificatePem);
    const patched = await bench.client.patch(path, { sourcePath: `${downloads}/rev.crt` });
    assert.deepEqual([patched.json['subject'], patched.json['revision']], ['CN=second', 2]);
    await bench.client.upload('rev.crt', one.certificatePem);
    const put = await bench.client.put(path, {});
    assert.deepEqual([put.json['subject'], put.json['revision']], ['CN=first', 3]);
    const described = await bench.client.patch(path, { description: 'owned' });
    assert.deepEqual([described.json['description'], described.json['revision']], ['owned', 3]);
  });

  it('both spellings of a file address work, and others do not', async () => {
    const { certificatePem } = await mintPair('path');
    await bench.client.upload('p.crt', certificatePem);
    const create = (name: string, sourcePath: string) =>
      bench.client.post('/mgmt/tm/sys/file/ssl-cert', { name, sourcePath });
    assert.equal((await create('p1.crt', 'file:///var/config/rest/downloads/p.crt')).status, 200);
    assert.equal((await create('p2.crt', 'file:/var/config/rest/downloads/p.crt')).status, 200);
    for (const path of ['file:/var/config/rest/downloads/a/p.crt', '/var/config/rest/downloads/p.crt']) {
      assert.equal((await create('p3.crt', path)).json['message'], 'Failed! exit_code (37).\n');
    }
  });

  it('never gives a key back, and hides its passphrase', async () => {
    const { certificatePem, keyPem } = await mintPair('secret');
    const encrypted = createPrivateKey(keyPem).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'open sesame',
    });
    const answer = await installFile(bench.client, 'ssl-key', 'enc.key', String(encrypted), {
      passphrase: 'open sesame',
    });
    assert.equal(answer.json['securityType'], 'password');
    assert.match(textOf(answer.json['passphrase']), /^\$M\$/);
    assert.ok(!answer.text.includes('PRIVATE KEY') && !answer.text.includes('sesame'));
    assert.equal(answer.json['keySize'], 256);
    await installFile(bench.client, 'ssl-cert', 'enc.crt', certificatePem);
    const profile = await bench.client.post('/mgmt/tm/ltm/profile/client-ssl', {
      name: 'enc',
      certKeyChain: [{ name: 'a', cert: '/Common/enc.crt', key: '/Common/enc.key' }],
    });
    assert.equal(profile.status, 200, profile.text);
  });

  it('refuses an encrypted key without a passphrase when a profile uses it', async () => {
    const { certificatePem, keyPem } = await mintPair('locked');
    const encrypted = createPrivateKey(keyPem).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'open sesame',
    });
    assert.equal((await installFile(bench.client, 'ssl-key', 'key.key', String(encrypted))).status, 200);
    await installFile(bench.client, 'ssl-cert', 'key.crt', certificatePem);
    const chain = { name: 'a', cert: '/Common/key.crt', key: '/Common/key.key' };
    const refused = await bench.client.post('/mgmt/tm/ltm/profile/client-ssl', {
      name: 'prof',
      certKeyChain: [chain],
    });
    assert.equal(
      refused.json['message'],
      '01070313:3: Error reading key PEM file /Common/key.key for profile /Common/prof: ' +
        'error:0906A068:PEM routines:PEM_do_header:bad password read',
    );
    const withPassphrase = await bench.client.post('/mgmt/tm/ltm/profile/client-ssl', {
      name: 'prof',
      certKeyChain: [{ ...chain, passphrase: 'open sesame' }],
    });
    assert.equal(withPassphrase.status, 200, withPassphrase.text);
    assert.ok(!withPassphrase.text.includes('sesame'));
  });

  it('stores CRLs and record files', async () => {
    const junk = await installFile(bench.client, 'ssl-crl', 'x.crl', 'junk');
    assert.equal(junk.status, 400);
    const crl = `-----BEGIN X509 CRL-----\n${Buffer.from([0x30, 0x00]).toString('base64')}\n-----END X509 CRL-----\n`;
    assert.equal((await installFile(bench.client, 'ssl-crl', 'x.crl', crl)).status, 200);
    const file = await installFile(bench.client, 'data-group', 'dgfile', '"a" := "1",\n"b",\n', {
      type: 'string',
    });
    assert.equal(file.json['separator'], ':=');
    const group = await bench.client.post('/mgmt/tm/ltm/data-group/external', {
      name: 'dg',
      externalFileName: '/Common/dgfile',
    });
    assert.equal(group.json['type'], 'string');
  });

  it('reads every one of the published hostile certificates as OpenSSL does', function () {
    const vectors = sharedData('svid-vectors');
    if (vectors === undefined) {
      skipBecause(this, 'no certificates beside the checkout (svid-vectors)');
      return;
    }
    const files = readdirSync(join(vectors, 'certs'));
    assert.ok(files.length > 100);
    for (const file of files) {
      const pem: string = readFileSync(join(vectors, 'certs', file), 'utf8');
      assert.equal(
        parseCertificates(pem)?.[0]?.fingerprint,
        `SHA256/${new X509Certificate(pem).fingerprint256}`,
        file,
      );
    }
  });

  describe('beside the recordings', () => {
    const folder = sharedData('icontrol-fixtures');
    before(function () {
      if (folder === undefined)
        skipBecause(this, 'no recorded answers beside the checkout (icontrol-fixtures)');
    });
    const compare = (
      name: string,
      answered: Json,
      anyValue: readonly string[],
      ignored: readonly string[] = [],
    ) => {
      const recorded = JSON.parse(readFileSync(join(folder ?? '', `${name}.json`), 'utf8')) as Json;
      const leeway = { anyValue: new Set(['generation', ...anyValue]), ignored: new Set(ignored) };
      return differences(recorded, answered, leeway);
    };
    const fileValues = ['checksum', 'createTime', 'lastUpdateTime', 'size', 'sourcePath'];

    it('a certificate and its key look as on 16.1.3.3', async () => {
      const recent = await startBench({ tmosVersion: '16.1' });
      try {
        const minted = await mintSelfSigned([{ shortName: 'CN', value: 'cert1' }], clock.now());
        await installFile(recent.client, 'ssl-cert', 'bar.crt', minted.pem);
        const certificate = await recent.client.get(
          '/mgmt/tm/sys/file/ssl-cert/~Common~bar.crt?expandSubcollections=true',
        );
        const values = [
          'expirationDate',
          'expirationString',
          'fingerprint',
          'issuer',
          'serialNumber',
          'subject',
        ];
        assert.deepEqual(
          compare('sys-file-ssl-cert-16.1.3.3', certificate.json, [...fileValues, ...values, 'version']),
          [],
        );
        const key = await installFile(recent.client, 'ssl-key', 'bar.key', minted.keyPem.reveal());
        assert.deepEqual(compare('sys-file-ssl-key-16.1.3.3', key.json, fileValues), []);
      } finally {
        await recent.close();
      }
    });

    it('a certificate with its issuer, and a record file, look as on 13', async () => {
      const old = await startBench({ tmosVersion: '13.1' });
      try {
        const minted = await mintSelfSigned([{ shortName: 'CN', value: 'a' }], clock.now());
        await installFile(old.client, 'ssl-cert', 'intermediate.crt', minted.pem);
        await installFile(old.client, 'ssl-cert', 'ocsp.example.com.crt', minted.pem);
        const certificate = await old.client.patch(
          '/mgmt/tm/sys/file/ssl-cert/~Common~ocsp.example.com.crt',
          {
            issuerCert: '/Common/intermediate.crt',
            certValidationOptions: ['ocsp'],
          },
        );
        const values = ['certificateKeySize', 'expirationDate', 'expirationString', 'issuer', 'serialNumber'];
        assert.deepEqual(
          compare('sys-file-ssl-cert-13.0.0-issuer-ocsp', certificate.json, [
            ...fileValues,
            ...values,
            'subject',
            'version',
          ]),
          [],
        );
        const records = await installFile(old.client, 'data-group', 'foo', '"a" := "b"\n', {
          type: 'string',
        });
        assert.deepEqual(compare('sys-file-data-group-13.1.0', records.json, fileValues, ['sourcePath']), []);
      } finally {
        await old.close();
      }
    });
  });
});
