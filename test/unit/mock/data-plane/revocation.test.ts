import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import type { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Revocation } from '../../../../src/mock/data-plane/revocation.js';
import type { Svid } from '../../../../src/spiffe/svid.js';
import { hasOpenssl } from '../../../support/openssl.js';
import { RevokingCa } from '../../../support/revoking-ca.js';
import { skipBecause } from '../../../support/skip.js';
import { TestBed, trustedSleep } from './test-bed.js';

const now = new Date();
const ago = (minutes: number): Date => new Date(now.getTime() - minutes * 60_000);

describe('revocation on the data plane', () => {
  let ca: RevokingCa;
  let caller: Svid;
  let other: Svid;
  before(async () => {
    ca = await RevokingCa.create(now);
    caller = await ca.mint(trustedSleep);
    other = await ca.mint(trustedSleep);
  });

  const list = (signer: 'root' | 'intermediate', ...revoked: readonly X509Certificate[]): string =>
    ca.listPem(signer, { thisUpdate: ago(60), revoked });
  const expired = (signer: 'root' | 'intermediate', ...revoked: readonly X509Certificate[]): string =>
    ca.listPem(signer, { thisUpdate: ago(60), nextUpdate: ago(30), revoked });

  /** What each file means for the caller, as the number of OpenSSL's X509_V_ERR_. */
  const cases: ReadonlyArray<[name: string, expected: number, pem: () => string]> = [
    ['lists that name nobody', 0, () => list('root') + list('intermediate')],
    ['a list that names another', 0, () => list('root') + list('intermediate', other.leaf)],
    ['a list that names him', 23, () => list('root') + list('intermediate', other.leaf, caller.leaf)],
    ['a list that names his CA', 23, () => list('root', ca.intermediate.certificate) + list('intermediate')],
    ["no list of his CA's CA", 3, () => list('intermediate')],
    ['no list of his CA', 3, () => list('root')],
    ['a list that has expired', 12, () => list('root') + expired('intermediate')],
    [
      'a list that is not in force yet',
      11,
      () => list('root') + ca.listPem('intermediate', { thisUpdate: ago(-60) }),
    ],
    [
      'a list that somebody else signed',
      8,
      () =>
        list('root') + ca.listPem('intermediate', { privateKey: ca.root.privateKey, thisUpdate: ago(60) }),
    ],
  ];

  const offence = (pem: string, allowsExpired = false, svid = caller): number =>
    new Revocation({ crlPem: pem, caPem: ca.rootPem, allowsExpired }).offenceOf(
      [svid.leaf, ...svid.chain],
      now,
    );

  for (const [name, expected, pem] of cases) {
    it(`is ${expected} for a caller and ${name}`, () => assert.equal(offence(pem()), expected));
  }

  it('is the same as by openssl verify -crl_check_all', function () {
    if (!hasOpenssl) skipBecause(this, 'the openssl command is missing');
    const folder = mkdtempSync(join(tmpdir(), 'crl-'));
    try {
      const file = (name: string, text: string): string => {
        writeFileSync(join(folder, name), text);
        return join(folder, name);
      };
      for (const [name, expected, pem] of cases) {
        const files = [
          '-CAfile',
          file('ca', ca.rootPem),
          '-untrusted',
          file('chain', caller.renderChainPem()),
        ];
        const { stderr } = spawnSync(
          'openssl',
          [
            'verify',
            '-crl_check_all',
            '-CRLfile',
            file('crl', pem()),
            ...files,
            file('leaf', caller.renderLeafPem()),
          ],
          { encoding: 'utf8' },
        );
        assert.equal(Number(/^error (\d+) at/m.exec(stderr)?.[1] ?? 0), expected, `${name}: ${stderr}`);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('of a list that has expired and is allowed to goes on', () => {
    assert.equal(offence(expired('root') + expired('intermediate'), true), 0);
    assert.equal(offence(expired('root') + expired('intermediate', caller.leaf), true), 23);
  });

  it('goes by the newest list of a CA', () => {
    const newer = ca.listPem('intermediate', { thisUpdate: ago(30), revoked: [caller.leaf] });
    assert.equal(offence(list('root') + newer + list('intermediate')), 23);
  });

  it('does without lists of a CA that may not sign them', async () => {
    const recipe = await RevokingCa.create(now, 'recipe', ['digitalSignature']);
    const svid = await recipe.mint(trustedSleep);
    const pem = recipe.listPem('root') + recipe.listPem('intermediate');
    const revocation = new Revocation({ crlPem: pem, caPem: recipe.rootPem, allowsExpired: false });
    assert.equal(revocation.offenceOf([svid.leaf, ...svid.chain], now), 35);
  });

  it('is told to the caller by the alert certificate_revoked, before any rule runs', async () => {
    const bed = await TestBed.start();
    try {
      const crlPem = list('root') + list('intermediate', caller.leaf);
      await bed.apply({ clientSsl: { caPem: ca.rootPem, crlPem } });
      const refused = await bed.call(caller);
      assert.equal(refused.error, 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED');
      assert.equal(refused.data, '');
      assert.equal((await bed.call(other)).data, 'HI');
      assert.deepEqual(bed.received, ['hi']);
      assert.ok(bed.log.every((line) => !line.includes('rejecting')));
    } finally {
      await bed.close();
    }
  });
});
