import assert from 'node:assert/strict';
import type { KeyObject, X509Certificate } from 'node:crypto';

import { assembleSvid } from '../../../src/identity/assemble-svid.js';
import { issueCertificate } from '../../../src/pki/issue-certificate.js';
import { generateKeyPair } from '../../../src/pki/key-pair.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { TrustBundle } from '../../../src/spiffe/trust-bundle.js';

const now = new Date('2030-01-01T00:00:00Z');
const later = new Date('2031-01-01T00:00:00Z');
const id = 'spiffe://cluster.local/ns/default/sa/bigip';

interface Authority {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

async function authority(name: string, issuer?: Authority): Promise<Authority> {
  const { publicKey, privateKey } = await generateKeyPair('ec-p256');
  const certificate = issueCertificate(
    {
      subject: [{ type: 'commonName', value: name }],
      publicKey,
      notBefore: now,
      notAfter: later,
      keyUsages: ['keyCertSign'],
      basicConstraints: { ca: true },
      hasSubjectKeyIdentifier: true,
    },
    issuer ?? { privateKey },
  );
  return { certificate, privateKey };
}

describe('assembleSvid', () => {
  let root: Authority;
  let upper: Authority;
  let lower: Authority;
  let stranger: Authority;
  let leaf: Authority;
  before(async () => {
    root = await authority('root');
    upper = await authority('upper', root);
    lower = await authority('lower', upper);
    stranger = await authority('stranger', root);
    const { publicKey, privateKey } = await generateKeyPair('ec-p256');
    const certificate = issueCertificate(
      {
        subject: [],
        publicKey,
        notBefore: now,
        notAfter: later,
        subjectAltNames: { isCritical: true, names: [{ type: 'uri', value: id }] },
      },
      lower,
    );
    leaf = { certificate, privateKey };
  });

  function chainOf(others: readonly Authority[], roots: readonly Authority[]): string[] {
    const spiffeId = parseSpiffeId(id);
    assert.ok(spiffeId.ok);
    const parts = {
      leaf: leaf.certificate,
      others: others.map(({ certificate }) => certificate),
      privateKey: leaf.privateKey,
      trustBundle: TrustBundle.of([
        { origin: 'here', certificates: roots.map(({ certificate }) => certificate) },
      ]),
    };
    return assembleSvid(spiffeId.value, parts, now).svid.chain.map(({ subject }) => subject);
  }

  it("puts the chain in order, from the leaf's issuer upwards, and leaves out what is not of it", () => {
    assert.deepEqual(chainOf([root, stranger, upper, lower], [root]), ['CN=lower', 'CN=upper']);
  });

  it('leaves the chain as it came where it leads nowhere, but never with a root in it', () => {
    assert.deepEqual(chainOf([root, upper, lower], [stranger]), ['CN=upper', 'CN=lower']);
    assert.deepEqual(chainOf([root, lower], [root]), ['CN=lower']);
  });
});
