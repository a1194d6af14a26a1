import assert from 'node:assert/strict';

import { MeshCa } from '../../../src/demo/mesh-ca.js';
import type { MintOptions } from '../../../src/demo/mesh-ca.js';
import { AgentError } from '../../../src/errors.js';
import type { ErrorCode } from '../../../src/errors.js';
import type { FetchedSvid, IdentitySource } from '../../../src/identity/identity-source.js';
import { fetchVerifiedSvid, verifySvid } from '../../../src/identity/verify-svid.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import type { SpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { Svid } from '../../../src/spiffe/svid.js';
import { TrustBundle } from '../../../src/spiffe/trust-bundle.js';

const now = new Date('2030-01-01T00:00:00Z');
const text = 'spiffe://cluster.local/ns/default/sa/bigip';

function id(of: string): SpiffeId {
  const parsed = parseSpiffeId(of);
  assert.ok(parsed.ok);
  return parsed.value;
}

function changed(svid: Svid, change: Partial<ConstructorParameters<typeof Svid>[0]>): Svid {
  const { spiffeId, leaf, chain, privateKey } = svid;
  return new Svid({ spiffeId, leaf, chain, privateKey, ...change });
}

describe('verifySvid', () => {
  let ca: MeshCa;
  let other: MeshCa;
  before(async () => {
    ca = await MeshCa.create({ now });
    other = await MeshCa.create({ now, cluster: 'other' });
  });

  const fetched = async (options?: MintOptions): Promise<FetchedSvid> => ({
    svid: await ca.mint(text, options),
    trustBundle: ca.trustBundle,
  });
  const assertRefused = (given: FetchedSvid, code: ErrorCode, message: RegExp, at = now): void => {
    assert.throws(
      () => verifySvid(given, id(text), at, 'the test source'),
      (error: unknown) => {
        assert.ok(error instanceof AgentError);
        assert.equal(error.code, code, error.message);
        assert.match(error.message, message);
        assert.match(error.message, /the test source/);
        return true;
      },
    );
  };

  it('lets a good one pass', async () => {
    verifySvid(await fetched(), id(text), now, 'the test source');
  });

  it('lets one pass that a root signed directly', async () => {
    verifySvid(await fetched({ signer: 'root' }), id(text), now, 'the test source');
  });

  it("lets cert-manager's certificate pass, which has no KeyUsage", async () => {
    verifySvid(await fetched({ keyUsages: 'absent' }), id(text), now, 'the test source');
  });

  it("refuses another certificate's key", async () => {
    const [one, two] = await Promise.all([fetched(), fetched()]);
    const mixed = changed(one.svid, { privateKey: two.svid.privateKey });
    assertRefused({ ...one, svid: mixed }, 'MESH_ERR_SVID_KEY_MISMATCH', /is not its key/);
  });

  it('refuses another identity, and one that only the declaration names', async () => {
    const svid = await ca.mint('spiffe://cluster.local/ns/default/sa/other');
    const given = { svid, trustBundle: ca.trustBundle };
    assertRefused(given, 'MESH_ERR_SVID_WRONG_IDENTITY', /carries spiffe:.*\/sa\/other/);
    const declared = { ...given, svid: changed(svid, { spiffeId: id(text) }) };
    assertRefused(declared, 'MESH_ERR_SVID_WRONG_IDENTITY', /carries spiffe:.*\/sa\/other/);
  });

  const malformed: readonly (readonly [MintOptions, RegExp])[] = [
    [{ uris: [text, text] }, /many-uris/],
    [{ uris: [] }, /no-uri/],
    [{ uris: [`${text}/`] }, /bad-spiffe-id/],
    [{ isCa: true }, /ca-certificate/],
    [{ keyUsages: ['keyEncipherment'] }, /key-usage/],
    [{ extendedKeyUsages: ['clientAuth'] }, /extended-key-usage/],
    [{ isSanCritical: false }, /san-not-critical/],
  ];
  for (const [options, reason] of malformed) {
    it(`refuses what is no X509-SVID: ${JSON.stringify(options)}`, async () => {
      assertRefused(await fetched(options), 'MESH_ERR_SVID_WRONG_IDENTITY', reason);
    });
  }

  it('refuses one that has expired or is not valid yet, to the second', async () => {
    const given = await fetched({ ttlMs: 60_000 });
    const { notBefore, notAfter } = given.svid;
    verifySvid(given, id(text), notBefore, 'the test source');
    verifySvid(given, id(text), new Date(notAfter.getTime() - 1), 'the test source');
    assertRefused(given, 'MESH_ERR_SVID_NOT_VALID_NOW', /expired at/, notAfter);
    const early = new Date(notBefore.getTime() - 1);
    assertRefused(given, 'MESH_ERR_SVID_NOT_VALID_NOW', /is not valid before/, early);
  });

  it('refuses one that ends before it begins', async () => {
    const given = await fetched({ notBefore: now, notAfter: new Date(now.getTime() - 1000) });
    assertRefused(given, 'MESH_ERR_SVID_NOT_VALID_NOW', /expired at/);
  });

  it('refuses one whose chain does not lead to its bundle', async () => {
    const given = await fetched();
    const roots = { ...given, trustBundle: other.trustBundle };
    assertRefused(roots, 'MESH_ERR_SVID_UNTRUSTED', /does not lead to its trust bundle of 1 roots/);
    assertRefused({ ...given, trustBundle: TrustBundle.of([]) }, 'MESH_ERR_SVID_UNTRUSTED', /0 roots/);
    const bare = { ...given, svid: changed(given.svid, { chain: [] }) };
    assertRefused(bare, 'MESH_ERR_SVID_UNTRUSTED', /is signed by nobody/);
  });

  it('refuses one that signed itself', async () => {
    assertRefused(await fetched({ signer: 'itself' }), 'MESH_ERR_SVID_UNTRUSTED', /is signed by nobody/);
  });
});

describe('fetchVerifiedSvid', () => {
  it('gives nothing that was not checked', async () => {
    const ca = await MeshCa.create({ now });
    const source: IdentitySource = {
      name: 'careless',
      canImpersonate: false,
      mintsKeys: true,
      fetchTrustBundle: () => Promise.resolve(ca.trustBundle),
      fetchSvid: async () => ({
        svid: await ca.mint('spiffe://cluster.local/ns/default/sa/other'),
        trustBundle: ca.trustBundle,
      }),
    };
    const request = { spiffeId: id(text), ttlMs: 1000, keyType: 'ec-p256' } as const;
    const { signal } = new AbortController();
    await assert.rejects(
      fetchVerifiedSvid(source, request, () => now, signal),
      { code: 'MESH_ERR_SVID_WRONG_IDENTITY' },
    );
    const right = { ...request, spiffeId: id('spiffe://cluster.local/ns/default/sa/other') };
    const { svid } = await fetchVerifiedSvid(source, right, () => now, signal);
    assert.equal(svid.spiffeId.text, right.spiffeId.text);
  });
});
