import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { parseSpiffeId, serviceAccountSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { parseTrustDomain } from '../../../src/spiffe/trust-domain.js';

describe('parseSpiffeId', () => {
  it('takes an Istio ID apart', () => {
    assert.deepEqual(parseSpiffeId('spiffe://cluster.local/ns/trusted/sa/sleep'), {
      ok: true,
      value: {
        text: 'spiffe://cluster.local/ns/trusted/sa/sleep',
        trustDomain: 'cluster.local',
        path: '/ns/trusted/sa/sleep',
        namespace: 'trusted',
        serviceAccount: 'sleep',
      },
    });
  });

  for (const text of [
    'spiffe://example.org/9eebccd2-12bf-40a6-b262-65fe0487d453',
    'spiffe://cluster.local/ns/a/sa/b/c',
    'spiffe://cluster.local/NS/a/sa/b',
    'spiffe://cluster.local/ns/a',
    'spiffe://cluster.local',
  ]) {
    it(`gives ${text} no namespace and no service account`, () => {
      const parsed = parseSpiffeId(text);
      assert.ok(parsed.ok);
      assert.equal(parsed.value.text, text);
      assert.ok(!('namespace' in parsed.value));
      assert.ok(!('serviceAccount' in parsed.value));
    });
  }

  const refusals: readonly (readonly [string, RegExp])[] = [
    ['', /does not start with spiffe/],
    ['Spiffe://cluster.local/a', /does not start with spiffe/],
    [' spiffe://cluster.local/a', /does not start with spiffe/],
    ['spiffe:///a', /trust domain is empty/],
    ['spiffe://', /trust domain is empty/],
    ['spiffe://Cluster.local/a', /"C"; it must be lower-case/],
    ['spiffe://user@cluster.local/a', /"@"/],
    ['spiffe://cluster.local:8080/a', /":"/],
    ['spiffe://cluster%2elocal/a', /"%"/],
    ['spiffe://cluster.local?x', /"\?"/],
    [`spiffe://${'a'.repeat(256)}/a`, /256 bytes/],
    ['spiffe://cluster.local/', /empty segment/],
    ['spiffe://cluster.local/a/', /empty segment/],
    ['spiffe://cluster.local//a', /empty segment/],
    ['spiffe://cluster.local/a/../b', /segment "\.\."/],
    ['spiffe://cluster.local/a/.', /segment "\."/],
    ['spiffe://cluster.local/a%2Fb', /"%"/],
    ['spiffe://cluster.local/a#b', /"#"/],
    ['spiffe://cluster.local/a\n', /U\+000A/],
    ['spiffe://cluster.local/a\0.evil', /U\+0000/],
    ['spiffe://cluster.local/\u0430', /U\+0430/],
    ['spiffe://cluster.local/a\u200b', /U\+200B/],
  ];
  for (const [text, reason] of refusals) {
    it(`refuses ${JSON.stringify(text.slice(0, 50))} and says why`, () => {
      const parsed = parseSpiffeId(text);
      assert.ok(!parsed.ok);
      assert.match(parsed.reason, reason);
    });
  }

  it('accepts 2048 bytes and refuses 2049', () => {
    const stem = 'spiffe://cluster.local/';
    const longest = stem + 'a'.repeat(2048 - stem.length);
    assert.ok(parseSpiffeId(longest).ok);
    assert.ok(!parseSpiffeId(`${longest}a`).ok);
  });

  it('accepts exactly what the grammar of the specification accepts', () => {
    const grammar =
      /^(?=[\s\S]{1,2048}$)spiffe:\/\/[a-z0-9._-]{1,255}(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)*(?![\s\S])/;
    const nearly = fc
      .array(
        fc.constantFrom(
          'spiffe://',
          'cluster.local',
          '/',
          '/ns/',
          '.',
          '..',
          'a',
          'Z',
          '%2e',
          '\n',
          '*',
          'é',
          '',
        ),
        {
          maxLength: 8,
        },
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(
        fc.oneof(
          nearly,
          nearly.map((rest) => `spiffe://td${rest}`),
        ),
        (text) => {
          const parsed = parseSpiffeId(text);
          assert.equal(parsed.ok, grammar.test(text), text);
          if (parsed.ok) assert.equal(`spiffe://${parsed.value.trustDomain}${parsed.value.path}`, text);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('gives a value that nobody can change', () => {
    const parsed = parseSpiffeId('spiffe://cluster.local/ns/a/sa/b');
    assert.ok(parsed.ok);
    assert.ok(Object.isFrozen(parsed.value));
  });
});

describe('serviceAccountSpiffeId', () => {
  it('writes the ID of a Kubernetes service account', () => {
    const id = serviceAccountSpiffeId({
      trustDomain: 'cluster.local',
      namespace: 'default',
      serviceAccount: 'bigip',
    });
    assert.ok(id.ok);
    assert.equal(id.value.text, 'spiffe://cluster.local/ns/default/sa/bigip');
  });

  it('lets no part become more than one segment', () => {
    for (const serviceAccount of ['a/b', '', '..', 'a/sa/b']) {
      assert.ok(!serviceAccountSpiffeId({ trustDomain: 'td', namespace: 'ns', serviceAccount }).ok);
      assert.ok(
        !serviceAccountSpiffeId({ trustDomain: 'td', namespace: serviceAccount, serviceAccount: 'a' }).ok,
      );
    }
    assert.ok(!serviceAccountSpiffeId({ trustDomain: 'td/ns/x', namespace: 'a', serviceAccount: 'b' }).ok);
  });
});

describe('parseTrustDomain', () => {
  it('keeps a trailing dot and an underscore as they are', () => {
    for (const name of ['cluster.local.', 'my_mesh', '10.1.2.3', 'a'.repeat(255)]) {
      assert.deepEqual(parseTrustDomain(name), { ok: true, value: name });
    }
  });

  it('refuses a wildcard and a slash', () => {
    assert.ok(!parseTrustDomain('*').ok);
    assert.ok(!parseTrustDomain('a/b').ok);
  });
});
