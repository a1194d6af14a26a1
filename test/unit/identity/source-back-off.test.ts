import assert from 'node:assert/strict';

import { AgentError } from '../../../src/errors.js';
import type { FetchedSvid, IdentitySource, SvidRequest } from '../../../src/identity/identity-source.js';
import { SourceBackOff } from '../../../src/identity/source-back-off.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { FakeClock } from '../../support/fake-clock.js';

const away = new AgentError('MESH_ERR_CA_UNAVAILABLE', 'the CA is away', 'look');
const refused = new AgentError('MESH_ERR_CA_TOKEN_REFUSED', 'the token is bad', 'look');
const { signal } = new AbortController();

describe('SourceBackOff', () => {
  let clock: FakeClock;
  let backOff: SourceBackOff;
  let asked: string[];
  let failures: Map<string, AgentError>;
  let mintsKeys: boolean;
  let source: IdentitySource;
  beforeEach(() => {
    clock = new FakeClock();
    asked = [];
    failures = new Map();
    mintsKeys = true;
    backOff = new SourceBackOff({ clock, random: () => 0 });
  });

  const open = (): IdentitySource => ({
    name: 'fake',
    canImpersonate: false,
    mintsKeys,
    fetchTrustBundle: () => Promise.reject(new Error('not asked here')),
    fetchSvid: ({ spiffeId }: SvidRequest) => {
      asked.push(spiffeId.serviceAccount ?? '');
      const failure = failures.get(spiffeId.serviceAccount ?? '') ?? failures.get('*');
      return failure === undefined ? Promise.resolve({} as FetchedSvid) : Promise.reject(failure);
    },
  });
  async function fetch(account: string): Promise<string> {
    source = backOff.spare(open());
    const spiffeId = parseSpiffeId(`spiffe://cluster.local/ns/default/sa/${account}`);
    assert.ok(spiffeId.ok);
    try {
      await source.fetchSvid({ spiffeId: spiffeId.value, ttlMs: 1, keyType: 'ec-p256' }, signal);
      return 'ok';
    } catch (error) {
      assert.ok(error instanceof AgentError);
      return error.code;
    }
  }

  it('makes one request of the five hundred that meet a CA which is away, and one for each try', async () => {
    failures.set('*', away);
    const all = Array.from({ length: 500 }, (_, index) => `s-${index}`);
    const retriesMs = [0, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000];
    for (const [tries, waitMs] of retriesMs.entries()) {
      if (tries > 0) {
        await clock.advance(waitMs - 1);
        for (const account of all) assert.equal(await fetch(account), 'MESH_ERR_CA_UNAVAILABLE');
        assert.equal(asked.length, tries, 'a millisecond too early');
        await clock.advance(1);
      }
      if (tries === 0) for (const account of all) await fetch(account);
      else await Promise.all(all.map(fetch));
      assert.equal(asked.length, tries + 1);
    }
    failures.clear();
    await clock.advance(300_000);
    assert.equal(await fetch('s-1'), 'ok');
    for (const account of all) assert.equal(await fetch(account), 'ok');
  }).timeout(10_000);

  it('lets others find out whether the CA is back where it failed one alone', async () => {
    failures.set('cursed', away);
    await fetch('cursed');
    assert.equal(await fetch('well'), 'MESH_ERR_CA_UNAVAILABLE');
    await clock.advance(1000);
    assert.equal(await fetch('cursed'), 'MESH_ERR_CA_UNAVAILABLE');
    assert.equal(await fetch('well'), 'ok');
    assert.deepEqual(asked, ['cursed', 'well']);
  });

  it('holds a refusal against the one service that met it', async () => {
    failures.set('bad', refused);
    assert.equal(await fetch('bad'), 'MESH_ERR_CA_TOKEN_REFUSED');
    assert.equal(await fetch('good'), 'ok');
    assert.equal(await fetch('bad'), 'MESH_ERR_CA_TOKEN_REFUSED');
    assert.deepEqual(asked, ['bad', 'good']);
    await clock.advance(1000);
    await fetch('bad');
    await clock.advance(1999);
    await fetch('bad');
    assert.equal(asked.length, 3);
    await clock.advance(1);
    failures.clear();
    assert.equal(await fetch('bad'), 'ok');
  });

  it('reads a secret or a file again each time', async () => {
    mintsKeys = false;
    failures.set('bad', refused);
    await fetch('bad');
    await fetch('bad');
    assert.equal(asked.length, 2);
  });

  it('forgets what failed when the source has changed', async () => {
    failures.set('*', away);
    await fetch('a');
    failures.clear();
    assert.equal(await fetch('a'), 'MESH_ERR_CA_UNAVAILABLE');
    backOff.forget();
    assert.equal(await fetch('a'), 'ok');
  });
});
