import { strict as assert } from 'node:assert';
import { loadRule } from '../../../src/irule/load-rule.js';
import { CoreEngine } from '../../../src/explain/core-engine.js';
import { explain } from '../../../src/explain/explain.js';
import type { Admission } from '../../../src/explain/explain.js';
import { RuleInTcl } from '../../../src/explain/rule-in-tcl.js';
import { tlsObjection } from '../../../src/explain/tls-objection.js';
import { certificateForId } from '../../../src/explain/certificate-for-id.js';
import { loadSvidVectors, loadVectorCa, trustedSleep, vectorDer } from '../../support/svid-vectors.js';
import { admissionOf, onlyTrustedSleep } from './allowlists.js';

const { root, intermediate, at } = loadVectorCa();
const tls = { now: at, roots: [root, intermediate] };
const vectors = loadSvidVectors();

async function withRule<T>(
  admission: Admission,
  use: (rule: RuleInTcl) => Promise<T>,
  edit: (text: string) => string = (text) => text,
): Promise<T> {
  const rule = await RuleInTcl.start({ ...admission, ruleText: edit(await loadRule()) });
  try {
    return await use(rule);
  } finally {
    await rule.close();
  }
}

const coreOf = ({ allowlist, trustDomains }: Admission): CoreEngine =>
  new CoreEngine(allowlist, trustDomains);

describe('explain', () => {
  describe('with the published vectors, TLS included', () => {
    let rule: RuleInTcl;
    const core = coreOf(onlyTrustedSleep);
    before(async () => {
      rule = await RuleInTcl.start({ ...onlyTrustedSleep, ruleText: await loadRule() });
    });
    after(() => rule.close());

    for (const vector of vectors) {
      const { name, enforcement, decisionIfOnlyTrustedSleepIsAllowed: recorded } = vector;
      it(`${enforcement === 'must' ? `${recorded}s` : 'decides alike about'} ${name}`, async () => {
        const der = vectorDer(vector);
        const objection = tlsObjection({ der, others: [] }, tls);
        for (const engines of [[rule], [core], [rule, core]] as const) {
          const { decision, spiffeId, reason } = await explain(der, engines, onlyTrustedSleep, objection);
          assert.notEqual(reason, 'engines-disagree');
          if (enforcement === 'must') assert.equal(decision, recorded, reason);
          if (spiffeId !== undefined) assert.deepEqual([spiffeId], vector.expectedSpiffeIds);
          if (decision === 'allow') assert.ok(!vector.mustNotAuthorize.includes(spiffeId ?? ''));
        }
      });
    }
  });

  it('names the entry that decided, the pattern and not the ID that it holds', async () => {
    const admission = admissionOf({
      allow: ['# who may', 'spiffe://cluster.local/ns/trusted/sa/*  # all of trusted'],
      deny: ['spiffe://cluster.local/ns/trusted/sa/retired'],
    });
    await withRule(admission, async (rule) => {
      for (const engines of [[rule], [coreOf(admission)], [rule, coreOf(admission)]] as const) {
        const good = await explain(await certificateForId(trustedSleep, at), engines, admission);
        assert.equal(good.decision, 'allow');
        assert.equal(good.entry?.text, 'spiffe://cluster.local/ns/trusted/sa/*');
        assert.ok(good.entry?.origin.policy === undefined);
        assert.equal(good.entry?.origin.line, 2);
        const retired = 'spiffe://cluster.local/ns/trusted/sa/retired';
        const bad = await explain(await certificateForId(retired, at), engines, admission);
        assert.deepEqual([bad.decision, bad.reason, bad.entry?.text], ['reject', 'denied', retired]);
        assert.equal(bad.entry?.origin.key, 'deny');
      }
    });
  });

  it('rejects in audit mode whom the device only logs', async () => {
    const admission = admissionOf({ allow: [], mode: 'audit' });
    await withRule(admission, async (rule) => {
      const der = await certificateForId(trustedSleep, at);
      const explanation = await explain(der, [rule, coreOf(admission)], admission);
      assert.deepEqual([explanation.decision, explanation.reason], ['reject', 'not-listed']);
    });
  });

  it('gives the whole of an ID that the rule shortens in its log', async () => {
    const id = `spiffe://cluster.local/${'a'.repeat(1500)}/end`;
    const admission = admissionOf({ allow: [id] });
    await withRule(admission, async (rule) => {
      const { spiffeId, decision } = await explain(await certificateForId(id, at), [rule], admission);
      assert.deepEqual([decision, spiffeId], ['allow', id]);
      const other = `${id}x`;
      const rejected = await explain(await certificateForId(other, at), [rule], admission);
      assert.deepEqual([rejected.decision, rejected.spiffeId], ['reject', other]);
    });
  });

  it('keeps the ID of a certificate that TLS refuses, and credits no entry', async () => {
    const der = await certificateForId(trustedSleep, at);
    const explanation = await explain(der, [coreOf(onlyTrustedSleep)], onlyTrustedSleep, 'it expired');
    assert.deepEqual(explanation, {
      decision: 'reject',
      spiffeId: trustedSleep,
      entry: undefined,
      reason: 'not-verified',
      detail: 'it expired',
    });
  });

  it('asks about any text as an ID, and every engine refuses what is none', async () => {
    await withRule(onlyTrustedSleep, async (rule) => {
      for (const text of [
        'sleep',
        'spiffe://Cluster.local/ns/a/sa/b',
        'spiffe://cluster.local',
        'spiffe://é/ns/a',
        '{[exit]}',
      ]) {
        const der = await certificateForId(text, at);
        const { reason, spiffeId } = await explain(der, [rule, coreOf(onlyTrustedSleep)], onlyTrustedSleep);
        assert.deepEqual([reason, spiffeId], ['bad-spiffe-id', undefined], text);
      }
    });
  });

  describe('when the engines disagree', () => {
    const denying = admissionOf({ allow: [trustedSleep], deny: ['spiffe://cluster.local/ns/trusted/sa/*'] });
    const disagreements: ReadonlyArray<[string, (text: string) => string]> = [
      ['a rule that does not look at the deny group', (text) => text.replaceAll('set reason "denied"', '')],
      [
        'a rule that gives another reason',
        (text) => text.replaceAll('set reason "denied"', 'set reason "not-listed"'),
      ],
      ['a rule that fails', (text) => text.replaceAll('set reason "denied"', 'unknown_command')],
    ];
    for (const [what, edit] of disagreements) {
      it(`rejects, and tells what each said: ${what}`, async () => {
        await withRule(
          denying,
          async (rule) => {
            const der = await certificateForId(trustedSleep, at);
            const explanation = await explain(der, [rule, coreOf(denying)], denying);
            assert.deepEqual([explanation.decision, explanation.reason], ['reject', 'engines-disagree']);
            assert.equal(explanation.engines?.core.reason, 'denied');
            assert.notDeepEqual(explanation.engines?.rule, explanation.engines?.core);
          },
          (text) => {
            const edited = edit(text);
            assert.notEqual(edited, text);
            return edited;
          },
        );
      });
    }
  });
});
