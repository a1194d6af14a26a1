import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { knownKeys } from '../../src/config/known-keys.js';
import { parseConfig } from '../../src/config/load-config.js';
import { referencePages } from '../support/reference-docs.js';
import { repositoryRoot } from '../support/shared-data.js';

const read = (file: string): string => readFileSync(join(repositoryRoot, file), 'utf8');

describe('the documentation', () => {
  for (const { file, render } of referencePages) {
    it(`has a ${file} that is what the code says (npm run docs writes it)`, () => {
      assert.equal(read(file), render());
    });
  }

  it('names every key of a service and of a device in config.md', () => {
    const page = read('docs/reference/config.md');
    for (const list of ['devices', 'services']) {
      for (const key of knownKeys([list, 0]))
        assert.ok(page.includes(`\`${list}[].${key}`), `${list}[].${key}`);
    }
  });

  it('shows a config file in the README that the agent accepts', () => {
    const [, example = ''] =
      /```yaml\n( *apiVersion: bigip-mesh\.io[\s\S]*?)```/.exec(read('README.md')) ?? [];
    const config = parseConfig(example.replaceAll(/^ {3}/gm, ''), 'README.md');
    assert.equal(config.services[0]?.name, 'echo');
  });
});
