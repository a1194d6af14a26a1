import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadRule } from '../../../src/irule/load-rule.js';
import { repositoryRoot } from '../../support/shared-data.js';

describe('loadRule', () => {
  it('gives the shipped text, byte for byte', async () => {
    const file = readFileSync(join(repositoryRoot, 'irules', 'spiffe_allowlist.tcl'), 'utf8');
    assert.equal(await loadRule(), file);
  });

  it('gives a text that a device takes in one message', async () => {
    assert.ok((await loadRule()).length < 65_535);
  });
});
