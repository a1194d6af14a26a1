import { strict as assert } from 'node:assert';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { AgentError } from '../../../src/errors.js';
import { loadRule } from '../../../src/irule/load-rule.js';
import { repositoryRoot } from '../../support/shared-data.js';

const rules = join(repositoryRoot, 'irules');
const shipped = readFileSync(join(rules, 'spiffe_allowlist.tcl'), 'utf8');

describe('loadRule', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'load-rule-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function loadFromBundle(): Promise<string> {
    const outfile = join(folder, 'dist', 'bundle.mjs');
    const entry = fileURLToPath(new URL('../../../src/irule/load-rule.js', import.meta.url));
    buildSync({ entryPoints: [entry], bundle: true, format: 'esm', platform: 'node', outfile });
    const bundle = (await import(pathToFileURL(outfile).href)) as { loadRule: typeof loadRule };
    return bundle.loadRule();
  }

  it('gives the shipped text, byte for byte', async () => assert.equal(await loadRule(), shipped));

  it('gives a text that a device takes in one message', async () => {
    assert.ok((await loadRule()).length < 65_535);
  });

  for (const place of ['dist/irules', 'irules']) {
    it(`finds it from a bundle in dist, in ${place}`, async () => {
      cpSync(rules, join(folder, place), { recursive: true });
      assert.equal(await loadFromBundle(), shipped);
    });
  }

  it('says what to do when it is not there', async () => {
    await assert.rejects(loadFromBundle, (error) => (error as AgentError).code === 'MESH_ERR_RULE_MISSING');
  });
});
