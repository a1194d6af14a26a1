import { strict as assert } from 'node:assert';

import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { CallerCache } from '../../../src/proof/caller-cache.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import type { Svid } from '../../../src/spiffe/svid.js';
import { FakeClock } from '../../support/fake-clock.js';

const id = 'spiffe://cluster.local/ns/trusted/sa/sleep';
const spiffeId = parseSpiffeId(id);

describe('the callers that are kept for later proofs', () => {
  let clock: FakeClock;
  let cache: CallerCache;
  let meshCa: MeshCa;
  let minted: number;

  beforeEach(async () => {
    clock = new FakeClock(new Date());
    cache = new CallerCache(clock);
    meshCa = await MeshCa.create({ now: clock.now() });
    minted = 0;
  });

  const get = (ca = meshCa, mint?: () => Promise<Svid>): Promise<Svid> => {
    assert.ok(spiffeId.ok);
    return cache.get(spiffeId.value, ca.trustBundle, () => {
      minted += 1;
      return mint?.() ?? meshCa.mint(id);
    });
  };

  const facts = (svid: Svid): unknown => [
    svid.spiffeId.text,
    svid.renderLeafPem(),
    svid.renderChainPem(),
    svid.renderKeyPem().reveal(),
  ];

  it('are minted once, also for proofs that come together', async () => {
    const [first, second] = await Promise.all([get(), get()]);
    const third = await get();
    assert.deepEqual([second, third].map(facts), [facts(first), facts(first)]);
    assert.equal(minted, 1);
  });

  it('come back as they were minted: the same chain, and the key of the leaf', async () => {
    const original = await meshCa.mint(id);
    await get(meshCa, () => Promise.resolve(original));
    const kept = await get();
    assert.deepEqual(facts(kept), facts(original));
    assert.equal(kept.chain.length, 1);
    assert.ok(kept.leaf.checkPrivateKey(kept.privateKey));
  });

  it('are minted anew five minutes before they end', async () => {
    const first = await get();
    const leftMs = first.notAfter.getTime() - clock.now().getTime();
    await clock.advance(leftMs - 5 * 60_000 - 1);
    assert.equal((await get()).fingerprint256, first.fingerprint256);
    await clock.advance(1);
    await get();
    assert.equal(minted, 2);
  });

  it('are minted anew when the roots of the mesh change', async () => {
    await get();
    await get(await MeshCa.create({ now: clock.now() }));
    assert.equal(minted, 2);
  });

  it('that could not be minted are tried again', async () => {
    await assert.rejects(
      get(meshCa, () => Promise.reject(new Error('away'))),
      { message: 'away' },
    );
    await get();
    assert.equal(minted, 2);
  });
});
