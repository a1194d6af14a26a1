import assert from 'node:assert/strict';
import type { LoginToken } from '../../../src/icontrol/login-token.js';
import { staleTokens } from '../../../src/icontrol/stale-tokens.js';
import { Secret } from '../../../src/secret.js';

const owner = { userName: 'mesh', address: '10.1.1.250', mark: 317 };
const nowMs = Date.parse('2026-01-01T12:00:00Z');

/** So many of our tokens, one every `everyMs`, the last one just now. */
function tokens(count: number, everyMs: number, other: Partial<LoginToken> = {}): LoginToken[] {
  return Array.from({ length: count }, (_, index) => ({
    value: new Secret(`TOKEN${index}`),
    userName: owner.userName,
    address: owner.address,
    timeoutSeconds: 1517,
    startedAtMs: nowMs - (count - 1 - index) * everyMs,
    ...other,
  }));
}

describe('staleTokens', () => {
  it('leaves a few alone, however old', () => {
    assert.deepEqual(staleTokens(tokens(20, 60_000), owner), []);
  });

  it('takes those older than a minute once there are many, never the newest ten', () => {
    const all = tokens(40, 4000);
    assert.deepEqual(staleTokens(all, owner), all.slice(0, 24));
    const slow = tokens(30, 600_000);
    assert.deepEqual(staleTokens(slow, owner), slow.slice(0, 20));
  });

  it('leaves young ones alone until the limit is near, then takes the oldest', () => {
    assert.deepEqual(staleTokens(tokens(60, 100), owner), []);
    const all = tokens(61, 100);
    assert.deepEqual(staleTokens(all, owner), all.slice(0, 41));
  });

  it('does not care about the order of the list', () => {
    const all = tokens(61, 100);
    assert.deepEqual(staleTokens(all.toReversed(), owner), all.slice(0, 41));
  });

  const foreign: Readonly<Record<string, Partial<LoginToken>>> = {
    'of another user': { userName: 'mesha' },
    'from another address': { address: '10.1.1.251' },
    'of another replica': { timeoutSeconds: 1200 + 327 },
    'of a person or another tool': { timeoutSeconds: 1200 },
    'of one that asked for ten hours': { timeoutSeconds: 36_000 },
    'that a living process has extended': { timeoutSeconds: 2400 + 317 },
  };
  for (const [which, difference] of Object.entries(foreign)) {
    it(`never takes one ${which}`, () => {
      const theirs = tokens(99, 10_000, difference);
      assert.deepEqual(staleTokens(theirs, owner), []);
      const ours = tokens(30, 10_000);
      const taken = staleTokens([...theirs, ...ours], owner);
      assert.ok(taken.length > 0 && taken.every((token) => ours.includes(token)));
    });
  }
});
