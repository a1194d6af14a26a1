import { strict as assert } from 'node:assert';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentError } from '../../../src/errors.js';
import {
  findCertificateFiles,
  loadCertificateFile,
  parseCertificateFile,
} from '../../../src/explain/certificate-file.js';
import { certificateDer, der, extension, keyUsage, oid, san, uri } from '../../support/der.js';

/** Long enough for a length of the long form, as every real certificate is. */
const certificateOf = (name: string): Buffer =>
  certificateDer({
    extensions: [keyUsage(true, 0xa0), san(true, uri(`spiffe://td/${'a'.repeat(100)}/${name}`))],
  });
const one = certificateOf('one');
const two = certificateOf('two');

function pem(content: Buffer, label = 'CERTIFICATE'): string {
  const body = content.toString('base64').replaceAll(/(.{64})/g, '$1\n');
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}

const parsePem = (text: string): ReturnType<typeof parseCertificateFile> =>
  parseCertificateFile(Buffer.from(text));

describe('a certificate file', () => {
  it('may be DER', () => assert.deepEqual(parseCertificateFile(one), { der: one, others: [] }));

  it('may be PEM; the first certificate counts, the others are kept for the chain', () => {
    assert.deepEqual(parsePem(pem(one)), { der: one, others: [] });
    assert.deepEqual(parsePem(pem(one) + pem(two)), { der: one, others: [two] });
    assert.deepEqual(parsePem(pem(two) + pem(one)), { der: two, others: [one] });
  });

  it('may have CRLF, no last line end, text around the blocks, and blocks of other kinds', () => {
    for (const text of [
      pem(one).replaceAll('\n', '\r\n'),
      pem(one).trimEnd(),
      `Certificate:\n    Data:\n${pem(one)}\n# end`,
      pem(Buffer.from('key'), 'EC PRIVATE KEY') + pem(one),
      pem(one, 'X509 CERTIFICATE'),
    ])
      assert.deepEqual(parsePem(text)?.der, one, text);
  });

  it('is taken as it is, however broken: judging is up to the engines', () => {
    const broken = Buffer.concat([one.subarray(0, -20), Buffer.alloc(4)]);
    assert.deepEqual(parseCertificateFile(broken)?.der, broken);
    assert.deepEqual(parsePem(pem(Buffer.from('rubbish')))?.der, Buffer.from('rubbish'));
  });

  it('is not read as the PEM that a hostile certificate carries inside', () => {
    const policies = extension(oid.certificatePolicies, false, der(0x16, Buffer.from(`\n${pem(two)}`)));
    const hostile = certificateDer({
      extensions: [keyUsage(true, 0xa0), policies, san(true, uri('spiffe://td/one'))],
    });
    assert.deepEqual(parseCertificateFile(hostile), { der: hostile, others: [] });
  });

  it('holds no certificate when it is anything else', () => {
    for (const content of [
      '',
      'nothing',
      '0',
      pem(one, 'PUBLIC KEY'),
      '-----BEGIN CERTIFICATE-----\n',
      '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n',
      '-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n',
    ])
      assert.equal(parsePem(content), undefined, content);
  });

  it('does not stand for another one when its first certificate is broken', () => {
    const cut = '-----BEGIN CERTIFICATE-----\nMIIB\n';
    assert.equal(parsePem(cut + pem(one)), undefined);
    assert.equal(parsePem(`${cut}%\n-----END CERTIFICATE-----\n${pem(one)}`), undefined);
  });

  describe('on disk', () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'bigip-mesh-'));
    });
    afterEach(() => rm(folder, { recursive: true }));

    it('is itself when it is named, whatever its ending', async () => {
      const file = join(folder, 'leaf');
      await writeFile(file, one);
      assert.deepEqual(await findCertificateFiles(file), [file]);
      assert.deepEqual((await loadCertificateFile(file))?.der, one);
    });

    it('is found in a folder by its ending, sorted, links as well, and folders are left out', async () => {
      for (const name of ['b.pem', 'a.der', 'D.CRT', 'c.cer', 'key.txt', 'README'])
        await writeFile(join(folder, name), one);
      await mkdir(join(folder, 'old.pem'));
      await symlink('b.pem', join(folder, 'tls.crt'));
      const names = (await findCertificateFiles(folder)).map((file) => file.slice(folder.length + 1));
      assert.deepEqual(names, ['D.CRT', 'a.der', 'b.pem', 'c.cer', 'tls.crt']);
    });

    it('is asked for when it is not there, or a folder has none', async () => {
      const isUsage = (pattern: RegExp) => (error: unknown) =>
        error instanceof AgentError && error.code === 'MESH_ERR_USAGE' && pattern.test(error.message);
      await assert.rejects(
        findCertificateFiles(join(folder, 'gone.pem')),
        isUsage(/gone\.pem does not exist/),
      );
      await assert.rejects(
        loadCertificateFile(join(folder, 'gone.pem')),
        isUsage(/gone\.pem does not exist/),
      );
      await assert.rejects(findCertificateFiles(folder), isUsage(/holds no \*\.pem/));
    });
  });
});
