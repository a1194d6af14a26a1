import assert from 'node:assert/strict';

import { parseAllowlist } from '../../../src/allowlist/parse-allowlist.js';
import type { ParsedAllowlist } from '../../../src/allowlist/parse-allowlist.js';

const sleep = 'spiffe://cluster.local/ns/trusted/sa/sleep';
const batch = 'spiffe://cluster.local/ns/batch/sa/*';

function parse(data: Record<string, string>, binaryData?: Record<string, string>): ParsedAllowlist {
  return parseAllowlist({
    namespace: 'default',
    name: 'echo-callers',
    data,
    ...(binaryData === undefined ? {} : { binaryData }),
  });
}

function texts(parsed: ParsedAllowlist, key: 'allow' | 'deny' = 'allow'): string[] {
  return parsed.allowlist[key].map(({ text }) => text);
}

/** The refusals of one ConfigMap as `key:line`. */
function places(parsed: ParsedAllowlist): string[] {
  return parsed.refusals.map(({ key, line }) => (line === undefined ? key : `${key}:${line}`));
}

describe('parseAllowlist', () => {
  it('reads entries, comments and mode, and remembers where each entry stands', () => {
    const parsed = parse({
      allow: `# who may call\n${sleep}\n${batch}      # every service account of a namespace\n`,
      deny: 'spiffe://cluster.local/ns/batch/sa/retired\n',
      mode: 'audit\n',
    });
    assert.deepEqual(parsed.refusals, []);
    assert.equal(parsed.allowlist.mode, 'audit');
    assert.deepEqual(parsed.allowlist.allow, [
      {
        text: sleep,
        trustDomain: 'cluster.local',
        origin: { namespace: 'default', configMap: 'echo-callers', key: 'allow', line: 2 },
      },
      {
        text: batch,
        trustDomain: 'cluster.local',
        comment: 'every service account of a namespace',
        origin: { namespace: 'default', configMap: 'echo-callers', key: 'allow', line: 3 },
      },
    ]);
    assert.deepEqual(texts(parsed, 'deny'), ['spiffe://cluster.local/ns/batch/sa/retired']);
  });

  it('lets nobody in and enforces when there is no data at all', () => {
    assert.deepEqual(parseAllowlist({ namespace: 'default', name: 'empty' }), {
      allowlist: { allow: [], deny: [], mode: 'enforce' },
      refusals: [],
    });
  });

  it('sets a bad line aside with its place and reason, and applies the others', () => {
    const parsed = parse({ allow: `${sleep}\nspiffe://Cluster.local/ns/a/sa/b\n${batch}` });
    assert.deepEqual(texts(parsed), [sleep, batch]);
    assert.deepEqual(parsed.refusals, [
      {
        namespace: 'default',
        configMap: 'echo-callers',
        key: 'allow',
        line: 2,
        reason: 'the trust domain has the character "C"; it must be lower-case',
      },
    ]);
  });

  it('reads lines that end in CRLF, are indented by tabs or follow a byte order mark', () => {
    const parsed = parse({
      allow: `\uFEFF${sleep}\r\n\t${batch}\t# tabbed\r\n\r\n`,
      mode: '\uFEFFaudit\r\n',
    });
    assert.deepEqual(parsed.refusals, []);
    assert.deepEqual(texts(parsed), [sleep, batch]);
    assert.equal(parsed.allowlist.allow[1]?.comment, 'tabbed');
    assert.equal(parsed.allowlist.mode, 'audit');
  });

  it('takes any wildcard for the trust domain or a namespace, and only at the end of a segment path', () => {
    const parsed = parse({ allow: 'spiffe://cluster.local/ns/*\nspiffe://cluster.local/ns/a.b/sa/*' });
    assert.deepEqual(parsed.refusals, []);
    assert.equal(parsed.allowlist.allow[0]?.trustDomain, 'cluster.local');
  });

  const badLines: readonly (readonly [string, RegExp])[] = [
    ['*', /a \* may stand only/],
    ['spiffe://*', /a \* may stand only/],
    ['spiffe://cluster.local/*', /a \* may stand only/],
    ['spiffe://*/ns/a/sa/b', /a \* may stand only/],
    ['spiffe://cluster.local/ns/*/sa/sleep', /a \* may stand only/],
    ['spiffe://cluster.local/ns/*/sa/*', /a \* may stand only/],
    ['spiffe://cluster.local/ns/a/sa/sl*', /a \* may stand only/],
    ['spiffe://cluster.local/ns/a/sa/**', /a \* may stand only/],
    ['spiffe://cluster.local/ns/a/*', /a \* may stand only/],
    ['spiffe://cluster.local/ns/a/sa/b/*', /a \* may stand only/],
    ['spiffe://cluster.local/ns//sa/*', /empty segment/],
    ['spiffe://Cluster.local/ns/*', /lower-case/],
    ['spiffe://cluster.local', /names a trust domain and no workload/],
    ['cluster.local/ns/a/sa/b', /write spiffe:\/\/ in front/],
    [`- ${sleep}`, /space inside/],
    [`"${sleep}"`, /without quotes/],
    [`${sleep},`, /one ID a line/],
    [`${sleep} ${sleep}`, /space inside/],
    [`${sleep}#x`, /space before a comment/],
    [`${sleep}\u00a0`, /U\+00A0/],
    [`${sleep}\u200b`, /U\+200B/],
    [`${sleep}\u2028${sleep}`, /U\+2028/],
    [`${sleep}\rspiffe://cluster.local/ns/a/sa/b`, /U\+000D/],
    [`${sleep}\0`, /U\+0000/],
    [`\uFEFF\uFEFF${sleep}`, /does not start with spiffe|U\+FEFF/],
    [`${sleep}/`, /empty segment/],
    [`spiffe://td/${'a'.repeat(2048)}`, /longer than 2048/],
  ];
  for (const [line, reason] of badLines) {
    it(`sets ${JSON.stringify(line.slice(0, 60))} aside`, () => {
      const parsed = parse({ allow: `${line}\n` });
      assert.deepEqual(texts(parsed), []);
      assert.deepEqual(places(parsed), ['allow:1']);
      assert.match(parsed.refusals[0]?.reason ?? '', reason);
    });
  }

  it('names the first of two equal lines, but takes the same entry in allow and deny', () => {
    const parsed = parse({ allow: `${sleep}\n\n${sleep} # again`, deny: sleep });
    assert.deepEqual(places(parsed), ['allow:3']);
    assert.equal(parsed.refusals[0]?.reason, 'it repeats line 1');
    assert.deepEqual(texts(parsed, 'deny'), [sleep]);
  });

  for (const mode of ['Audit', 'off', 'audit enforce', '']) {
    it(`enforces when the mode is ${JSON.stringify(mode)}, and says so`, () => {
      const parsed = parse({ allow: sleep, mode });
      assert.equal(parsed.allowlist.mode, 'enforce');
      assert.deepEqual(places(parsed), ['mode']);
    });
  }

  it('names the key that an unknown one is near to', () => {
    const parsed = parse({ alow: sleep, Deny: sleep, readme: 'hello', modes: 'audit' });
    assert.deepEqual(texts(parsed), []);
    assert.deepEqual(
      parsed.refusals.map(({ key, reason }) => `${key}: ${reason}`),
      [
        'Deny: it is not a key of an allowlist; deny is',
        'alow: it is not a key of an allowlist; allow is',
        'modes: it is not a key of an allowlist; mode is',
        'readme: it is not a key of an allowlist (allow, deny, mode)',
      ],
    );
  });

  it('says what to do about a list that Kubernetes holds as binary', () => {
    const parsed = parse({}, { allow: 'AAEC', 'logo.png': 'AAEC' });
    assert.deepEqual(places(parsed), ['allow', 'logo.png']);
    assert.match(parsed.refusals[0]?.reason ?? '', /UTF-8/);
  });

  it('is not misled by keys that objects have of their own', () => {
    const data = JSON.parse('{"__proto__": "x", "constructor": "y"}') as Record<string, string>;
    assert.deepEqual(places(parse(data)).toSorted(), ['__proto__', 'constructor']);
  });
});
