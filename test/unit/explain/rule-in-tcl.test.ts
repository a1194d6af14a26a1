import { strict as assert } from 'node:assert';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentError } from '../../../src/errors.js';
import { RuleInTcl } from '../../../src/explain/rule-in-tcl.js';
import { loadRule } from '../../../src/irule/load-rule.js';
import { loadSvidVectors, vectorDer } from '../../support/svid-vectors.js';
import { onlyTrustedSleep } from './allowlists.js';

const hasCode = (code: string) => (error: unknown) => error instanceof AgentError && error.code === code;
const [good] = loadSvidVectors();
const goodDer = (): Buffer => (good === undefined ? assert.fail('no vectors') : vectorDer(good));

describe('the rule in Tcl', () => {
  it('says how to go on without tclsh', async () => {
    const ruleText = await loadRule();
    await assert.rejects(
      RuleInTcl.start({ ...onlyTrustedSleep, ruleText, tclsh: '/nonexistent/tclsh' }),
      (error) => {
        assert.ok(hasCode('MESH_ERR_TCLSH_MISSING')(error));
        assert.match((error as AgentError).nextStep, /--engine core/);
        return true;
      },
    );
  });

  it('takes an interpreter that ends for no decision at all', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bigip-mesh-'));
    try {
      const tclsh = join(folder, 'tclsh');
      await writeFile(tclsh, '#!/bin/sh\nexit 1\n');
      await chmod(tclsh, 0o755);
      await assert.rejects(
        RuleInTcl.start({ ...onlyTrustedSleep, ruleText: await loadRule(), tclsh }),
        hasCode('MESH_ERR_TCLSH_FAILED'),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('refuses a rule that cannot be taken apart', async () => {
    await assert.rejects(
      RuleInTcl.start({ ...onlyTrustedSleep, ruleText: 'when CLIENT_ACCEPTED {' }),
      hasCode('MESH_ERR_TCLSH_FAILED'),
    );
  });

  const hollow: ReadonlyArray<[string, string]> = [
    ['a rule that says nothing', 'when CLIENT_ACCEPTED { }'],
    ['a rule that fails at once', 'when CLIENT_ACCEPTED { error "x" }'],
    [
      'a rule that allows and rejects',
      'when CLIENTSSL_HANDSHAKE { log local0.info "allowing: spiffe://a/b"; reject }',
    ],
    [
      'a rule that drops whom it allows',
      'when CLIENTSSL_HANDSHAKE { log local0.info "allowing: spiffe://a/b"; drop }',
    ],
    [
      'a rule with words of its own',
      'when CLIENTSSL_HANDSHAKE { log local0.info "rejecting: - (whatever)"; reject }',
    ],
  ];
  for (const [what, ruleText] of hollow) {
    it(`counts as a rejection what is no clear admission: ${what}`, async () => {
      const rule = await RuleInTcl.start({ ...onlyTrustedSleep, ruleText });
      try {
        const { decision, reason } = await rule.judge(goodDer());
        assert.deepEqual([decision, reason], ['reject', 'internal-error']);
      } finally {
        await rule.close();
      }
    });
  }

  it('gives every certificate a connection of its own: nothing of one is left for the next', async () => {
    const rule = await RuleInTcl.start({ ...onlyTrustedSleep, ruleText: await loadRule() });
    try {
      const alone = [];
      for (const vector of loadSvidVectors()) alone.push(await rule.judge(vectorDer(vector)));
      const backwards = [];
      for (const vector of loadSvidVectors().toReversed())
        backwards.push(await rule.judge(vectorDer(vector)));
      assert.deepEqual(backwards.toReversed(), alone);
    } finally {
      await rule.close();
    }
  });
});
