import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { decide } from '../../../src/allowlist/decide.js';
import { parseAllowlist } from '../../../src/allowlist/parse-allowlist.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import type { SpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { readSvidClaims } from '../../../src/spiffe/svid-claims.js';
import { loadSvidVectors, trustedSleep, vectorDer } from '../../support/svid-vectors.js';

function id(text: string): SpiffeId {
  const parsed = parseSpiffeId(text);
  assert.ok(parsed.ok, text);
  return parsed.value;
}

function allowlist(allow: string, deny = ''): ReturnType<typeof parseAllowlist>['allowlist'] {
  const parsed = parseAllowlist({ namespace: 'default', name: 'callers', data: { allow, deny } });
  assert.deepEqual(parsed.refusals, []);
  return parsed.allowlist;
}

/** The decision in one line: `allow allowed by ENTRY`. */
function verdict(list: ReturnType<typeof allowlist>, text: string, trustDomains = ['cluster.local']): string {
  const { decision, reason, entry } = decide(list, trustDomains, id(text));
  const by = entry?.origin.policy === undefined ? entry?.origin : undefined;
  return `${decision} ${reason}${by === undefined ? '' : ` by ${by.key}:${by.line}`}`;
}

/** The meaning of an entry for IDs of Istio's form, told differently from the look-ups under test. */
function names(text: string, entry: string): boolean {
  return entry.endsWith('*') ? text.startsWith(entry.slice(0, -1)) : text === entry;
}

describe('decide', () => {
  it('rejects everybody when the list is empty', () => {
    assert.equal(verdict(allowlist(''), trustedSleep), 'reject not-listed');
  });

  it('allows an ID that is listed, and names the entry', () => {
    assert.equal(verdict(allowlist(`# one\n${trustedSleep}`), trustedSleep), 'allow allowed by allow:2');
  });

  it('rejects an ID of another trust domain even when it is listed', () => {
    const other = 'spiffe://other/ns/trusted/sa/sleep';
    assert.equal(verdict(allowlist(other), other), 'reject trust-domain');
    assert.equal(verdict(allowlist(other), other, ['cluster.local', 'other']), 'allow allowed by allow:1');
  });

  it('names the most exact entry', () => {
    const list = allowlist(
      `spiffe://cluster.local/ns/*\nspiffe://cluster.local/ns/trusted/sa/*\n${trustedSleep}`,
    );
    assert.equal(verdict(list, trustedSleep), 'allow allowed by allow:3');
    assert.equal(verdict(list, 'spiffe://cluster.local/ns/trusted/sa/other'), 'allow allowed by allow:2');
    assert.equal(verdict(list, 'spiffe://cluster.local/ns/other/sa/other'), 'allow allowed by allow:1');
  });

  it('lets deny win, the widest deny over the most exact allow too', () => {
    assert.equal(verdict(allowlist(trustedSleep, trustedSleep), trustedSleep), 'reject denied by deny:1');
    assert.equal(
      verdict(allowlist(trustedSleep, 'spiffe://cluster.local/ns/*'), trustedSleep),
      'reject denied by deny:1',
    );
  });

  it('lets a pattern cover whole segments and IDs of the Istio form only', () => {
    const list = allowlist('spiffe://cluster.local/ns/trusted/sa/*\nspiffe://cluster.local/ns/batch/sa/*');
    for (const text of [
      'spiffe://cluster.local/ns/trusted-not/sa/sleep',
      'spiffe://cluster.local/ns/trusted/sa/sleep/admin',
      'spiffe://cluster.local/ns/trusted/sa',
      'spiffe://cluster.local/ns/trusted',
      'spiffe://cluster.local/ns/Trusted/sa/sleep',
      'spiffe://cluster.local/x/ns/trusted/sa/sleep',
    ]) {
      assert.equal(verdict(list, text), 'reject not-listed', text);
    }
    assert.equal(
      verdict(allowlist('spiffe://cluster.local/ns/*'), 'spiffe://cluster.local/ns/a/sa/b/c'),
      'reject not-listed',
    );
  });

  it('allows an ID of any other form by its exact text', () => {
    const uuid = 'spiffe://cluster.local/9eebccd2-12bf-40a6-b262-65fe0487d453';
    assert.equal(verdict(allowlist(uuid), uuid), 'allow allowed by allow:1');
  });

  it('decides every published vector as it says, time and chain aside', () => {
    const list = allowlist(trustedSleep);
    const undecided: string[] = [];
    for (const vector of loadSvidVectors()) {
      const claims = readSvidClaims(vectorDer(vector));
      const decision = claims.ok ? decide(list, ['cluster.local'], claims.spiffeId).decision : 'reject';
      if (vector.timeStatus !== 'valid' || !vector.signatureChainValid) undecided.push(vector.name);
      else assert.equal(decision, vector.decisionIfOnlyTrustedSleepIsAllowed, vector.name);
    }
    assert.ok(undecided.every((name) => /^[tx]/.test(name)));
  });

  it('admits nobody whom neither the text nor a pattern of the list names', () => {
    const segment = fc.constantFrom('a', 'b', 'a-b', 'ns', 'sa');
    const istioId = fc.tuple(segment, segment).map(([ns, sa]) => `spiffe://td/ns/${ns}/sa/${sa}`);
    const entry = fc.oneof(
      istioId,
      segment.map((ns) => `spiffe://td/ns/${ns}/sa/*`),
      fc.constant('spiffe://td/ns/*'),
    );
    const entries = fc.uniqueArray(entry, { maxLength: 5 });
    fc.assert(
      fc.property(entries, entries, istioId, (allow, deny, text) => {
        const list = allowlist(allow.join('\n'), deny.join('\n'));
        const expected = allow.some((one) => names(text, one)) && !deny.some((one) => names(text, one));
        assert.equal(decide(list, ['td'], id(text)).decision, expected ? 'allow' : 'reject');
      }),
    );
  });
});
