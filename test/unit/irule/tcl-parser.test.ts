import { strict as assert } from 'node:assert';
import { lineOf, parseTcl, TclSyntaxError } from '../../../src/irule/tcl-parser.js';
import type { TclScript } from '../../../src/irule/tcl-parser.js';

const shape = (script: TclScript): string[][] =>
  script.commands.map(({ words }) => words.map(({ kind, text }) => `${kind} ${text}`));

describe('parseTcl', () => {
  it('takes words apart by blanks, commands by line ends and semicolons', () => {
    assert.deepEqual(shape(parseTcl('set a 1; set b "x y"\n\tset c {z [w]}\n')), [
      ['bare set', 'bare a', 'bare 1'],
      ['bare set', 'bare b', 'quoted x y'],
      ['bare set', 'bare c', 'braced z [w]'],
    ]);
  });

  it('keeps a command together over line joins and inside of braces', () => {
    assert.deepEqual(shape(parseTcl('set a \\\n  1\nif {$x} {\n  y; z\n} else {\n}\n')), [
      ['bare set', 'bare a', 'bare 1'],
      ['bare if', 'braced $x', 'braced \n  y; z\n', 'bare else', 'braced \n'],
    ]);
  });

  it('finds the scripts in brackets, in bare and quoted words and in each other', () => {
    const [command] = parseTcl('set a x[one [two "]"]]y$b"q').commands;
    const [outer] = command?.words[2]?.substitutions ?? [];
    assert.deepEqual(
      outer?.commands.map(({ source }) => source),
      ['one [two "]"]'],
    );
    const [inner] = outer?.commands[0]?.words[1]?.substitutions ?? [];
    assert.deepEqual(
      inner?.commands.map(({ source }) => source),
      ['two "]"'],
    );
  });

  it('takes a number sign for a comment only where a command can begin', () => {
    const { commands, comments } = parseTcl('# one \\\ngoes on\nset a #2\n;# three');
    assert.deepEqual(
      comments.map(({ text }) => text),
      ['# one \\\ngoes on', '# three'],
    );
    assert.equal(commands.length, 1);
  });

  it('does not count escaped braces', () => {
    assert.deepEqual(shape(parseTcl('set a {\\{}')), [['bare set', 'bare a', 'braced \\{']]);
  });

  it('knows the prefix {*} from a word in braces', () => {
    const [command] = parseTcl('list {*}$l {*} {*}').commands;
    assert.deepEqual(
      command?.words.map(({ isExpanded }) => isExpanded),
      [false, true, false, false],
    );
  });

  for (const [text, message, line] of [
    ['set a {', 'missing close-brace', 1],
    ['\nset a "b', 'missing "', 2],
    ['set a [b', 'missing close-bracket', 1],
    ['set a {b}c', 'extra characters after close-brace', 1],
    ['set a "b"c', 'extra characters after close-quote', 1],
    ['set a ${b', 'missing close-brace for variable name', 1],
  ] as const) {
    it(`says "${message}" about ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parseTcl(text),
        (error) => {
          assert.ok(error instanceof TclSyntaxError);
          assert.equal(error.message, message);
          assert.equal(lineOf(text, error.start), line);
          return true;
        },
      );
    });
  }
});
