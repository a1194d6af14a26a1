import { strict as assert } from 'node:assert';
import { inspect } from 'node:util';
import { createLogger } from '../../src/log.js';
import { Secret } from '../../src/secret.js';

describe('a secret', () => {
  const secret = new Secret('hunter2');

  it('gives its value only to who asks for it', () => {
    assert.equal(secret.reveal(), 'hunter2');
  });

  for (const [name, print] of [
    ['string conversion', () => String(secret)],
    ['JSON', () => JSON.stringify({ deep: { er: secret } })],
    ['util.inspect', () => inspect({ deep: { er: secret } }, { depth: 9, showHidden: true })],
  ] as const) {
    it(`is redacted by ${name}`, () => {
      assert.match(print(), /\[redacted\]/);
      assert.doesNotMatch(print(), /hunter2/);
    });
  }

  it('is redacted in a log line, at any depth', () => {
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line) => lines.push(line) });
    logger.info({ device: { credentials: { very: { deep: secret } } } }, 'logged in');
    assert.equal(lines.length, 1);
    assert.doesNotMatch(lines.join(''), /hunter2/);
  });
});
