import { strict as assert } from 'node:assert';
import { parseDuration } from '../../../src/config/duration.js';
import { parseEndpoint, renderEndpoint } from '../../../src/config/endpoint.js';

describe('a duration', () => {
  for (const [text, ms] of [
    ['24h', 86_400_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['250ms', 250],
  ] as const) {
    it(`reads ${text}`, () => assert.deepEqual(parseDuration(text), { ok: true, value: ms }));
  }
  for (const text of ['', '0s', '10', 'h', '-1h', '1.5h', '1h ', '5w']) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseDuration(text).ok, false));
  }
});

describe('an endpoint', () => {
  for (const text of ['10.1.20.5:9000', '[2001:db8::1]:443']) {
    it(`reads ${text} and writes it the same`, () => {
      const parsed = parseEndpoint(text);
      assert.ok(parsed.ok);
      assert.equal(renderEndpoint(parsed.value), text);
    });
  }
  for (const text of [
    'db.example:9000',
    '10.1.20.5',
    '10.1.20.5:0',
    '2001:db8::1:443',
    '[10.1.20.5]:1',
    ':9000',
  ]) {
    it(`refuses ${text}`, () => assert.equal(parseEndpoint(text).ok, false));
  }
});
