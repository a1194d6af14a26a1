import { strict as assert } from 'node:assert';
import type { InstalledPair } from '../../../src/reconcile/pair.js';
import { parseLedger, renderLedgerEntry } from '../../../src/reconcile/ledger.js';
import {
  factsAfterFailure,
  failureToWaitFor,
  nextTry,
  rotationFailure,
  whyNotGood,
} from '../../../src/reconcile/rotation-failure.js';

const id = 'spiffe://cluster.local/ns/default/sa/bigip';
const failedLeaf = 'abcdef0123456789'.repeat(4);
const at = (time: string): Date => new Date(`2030-01-01T${time}Z`);

function installed(facts: Readonly<Record<string, string>> = {}): InstalledPair {
  return {
    pair: { certName: 'c', keyName: 'k', cert: 'kept', key: 'kept', chain: undefined, facts },
    spiffeId: id,
    notBefore: at('00:00:00'),
    notAfter: at('12:00:00'),
    fingerprint256: 'aa',
    rootFingerprint256: 'root',
    wasPublished: true,
  };
}

describe('a rotation that failed', () => {
  it('is remembered in the ledger, with what was there before', () => {
    const facts = factsAfterFailure({ id, minted: '1' }, failedLeaf, at('06:00:00'));
    const entry = { kind: 'sys/file/ssl-cert', name: 'echo_0.crt', facts } as const;
    const [read] = parseLedger([renderLedgerEntry(entry)]).values();
    assert.deepEqual(read?.facts, facts);
    assert.equal(read.facts['minted'], '1');
    assert.deepEqual(rotationFailure(read.facts), {
      failures: 1,
      failedAt: at('06:00:00'),
      fingerprint: 'abcdef012345',
    });
  });

  it('is none where a fact is missing or was changed by hand', () => {
    const facts = factsAfterFailure({}, failedLeaf, at('06:00:00'));
    assert.equal(rotationFailure({}), undefined);
    assert.equal(rotationFailure({ ...facts, failures: 'many' }), undefined);
    assert.equal(rotationFailure({ ...facts, 'failed-at': '-1' }), undefined);
  });

  it('is followed by a longer wait each time, up to an hour', () => {
    let facts: Readonly<Record<string, string>> = {};
    const waits: number[] = [];
    for (let failure = 1; failure <= 6; failure += 1) {
      facts = factsAfterFailure(facts, failedLeaf, at('06:00:00'));
      const known = rotationFailure(facts);
      assert.ok(known !== undefined);
      waits.push((nextTry(known).getTime() - at('06:00:00').getTime()) / 60_000);
    }
    assert.deepEqual(waits, [5, 10, 20, 40, 60, 60]);
  });

  it('is waited for until then, and not past the end of the certificate', () => {
    const pair = installed(factsAfterFailure({}, failedLeaf, at('11:58:00')));
    assert.equal(failureToWaitFor(pair, at('11:59:59'))?.failures, 1);
    assert.equal(failureToWaitFor(pair, at('12:00:00')), undefined);
    const early = installed(factsAfterFailure({}, failedLeaf, at('06:00:00')));
    assert.equal(failureToWaitFor(early, at('06:04:59'))?.failures, 1);
    assert.equal(failureToWaitFor(early, at('06:05:00')), undefined);
    assert.equal(failureToWaitFor(installed(), at('06:00:00')), undefined);
  });
});

describe('the pair of before', () => {
  const now = { spiffeId: id, roots: ['root'], at: at('06:00:00') };

  it('is good while it is of the same identity, valid, and under a root of the mesh', () => {
    assert.equal(whyNotGood(installed(), now), undefined);
  });

  for (const [what, change, reason] of [
    ['of another identity', { spiffeId: `${id}-2` }, /^it is of spiffe:/],
    ['not valid yet', { at: at('00:00:00').getTime() - 1 }, /^it is not valid before 2030/],
    ['expired', { at: at('12:00:00').getTime() }, /^it expired at 2030-01-01T12/],
    ['under a root that was taken out', { roots: ['another'] }, /^its root is none of the mesh any more$/],
  ] as const) {
    it(`is no good when it is ${what}`, () => {
      const then = { ...now, ...change };
      assert.match(whyNotGood(installed(), { ...then, at: new Date(then.at) }) ?? '', reason);
    });
  }
});
