import assert from 'node:assert/strict';
import { parseTmOptions } from '../../../src/icontrol/tm-options.js';

describe('parseTmOptions', () => {
  it('reads the shapes of all versions', () => {
    const shapes: readonly (readonly [unknown, readonly string[]])[] = [
      [['dont-insert-empty-fragments'], ['dont-insert-empty-fragments']],
      ['{ dont-insert-empty-fragments no-tlsv1.3 }', ['dont-insert-empty-fragments', 'no-tlsv1.3']],
      ['no-tlsv1.3', ['no-tlsv1.3']],
      ['none', []],
      ['{ }', []],
      [undefined, []],
      [[], []],
    ];
    for (const [value, words] of shapes) assert.deepEqual(parseTmOptions(value), { ok: true, value: words });
  });

  it('refuses what is none of them', () => {
    for (const value of [7, null, {}, [7], '{ a { b } }']) assert.equal(parseTmOptions(value).ok, false);
  });
});
