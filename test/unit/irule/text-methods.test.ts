import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { textMethodNames, textMethodsTcl } from '../../bench/text-methods.js';
import { loadSvidVectors, svidVectorFolder } from '../../support/svid-vectors.js';
import { textParsers } from '../explain/text-parsers.js';
import { RuleBench, rulePath } from './rule-bench.js';

const asking = textMethodNames.map((name) => `log -noname local0. [call ${name} [TCP::payload]]`).join('\n');

describe('the text methods that the rule is measured against', () => {
  let bench: RuleBench;
  before(async () => {
    bench = await RuleBench.start();
  });
  after(() => bench.close());

  for (const release of ['1.0.2s', '3.0.19']) {
    it(`find in Tcl what they find in TypeScript, in the text of OpenSSL ${release}`, async () => {
      const text = `${textMethodsTcl}\nwhen CLIENT_DATA {\n${asking}\n}\n`;
      const rule = await bench.engine.loadRule({ fullPath: rulePath, text });
      const flow = await bench.engine.openFlow([rule]);
      for (const { name } of loadSvidVectors()) {
        const file = join(svidVectorFolder, 'rendered', `openssl-${release}`, `${name}.txt`);
        const payload = readFileSync(file);
        const effects = await flow.run('CLIENT_DATA', { payload });
        const found = effects.flatMap((effect) => (effect.kind === 'log' ? [effect.text] : []));
        // Effects are decoded as UTF-8; so is what they are compared with.
        const expected = textMethodNames.map((method) =>
          Buffer.from(textParsers[method]?.(payload.toString('latin1')) ?? '', 'latin1').toString(),
        );
        assert.deepEqual(found, expected, name);
      }
      await flow.close();
    });
  }
});
