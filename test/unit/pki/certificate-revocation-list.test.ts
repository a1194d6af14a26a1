import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  parseRevocationListsPem,
  renderRevocationListsPem,
  verifyRevocationList,
} from '../../../src/pki/certificate-revocation-list.js';
import type { RevocationList } from '../../../src/pki/certificate-revocation-list.js';
import { issueCertificate } from '../../../src/pki/issue-certificate.js';
import { generateKeyPair } from '../../../src/pki/key-pair.js';
import { der, extension } from '../../support/der.js';
import { hasOpenssl } from '../../support/openssl.js';
import { revocationListPem, RevokingCa } from '../../support/revoking-ca.js';
import type { ListOptions } from '../../support/revoking-ca.js';
import { skipBecause } from '../../support/skip.js';

const now = new Date('2026-03-01T12:00:00Z');
const callerId = 'spiffe://cluster.local/ns/trusted/sa/sleep';

describe('a certificate revocation list', () => {
  let ca: RevokingCa;
  before(async () => {
    ca = await RevokingCa.create(now);
  });

  function one(options: ListOptions = {}, signer: 'root' | 'intermediate' = 'intermediate'): RevocationList {
    const [list] = several(ca.listPem(signer, options));
    assert.ok(list?.ok, list?.ok === false ? list.reason : 'none');
    return list.value;
  }

  function several(pem: string) {
    const lists = parseRevocationListsPem(pem);
    assert.ok(lists.ok, lists.ok ? '' : lists.reason);
    return lists.value;
  }

  function refusalOf(options: ListOptions): string {
    const [list] = several(ca.listPem('intermediate', options));
    assert.ok(list !== undefined && !list.ok);
    return list.reason;
  }

  it('tells its CA, its times and how many certificates it names', async () => {
    const { leaf } = await ca.mint(callerId);
    const thisUpdate = new Date('2026-03-01T11:00:00Z');
    const list = one({ revoked: [leaf, ca.intermediate.certificate], thisUpdate });
    assert.equal(list.issuer, 'CN=revoking intermediate');
    assert.deepEqual(list.thisUpdate, thisUpdate);
    assert.deepEqual(list.nextUpdate, new Date('2026-03-02T11:00:00Z'));
    assert.equal(list.revoked, 2);
  });

  it('may be as long as a ConfigMap holds', () => {
    const serials = Array.from({ length: 10_000 }, (_, index) =>
      (2 ** 40 + index).toString(16).padStart(32, '7'),
    );
    const revoked = serials.map((serialNumber) => ({ serialNumber }));
    assert.equal(one({ revoked }).revoked, 10_000);
  });

  it('may say nothing of the next one', () => {
    assert.equal(one({ nextUpdate: null }).nextUpdate, undefined);
  });

  it('stands with others in one text, CRLF and words between them, and comes out as it went in', () => {
    const [root, intermediate] = [ca.listPem('root'), ca.listPem('intermediate')];
    const lists = several(`# both\r\n${root.replaceAll('\n', '\r\n')}and\n${intermediate}`);
    const read = lists.flatMap((list) => (list.ok ? [list.value] : []));
    assert.equal(renderRevocationListsPem(read), root + intermediate);
    assert.notEqual(read[0]?.issuerId, read[1]?.issuerId);
  });

  it('has the same CA as its successor', () => {
    assert.equal(one().issuerId, one({ thisUpdate: new Date(now.getTime() - 1000) }).issuerId);
  });

  it('that is broken does not hide the others', () => {
    const broken = '-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n';
    const lists = several(broken + ca.listPem('root'));
    assert.deepEqual(
      lists.map((list) => list.ok || list.reason),
      ['list 1: it is no CRL', true],
    );
  });

  for (const [what, text, reason] of [
    ['nothing', '', /no PEM block/],
    ['a word', 'junk', /no PEM block/],
    ['the half of a list', '-----BEGIN X509 CRL-----\nMIIB\n', /no matching end/],
  ] as const) {
    it(`is not read from ${what}`, () => {
      const lists = parseRevocationListsPem(text);
      assert.match(lists.ok ? '' : lists.reason, reason);
    });
  }

  it('is not read from certificates', () => {
    const lists = parseRevocationListsPem(ca.rootPem);
    assert.match(lists.ok ? '' : lists.reason, /no CRL/);
  });

  it('with something behind it in its block is none', () => {
    const pem = ca.listPem('root').replaceAll(/-----[^-]+-----|\s/g, '');
    const longer = Buffer.concat([Buffer.from(pem, 'base64'), Buffer.of(0)]).toString('base64');
    const [list] = several(`-----BEGIN X509 CRL-----\n${longer}\n-----END X509 CRL-----\n`);
    assert.equal(list?.ok, false);
  });

  it('that is a delta CRL is refused', () => {
    const delta = extension(Buffer.from('0603551d1b', 'hex'), true, der(0x02, Buffer.of(1)));
    assert.match(refusalOf({ extensions: [delta] }), /delta CRL/);
  });

  it('that is indirect, or for a part of the certificates, is refused', async () => {
    const point = extension(Buffer.from('0603551d1c', 'hex'), true, der(0x30, der(0x84, Buffer.of(0xff))));
    assert.match(refusalOf({ extensions: [point] }), /indirect/);
    const { leaf } = await ca.mint(callerId);
    const certificateIssuer = extension(Buffer.from('0603551d1d', 'hex'), true, der(0x30));
    assert.match(refusalOf({ revoked: [leaf], entryExtensions: [certificateIssuer] }), /indirect/);
  });

  it('with a critical extension that nobody knows is refused, and with another one taken', () => {
    const id = Buffer.from('06032a0304', 'hex');
    assert.match(refusalOf({ extensions: [extension(id, true, der(0x05))] }), /critical extension/);
    assert.ok(one({ extensions: [extension(id, false, der(0x05))] }));
  });

  it('is verified by the CA that signed it', () => {
    const cas = [ca.root.certificate, ca.intermediate.certificate];
    const verified = verifyRevocationList(one(), cas, now);
    assert.ok(verified.ok && verified.value.raw.equals(ca.intermediate.certificate.raw));
  });

  function offence(
    list: RevocationList,
    issuers = [ca.root.certificate, ca.intermediate.certificate],
  ): string {
    const verified = verifyRevocationList(list, issuers, now);
    return verified.ok ? 'none' : verified.reason;
  }

  it('of a CA that is not known is refused', () => {
    assert.match(
      offence(one(), [ca.root.certificate]),
      /CN=revoking intermediate is of a CA that is not known/,
    );
  });

  it('of another CA of the same name is refused', async () => {
    const other = await RevokingCa.create(now);
    assert.match(offence(one(), [other.intermediate.certificate]), /not known/);
  });

  it('that somebody else signed is refused', () => {
    assert.match(offence(one({ privateKey: ca.root.privateKey })), /signature .* is not that CA's/);
  });

  it('that was changed after it was signed is refused', async () => {
    const { leaf } = await ca.mint(callerId);
    const list = one({ revoked: [leaf] });
    const tbs = Buffer.from(list.signed.tbs);
    tbs.writeUInt8(tbs.readUInt8(tbs.length - 1) ^ 1, tbs.length - 1);
    assert.match(offence({ ...list, signed: { ...list.signed, tbs } }), /signature/);
  });

  it('of a CA whose key usage lacks cRLSign is refused', async () => {
    const recipe = await RevokingCa.create(now, 'recipe', ['digitalSignature']);
    const [list] = several(recipe.listPem('root'));
    assert.ok(list?.ok);
    assert.match(offence(list.value, [recipe.root.certificate]), /lacks cRLSign/);
  });

  it('of a CA without any key usage is taken', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ec-p256');
    const subject = [{ type: 'commonName', value: 'bare' }] as const;
    const dates = { notBefore: now, notAfter: new Date('2036-01-01T00:00:00Z') };
    const template = { subject, publicKey, ...dates, hasSubjectKeyIdentifier: true };
    const certificate = issueCertificate(template, { privateKey });
    const [list] = several(revocationListPem({ certificate, privateKey }, { thisUpdate: now }));
    assert.ok(list?.ok);
    assert.equal(offence(list.value, [certificate]), 'none');
  });

  it('that is not in force yet is refused, and one that has expired is not', () => {
    assert.match(offence(one({ thisUpdate: new Date(now.getTime() + 1000) })), /not in force before/);
    const thisUpdate = new Date(now.getTime() - 7_200_000);
    assert.equal(offence(one({ thisUpdate, nextUpdate: new Date(now.getTime() - 3_600_000) })), 'none');
  });

  it('of the openssl command is read and verified, RSA and SHA-512 as well', function () {
    if (!hasOpenssl) skipBecause(this, 'the openssl command is missing');
    const folder = mkdtempSync(join(tmpdir(), 'crl-'));
    try {
      const file = (name: string): string => join(folder, name);
      const run = (...args: readonly string[]): string =>
        execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' });
      writeFileSync(
        file('index.txt'),
        'R\t360101000000Z\t260101000000Z,keyCompromise\t0ABC\tunknown\t/CN=gone\n',
      );
      writeFileSync(file('number'), '01\n');
      writeFileSync(
        file('ca.cnf'),
        `[ca]\ndefault_ca=d\n[d]\ndatabase=${file('index.txt')}\ncrlnumber=${file('number')}\ndefault_md=sha512\ndefault_crl_days=30\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid:always\n[req]\ndistinguished_name=n\nx509_extensions=x\n[n]\n[x]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n`,
      );
      const name = '/O=Mesh/CN=Root CA';
      run(
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        file('key'),
        '-out',
        file('crt'),
        '-subj',
        name,
        '-config',
        file('ca.cnf'),
      );
      const pem = run(
        'ca',
        '-gencrl',
        '-config',
        file('ca.cnf'),
        '-keyfile',
        file('key'),
        '-cert',
        file('crt'),
      );
      const [list] = several(pem);
      assert.ok(list?.ok);
      assert.equal(list.value.revoked, 1);
      assert.equal(list.value.issuer, 'O=Mesh, CN=Root CA');
      const certificate = new X509Certificate(run('x509', '-in', file('crt')));
      assert.ok(verifyRevocationList(list.value, [certificate], new Date(Date.now() + 60_000)).ok);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
