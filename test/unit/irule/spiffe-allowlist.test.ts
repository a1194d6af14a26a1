import { strict as assert } from 'node:assert';
import * as fc from 'fast-check';
import { decide } from '../../../src/allowlist/decide.js';
import type { AllowlistEntry } from '../../../src/allowlist/allowlist.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { readSvidClaims } from '../../../src/spiffe/svid-claims.js';
import { certificateDer, der, keyUsage, san, uri } from '../../support/der.js';
import { loadSvidVectors, trustedSleep, vectorDer } from '../../support/svid-vectors.js';
import { auditing, enforcing, reasonIn, RuleBench, rulePath, virtualServer } from './rule-bench.js';

const untrusted = 'spiffe://cluster.local/ns/untrusted/sa/sleep';
const certificate = (id: string): Buffer =>
  certificateDer({ extensions: [keyUsage(true, 0xa0), san(true, uri(id))] });
const line = (event: string, text: string): string => `Rule ${rulePath} <${event}>: ${text}`;
const counter = (name: string): string => `ltm.virtual ${virtualServer} counter ${name}`;

describe('the rule', () => {
  let bench: RuleBench;
  before(async () => {
    bench = await RuleBench.start();
  });
  after(() => bench.close());
  beforeEach(() => bench.setGroups({ allow: [trustedSleep], deny: [], settings: enforcing }));

  describe('with the published vectors', () => {
    for (const vector of loadSvidVectors()) {
      // Time and chain are the TLS stack's part; see the data plane's tests.
      if (vector.enforcement !== 'must' || ['time', 'chain'].includes(vector.category)) continue;
      it(`${vector.decisionIfOnlyTrustedSleepIsAllowed}s ${vector.name}`, async () => {
        const outcome = await bench.call({ certificates: [vectorDer(vector)] });
        assert.equal(outcome.passes, vector.decisionIfOnlyTrustedSleepIsAllowed === 'allow');
        for (const id of vector.mustNotAuthorize) {
          assert.ok(!outcome.lines.some((text) => text.endsWith(`allowing: ${id}`)), String(outcome.lines));
        }
      });
    }

    it('never takes a certificate for another ID than its one URI, whatever the profile says', async () => {
      await bench.setGroups({ allow: [], deny: [], settings: { 'trust-domain/cluster.local': '1' } });
      for (const vector of loadSvidVectors()) {
        const { lines } = await bench.call({ certificates: [vectorDer(vector)] });
        const id = /: (spiffe:\S+)/.exec(lines[0] ?? '')?.[1];
        if (id !== undefined && !id.includes('...('))
          assert.ok(vector.expectedSpiffeIds.includes(id), `${vector.name}: ${id}`);
      }
    });

    it('gives the reasons that readSvidClaims gives', async () => {
      for (const vector of loadSvidVectors()) {
        const claims = readSvidClaims(vectorDer(vector));
        const reason = reasonIn((await bench.call({ certificates: [vectorDer(vector)] })).lines[0]);
        if (claims.ok)
          assert.ok([undefined, 'not-listed', 'trust-domain'].includes(reason), `${vector.name}: ${reason}`);
        else assert.equal(reason, claims.reason, vector.name);
      }
    });
  });

  describe('about the allowlist', () => {
    it('takes the whole ID, and neither a beginning of it nor something longer', async () => {
      for (const id of [`${trustedSleep}-evil`, `${trustedSleep}/admin`, trustedSleep.slice(0, -1)]) {
        assert.equal((await bench.call({ certificates: [certificate(id)] })).passes, false, id);
      }
    });

    it('admits every service account of a namespace by /sa/*, and nobody of another one', async () => {
      await bench.setGroups({
        allow: ['spiffe://cluster.local/ns/batch/sa/*'],
        deny: [],
        settings: enforcing,
      });
      const passes = async (id: string): Promise<boolean> =>
        (await bench.call({ certificates: [certificate(id)] })).passes;
      assert.equal(await passes('spiffe://cluster.local/ns/batch/sa/any'), true);
      assert.equal(await passes('spiffe://cluster.local/ns/batch2/sa/any'), false);
      assert.equal(await passes('spiffe://cluster.local/ns/batch/sa/any/deeper'), false);
      assert.equal(await passes('spiffe://cluster.local/ns/batch/job/any'), false);
    });

    it('admits every service account of the trust domain by /ns/*', async () => {
      await bench.setGroups({ allow: ['spiffe://cluster.local/ns/*'], deny: [], settings: enforcing });
      const passes = async (id: string): Promise<boolean> =>
        (await bench.call({ certificates: [certificate(id)] })).passes;
      assert.equal(await passes('spiffe://cluster.local/ns/a/sa/b'), true);
      assert.equal(await passes('spiffe://cluster.local/ns/a'), false);
      assert.equal(await passes('spiffe://cluster.local/other/a/sa/b'), false);
    });

    for (const denied of [
      trustedSleep,
      'spiffe://cluster.local/ns/trusted/sa/*',
      'spiffe://cluster.local/ns/*',
    ]) {
      it(`lets ${denied} of the deny group win over the allow group`, async () => {
        await bench.setGroups({ allow: [trustedSleep], deny: [denied], settings: enforcing });
        const { passes, lines } = await bench.call({ certificates: [certificate(trustedSleep)] });
        assert.equal(passes, false);
        assert.deepEqual(lines, [line('CLIENTSSL_CLIENTCERT', `rejecting: ${trustedSleep} (denied)`)]);
      });
    }

    it('refuses everybody when nobody is listed', async () => {
      await bench.setGroups({ allow: [], deny: [], settings: enforcing });
      assert.equal((await bench.call({ certificates: [certificate(trustedSleep)] })).passes, false);
    });

    it('refuses an ID of a trust domain that is not accepted, listed or not', async () => {
      const foreign = 'spiffe://other.example/ns/a/sa/b';
      await bench.setGroups({ allow: [foreign], deny: [], settings: enforcing });
      const { lines } = await bench.call({ certificates: [certificate(foreign)] });
      assert.deepEqual(lines, [line('CLIENTSSL_CLIENTCERT', `rejecting: ${foreign} (trust-domain)`)]);
    });

    it('accepts a trust domain by the value 1 only', async () => {
      await bench.setGroups({
        allow: [trustedSleep],
        deny: [],
        settings: { 'trust-domain/cluster.local': '0' },
      });
      assert.equal((await bench.call({ certificates: [certificate(trustedSleep)] })).passes, false);
    });

    for (const missing of ['allow', 'deny', 'settings'] as const) {
      it(`resets every connection when the ${missing} group is not there`, async () => {
        await bench.setGroups({ allow: [trustedSleep], deny: [], settings: enforcing, [missing]: undefined });
        const { passes, effects } = await bench.call({ certificates: [certificate(trustedSleep)] });
        assert.equal(passes, false);
        assert.ok(effects.some(({ kind }) => kind === 'error'));
      });
    }

    const segment = fc.constantFrom('a', 'b', 'ns', 'sa', '*');
    const path = fc.oneof(
      fc.tuple(segment, segment).map(([ns, sa]) => `/ns/${ns}/sa/${sa}`),
      fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => `/${segments.join('/')}`),
      segment.map((ns) => `/ns/${ns}`),
    );
    const text = fc
      .tuple(fc.constantFrom('td', 'td2'), path)
      .map(([trustDomain, rest]) => `spiffe://${trustDomain}${rest}`);

    it('decides as the matcher of explain does', async () => {
      const entries = (texts: readonly string[]): AllowlistEntry[] =>
        texts.map((entry) => ({
          text: entry,
          trustDomain: entry.split('/')[2] ?? '',
          origin: { namespace: 'n', configMap: 'c', key: 'allow', line: 1 },
        }));
      const id = text.filter((candidate) => !candidate.includes('*'));
      await fc.assert(
        fc.asyncProperty(
          fc.array(text, { maxLength: 6 }),
          fc.array(text, { maxLength: 2 }),
          id,
          async (allow, deny, caller) => {
            const parsed = parseSpiffeId(caller);
            assert.ok(parsed.ok);
            const expected = decide({ allow: entries(allow), deny: entries(deny) }, ['td'], parsed.value);
            await bench.setGroups({ allow, deny, settings: { mode: 'enforce', 'trust-domain/td': '1' } });
            const { passes, lines } = await bench.call({ certificates: [certificate(caller)] });
            assert.equal(passes, expected.decision === 'allow');
            assert.equal(reasonIn(lines[0]) ?? 'allowed', expected.reason);
          },
        ),
        { numRuns: 150 },
      );
    });
  });

  describe('in audit mode', () => {
    beforeEach(() => bench.setGroups({ allow: [], deny: [untrusted], settings: auditing }));

    it('lets pass whom it would reject, and says so', async () => {
      const { passes, lines } = await bench.call({ certificates: [certificate(trustedSleep)] });
      assert.equal(passes, true);
      assert.deepEqual(lines, [line('CLIENTSSL_HANDSHAKE', `would-reject: ${trustedSleep} (not-listed)`)]);
      const denied = await bench.call({ certificates: [certificate(untrusted)] });
      assert.deepEqual(denied.lines, [line('CLIENTSSL_HANDSHAKE', `would-reject: ${untrusted} (denied)`)]);
    });

    it('refuses a caller without a valid SVID of an accepted trust domain all the same', async () => {
      const broken = certificateDer({ extensions: [san(true, uri(trustedSleep))] });
      const foreign = certificate('spiffe://other.example/ns/a/sa/b');
      for (const certificates of [[], [broken], [foreign], [Buffer.alloc(0)]]) {
        assert.equal((await bench.call({ certificates })).passes, false);
      }
      assert.equal(
        (await bench.call({ certificates: [certificate(trustedSleep)], verifyResult: 20 })).passes,
        false,
      );
    });

    it('is on for the word audit only', async () => {
      for (const mode of ['Audit', 'audit ', '1', '']) {
        await bench.setGroups({ allow: [], deny: [], settings: { ...enforcing, mode } });
        assert.equal((await bench.call({ certificates: [certificate(trustedSleep)] })).passes, false, mode);
      }
    });
  });

  describe('about a connection', () => {
    it('admits nobody before the handshake is over, for until then the caller has proven nothing', async () => {
      const { lines } = await bench.call({ certificates: [certificate(trustedSleep)] });
      assert.deepEqual(lines, [line('CLIENTSSL_HANDSHAKE', `allowing: ${trustedSleep}`)]);
    });

    it('refuses at the certificate, drops the session, and lets no further event of any rule run', async () => {
      const { effects, endedIn } = await bench.call({ certificates: [certificate(untrusted)] });
      assert.equal(endedIn, 'CLIENTSSL_CLIENTCERT');
      const kinds = effects.map(({ kind }) => kind);
      assert.deepEqual(kinds.slice(-3), ['log', 'invalidate', 'reject']);
    });

    it('decides about a resumed session anew, though CLIENTSSL_CLIENTCERT does not fire', async () => {
      const certificates = [certificate(trustedSleep)];
      assert.equal((await bench.call({ certificates, isResumed: true })).passes, true);
      await bench.setGroups({ allow: [], deny: [], settings: enforcing });
      const outcome = await bench.call({ certificates, isResumed: true });
      assert.equal(outcome.endedIn, 'CLIENTSSL_HANDSHAKE');
      assert.ok(outcome.effects.some(({ kind }) => kind === 'invalidate'));
    });

    it('refuses a resumed session that has kept no certificate', async () => {
      const { endedIn, lines } = await bench.call({ certificates: [], isResumed: true });
      assert.equal(endedIn, 'CLIENTSSL_HANDSHAKE');
      assert.deepEqual(lines, [line('CLIENTSSL_HANDSHAKE', 'rejecting: - (no-certificate)')]);
    });

    it('refuses a certificate that did not verify, though the profile let it through', async () => {
      const { lines } = await bench.call({ certificates: [certificate(trustedSleep)], verifyResult: 18 });
      assert.deepEqual(lines, [line('CLIENTSSL_CLIENTCERT', 'rejecting: - (not-verified)')]);
    });

    it('looks at the first certificate only: the others are what the client chose to send', async () => {
      const certificates = [certificate(untrusted), certificate(trustedSleep)];
      assert.equal((await bench.call({ certificates })).passes, false);
    });

    it('lets nobody through to a pool member who came around the handshake', async () => {
      const loaded = await bench.engine.loadRule({ fullPath: rulePath, text: await ruleText() });
      const flow = await bench.engine.openFlow([loaded]);
      await flow.run('CLIENT_ACCEPTED', { virtual: virtualServer });
      const kinds = (await flow.run('LB_SELECTED', {})).map(({ kind }) => kind);
      assert.deepEqual(kinds, ['run', 'reject']);
      await flow.close();
    });
  });

  describe('about hostile input', () => {
    const filler = (length: number): Buffer => der(0x82, Buffer.alloc(length, 0x61));
    const padded = (length: number): Buffer =>
      certificateDer({ extensions: [keyUsage(true, 0xa0), san(true, filler(length), uri(trustedSleep))] });

    it('takes certificates of up to 16384 bytes', async () => {
      const size = padded(16_000).length;
      assert.equal((await bench.call({ certificates: [padded(16_000 + 16_384 - size)] })).passes, true);
      const { lines } = await bench.call({ certificates: [padded(16_000 + 16_385 - size)] });
      assert.equal(reasonIn(lines[0]), 'too-large');
    });

    it('reads at most 400 elements', async () => {
      const crowded = (names: number): Buffer =>
        certificateDer({
          extensions: [
            keyUsage(true, 0xa0),
            san(true, ...Array.from({ length: names }, () => filler(1)), uri(trustedSleep)),
          ],
        });
      assert.equal((await bench.call({ certificates: [crowded(370)] })).passes, true);
      assert.equal(reasonIn((await bench.call({ certificates: [crowded(400)] })).lines[0]), 'too-large');
    });

    it('refuses every beginning of a good certificate', async () => {
      const good = certificate(trustedSleep);
      for (let length = 0; length < good.length; length += 1) {
        const { passes } = await bench.call({ certificates: [good.subarray(0, length)] });
        assert.equal(passes, false, `${length} of ${good.length} bytes`);
      }
    });

    it('agrees with readSvidClaims about certificates with changed bytes', async () => {
      const seeds = loadSvidVectors().map(vectorDer);
      const edit = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) });
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...seeds),
          fc.array(edit, { minLength: 1, maxLength: 3 }),
          async (seed, edits) => {
            const changed = Buffer.from(seed);
            for (const { at, byte } of edits) changed[at % changed.length] = byte;
            const claims = readSvidClaims(changed);
            const { passes, lines } = await bench.call({ certificates: [changed] });
            assert.equal(passes, claims.ok && claims.spiffeId.text === trustedSleep);
            if (!claims.ok) assert.equal(reasonIn(lines[0]), claims.reason);
          },
        ),
        { numRuns: 300 },
      );
    });
  });

  describe('about its log', () => {
    it('cuts a long ID in the middle, so that a line fits in 1024 bytes and no two IDs look alike', async () => {
      const id = `spiffe://cluster.local/${'a'.repeat(2000)}/end`;
      const { lines } = await bench.call({ certificates: [certificate(id)] });
      const [text = ''] = lines;
      assert.ok(text.length <= 1024, String(text.length));
      assert.match(
        text,
        /rejecting: spiffe:\/\/cluster\.local\/a+\.\.\.\(2027 bytes\)\.\.\.a+\/end \(not-listed\)$/,
      );
    });

    it('writes one line of printable characters, whatever a certificate holds', async () => {
      for (const vector of loadSvidVectors()) {
        const { lines } = await bench.call({ certificates: [vectorDer(vector)] });
        assert.equal(lines.length, 1, vector.name);
        assert.match(lines[0] ?? '', /^[ -~]+$/, vector.name);
      }
    });

    it('gives an error that nobody foresaw a place of its own, without its control characters', async () => {
      const broken = (await ruleText()).replace(
        'proc spf_identity {der} {',
        'proc spf_identity {der} {\n    error "line\\nforged: \\x01"',
      );
      const other = await RuleBench.start(broken);
      try {
        await other.setGroups({ allow: [trustedSleep], deny: [], settings: enforcing });
        const { passes, lines } = await other.call({ certificates: [certificate(trustedSleep)] });
        assert.equal(passes, false);
        assert.deepEqual(lines, [
          line('CLIENTSSL_CLIENTCERT', 'rejecting: - (internal-error) line.forged: .'),
        ]);
      } finally {
        await other.close();
      }
    });
  });

  describe('about its counters', () => {
    it('counts each connection once, rejections by reason', async () => {
      const other = await RuleBench.start();
      try {
        await other.setGroups({ allow: [trustedSleep], deny: [], settings: enforcing });
        await other.call({ certificates: [certificate(trustedSleep)] });
        await other.call({ certificates: [certificate(untrusted)] });
        await other.call({ certificates: [certificate(untrusted)] });
        await other.call({});
        await other.setGroups({ allow: [], deny: [], settings: auditing });
        await other.call({ certificates: [certificate(untrusted)] });
        assert.deepEqual(
          new Map([...(await other.engine.istats())].toSorted()),
          new Map([
            [counter('spiffe_allowed'), '1'],
            [counter('spiffe_rejected_no_certificate'), '1'],
            [counter('spiffe_rejected_not_listed'), '2'],
            [counter('spiffe_would_reject'), '1'],
          ]),
        );
      } finally {
        await other.close();
      }
    });
  });
});

async function ruleText(): Promise<string> {
  const { loadRule } = await import('../../../src/irule/load-rule.js');
  return loadRule();
}
