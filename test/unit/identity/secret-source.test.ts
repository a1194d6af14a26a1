import assert from 'node:assert/strict';

import { MeshCa } from '../../../src/demo/mesh-ca.js';
import type { FetchedSvid } from '../../../src/identity/identity-source.js';
import { MeshRoots } from '../../../src/identity/mesh-roots.js';
import { SecretSource } from '../../../src/identity/secret-source.js';
import type { SvidSecret } from '../../../src/identity/secret-source.js';
import { fetchVerifiedSvid } from '../../../src/identity/verify-svid.js';
import { Secret } from '../../../src/secret.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import type { Svid } from '../../../src/spiffe/svid.js';
import { assertRefused } from '../../support/assert-refused.js';
import { FakeClock } from '../../support/fake-clock.js';

const id = 'spiffe://cluster.local/ns/default/sa/bigip';

type Texts = Record<string, string>;

describe('SecretSource', () => {
  const clock = new FakeClock();
  let ca: MeshCa;
  let svid: Svid;
  let secrets: Map<string, { data: Texts; passphrase?: Secret }>;
  let reads: string[];
  before(async () => {
    ca = await MeshCa.create({ now: clock.now() });
    svid = await ca.mint(id);
  });
  beforeEach(() => {
    secrets = new Map();
    reads = [];
  });

  const tls = (of = svid, issuers = ca.rootPem): Texts => ({
    'tls.crt': of.renderLeafPem() + of.renderChainPem(),
    'tls.key': of.renderKeyPem().reveal(),
    'ca.crt': issuers,
  });
  const citadel = (of = svid): Texts => ({
    'cert-chain.pem': of.renderLeafPem() + of.renderChainPem(),
    'key.pem': of.renderKeyPem().reveal(),
    'root-cert.pem': ca.rootPem,
  });

  const source = (name = 'bigip-svid'): SecretSource =>
    new SecretSource({
      name,
      readSecret: ({ namespace, name }): Promise<SvidSecret | undefined> => {
        reads.push(`${namespace}/${name}`);
        const secret = secrets.get(`${namespace}/${name}`);
        if (secret === undefined) return Promise.resolve(undefined);
        const data = Object.entries(secret.data).map(([key, text]) => [key, Buffer.from(text)]);
        return Promise.resolve({
          data: new Secret(Object.fromEntries(data) as Record<string, Buffer>),
          passphrase: secret.passphrase,
        });
      },
      roots: new MeshRoots([() => Promise.resolve({ origin: 'ConfigMap a/b', pem: ca.rootPem })]),
      clock,
    });
  const fetch = (from = source()): Promise<FetchedSvid> => {
    const spiffeId = parseSpiffeId(id);
    assert.ok(spiffeId.ok);
    const request = { spiffeId: spiffeId.value, ttlMs: 1000, keyType: 'rsa-4096' } as const;
    return fetchVerifiedSvid(from, request, () => clock.now(), new AbortController().signal);
  };
  const put = (data: Texts, passphrase?: Secret): void => {
    secrets.set('default/bigip-svid', { data, ...(passphrase === undefined ? {} : { passphrase }) });
  };

  for (const [name, data] of [
    ['of type kubernetes.io/tls', () => tls()],
    ["of Citadel's time", () => citadel()],
  ] as const) {
    it(`takes leaf, chain and key of a secret ${name}`, async () => {
      put(data());
      const fetched = await fetch();
      assert.equal(fetched.svid.fingerprint256, svid.fingerprint256);
      assert.deepEqual(fetched.svid.chain.map(String), [ca.intermediateCertificate.toString()]);
      assert.ok(fetched.svid.privateKey.equals(svid.privateKey));
    });
  }

  it("finds the secret by the name's pattern in the namespace of the identity", async () => {
    secrets.set('default/istio.bigip', { data: citadel() });
    await fetch(source('istio.{serviceAccount}'));
    assert.deepEqual(reads, ['default/istio.bigip']);
  });

  it('reads the secret each time', async () => {
    put(tls());
    const from = source();
    const before = await fetch(from);
    put(tls(await ca.mint(id)));
    const after = await fetch(from);
    assert.notEqual(after.svid.fingerprint256, before.svid.fingerprint256);
  });

  it("trusts the mesh's roots and not those of the secret", async () => {
    const other = await MeshCa.create({ now: clock.now(), cluster: 'other' });
    put(tls(svid, other.rootPem + ca.rootPem));
    const { trustBundle } = await fetch();
    assert.equal(trustBundle.toPem(), ca.rootPem);
    assert.deepEqual(trustBundle.roots[0]?.origins, ['ConfigMap a/b']);
    put(tls(await other.mint(id), other.rootPem));
    await assertRefused(fetch(), 'MESH_ERR_SVID_UNTRUSTED', /does not lead to its trust bundle of 1 roots/);
  });

  it('finds an intermediate in ca.crt too, and does without ca.crt', async () => {
    const { 'ca.crt': _, ...withoutIssuers } = tls();
    put(withoutIssuers);
    await fetch();
    put({ ...tls(), 'tls.crt': svid.renderLeafPem(), 'ca.crt': ca.intermediateCertificate.toString() });
    const fetched = await fetch();
    assert.deepEqual(fetched.svid.chain.map(String), [ca.intermediateCertificate.toString()]);
  });

  it('serves the chain in order, whatever the order in the secret', async () => {
    put({ ...tls(), 'tls.crt': svid.renderLeafPem() + ca.rootPem + svid.renderChainPem() });
    const fetched = await fetch();
    assert.deepEqual(fetched.svid.chain.map(String), [ca.intermediateCertificate.toString()]);
  });

  it('opens an encrypted key with the passphrase', async () => {
    const key = svid.privateKey
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'correct horse' })
      .toString();
    put({ ...tls(), 'tls.key': key }, new Secret('correct horse'));
    await fetch();
    put({ ...tls(), 'tls.key': key });
    await assertRefused(
      fetch(),
      'MESH_ERR_SVID_UNREADABLE',
      /tls\.key of the secret default\/bigip-svid cannot be used: the private key is encrypted/,
      /identity\.passphraseFile/,
    );
  });

  it('says which secret does not exist', async () => {
    await assertRefused(
      fetch(),
      'MESH_ERR_SVID_MISSING',
      /the secret default\/bigip-svid does not exist/,
      /spiffe:\/\/cluster\.local\/ns\/default\/sa\/bigip/,
    );
  });

  for (const [what, change, code, message] of [
    [
      'an empty certificate',
      { 'tls.crt': '' },
      'MESH_ERR_SVID_MISSING',
      /^tls\.crt of the secret \S+ is empty/,
    ],
    ['an empty key', { 'tls.key': ' ' }, 'MESH_ERR_SVID_MISSING', /^tls\.key of the secret \S+ is empty/],
    ['no certificate', { 'tls.crt': 'hello' }, 'MESH_ERR_SVID_UNREADABLE', /^tls\.crt .* no PEM block/],
    ['no key', { 'tls.key': 'hello' }, 'MESH_ERR_SVID_UNREADABLE', /^tls\.key .* no PEM block/],
  ] as const) {
    it(`refuses ${what}`, async () => {
      put({ ...tls(), ...change });
      await assertRefused(fetch(), code, message);
    });
  }

  it('refuses a secret with none of the keys', async () => {
    put({ password: 'x' });
    await assertRefused(
      fetch(),
      'MESH_ERR_SVID_MISSING',
      /tls\.crt of the secret default\/bigip-svid is empty/,
    );
  });

  it("refuses another certificate's key", async () => {
    put({ ...tls(), 'tls.key': (await ca.mint(id)).renderKeyPem().reveal() });
    await assertRefused(
      fetch(),
      'MESH_ERR_SVID_KEY_MISMATCH',
      /tls\.key of the secret default\/bigip-svid is not the key of the certificate in tls\.crt/,
    );
  });

  it('refuses two URI SANs, another identity, and one that has expired', async () => {
    put(tls(await ca.mint(id, { uris: [id, id] })));
    await assertRefused(fetch(), 'MESH_ERR_SVID_WRONG_IDENTITY', /many-uris/);
    put(tls(await ca.mint('spiffe://cluster.local/ns/default/sa/other')));
    await assertRefused(fetch(), 'MESH_ERR_SVID_WRONG_IDENTITY', /carries spiffe:\S+\/other/);
    const past = new Date(clock.now().getTime() - 1000);
    put(tls(await ca.mint(id, { notAfter: past })));
    await assertRefused(fetch(), 'MESH_ERR_SVID_NOT_VALID_NOW', /expired at/, /renew/);
    put(tls(await ca.mint(id, { notBefore: new Date(clock.now().getTime() + 60_000) })));
    await assertRefused(fetch(), 'MESH_ERR_SVID_NOT_VALID_NOW', /not valid before/, /clocks/);
  });

  it('does not take an unreadable secret for an absent one', async () => {
    const forbidden = new Error('forbidden');
    const { signal } = new AbortController();
    const from = new SecretSource({
      name: 'x',
      readSecret: () => Promise.reject(forbidden),
      roots: new MeshRoots([]),
      clock,
    });
    const spiffeId = parseSpiffeId(id);
    assert.ok(spiffeId.ok);
    const request = { spiffeId: spiffeId.value, ttlMs: 1, keyType: 'ec-p256' } as const;
    await assert.rejects(from.fetchSvid(request, signal), forbidden);
  });

  it('gives the roots of the mesh without reading a secret', async () => {
    const bundle = await source().fetchTrustBundle(new AbortController().signal);
    assert.equal(bundle.toPem(), ca.rootPem);
    assert.deepEqual(reads, []);
  });
});
