import { strict as assert } from 'node:assert';
import { MeshCa } from '../../../../src/demo/mesh-ca.js';
import type { IdentitySource, SvidRequest } from '../../../../src/identity/identity-source.js';
import { HeardRoots } from '../../../../src/reconcile/root-rotation/heard-roots.js';
import { requireKnownRoots } from '../../../../src/reconcile/root-rotation/known-roots.js';

const id = 'spiffe://cluster.local/ns/default/sa/bigip';
const { signal } = new AbortController();

describe('what the mesh CA is heard to say of its roots', () => {
  let a: MeshCa;
  let b: MeshCa;
  let signer: MeshCa;
  let answers: boolean;
  let heard: HeardRoots;
  let source: IdentitySource;
  before(async () => {
    a = await MeshCa.create({ now: new Date(), cluster: 'a' });
    b = await MeshCa.create({ now: new Date(), cluster: 'b' });
  });
  beforeEach(() => {
    signer = a;
    answers = true;
    heard = new HeardRoots();
    source = heard.listen({
      name: 'istiod',
      canImpersonate: false,
      mintsKeys: true,
      fetchSvid: async () => {
        const svid = await signer.mint(id);
        const { trustBundle } = signer;
        return { svid, trustBundle, ...(answers ? { answered: trustBundle } : {}) };
      },
      fetchTrustBundle: () => Promise.resolve(a.trustBundle),
    });
  });

  const ask = async (ca: MeshCa) => {
    signer = ca;
    const { svid } = await source.fetchSvid({} as SvidRequest, signal);
    return svid;
  };
  const used = (): string[] | undefined => heard.use()?.roots.map(({ fingerprint256 }) => fingerprint256);
  const rootOf = (ca: MeshCa): string => ca.trustBundle.roots[0]?.fingerprint256 ?? '';

  it('is nothing before it was asked, and nothing of a source that asks no CA', async () => {
    assert.equal(used(), undefined);
    answers = false;
    await ask(a);
    assert.equal(used(), undefined);
  });

  it('is all that several answers named, while a CA changes', async () => {
    await ask(a);
    await ask(b);
    assert.deepEqual(used(), [rootOf(a), rootOf(b)].toSorted());
  });

  it('is not forgotten because it was used, for the use may have failed', async () => {
    await ask(b);
    assert.deepEqual(used(), [rootOf(b)]);
    assert.deepEqual(used(), [rootOf(b)]);
  });

  it('is what the next answers say once it was used', async () => {
    await ask(a);
    used();
    await ask(b);
    assert.deepEqual(used(), [rootOf(b)]);
  });

  it('keeps callers whom the device cannot know from standing for a proof', async () => {
    const good = await ask(b);
    const roots = a.trustBundle;
    assert.throws(() => requireKnownRoots({ good }, roots, new Date()), { code: 'MESH_ERR_ROOT_NEW' });
    assert.throws(() => requireKnownRoots({ bad: good }, roots, new Date()), { code: 'MESH_ERR_ROOT_NEW' });
    requireKnownRoots({ good }, b.trustBundle, new Date());
    requireKnownRoots({}, roots, new Date());
  });
});
