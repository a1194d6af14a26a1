import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { addRecords, deleteRecords, modifyRecords } from '../../../src/icontrol/data-group-records.js';

const allow = { partition: 'mesh', name: 'echo_allow' };
const path = '/mgmt/tm/ltm/data-group/internal/~mesh~echo_allow';

function options(command: { readonly path: string }): string | null {
  return new URL(command.path, 'https://localhost').searchParams.get('options');
}

describe('commands on single records', () => {
  it('write what tmsh reads', () => {
    const added = addRecords(allow, [
      { name: 'spiffe://cluster.local/ns/trusted/sa/sleep', data: 'cm/default/echo-callers:3' },
      { name: 'key4', data: '' },
    ]);
    assert.ok(added.ok);
    const [command, ...more] = added.value;
    assert.ok(command);
    assert.deepEqual(more, []);
    assert.equal(command.method, 'PATCH');
    assert.deepEqual(command.body, { name: 'echo_allow' });
    assert.equal(command.path.startsWith(`${path}?options=records%20add%20%7B%20`), true);
    assert.equal(
      options(command),
      'records add { spiffe://cluster.local/ns/trusted/sa/sleep { data cm/default/echo-callers:3 } key4 { } }',
    );
  });

  it('modify and delete by key', () => {
    const modified = modifyRecords(allow, [{ name: 'k', data: 'v' }]);
    assert.equal(
      modified.ok && modified.value[0] && options(modified.value[0]),
      'records modify { k { data v } }',
    );
    const deleted = deleteRecords(allow, ['a', 'b']);
    assert.equal(deleted.ok && deleted.value[0] && options(deleted.value[0]), 'records delete { a b }');
  });

  it('refuse every word that tmsh would read as more than a word', () => {
    for (const word of ['a b', 'a}', '{', 'a;b', '"a"', "a'", 'a\\', '$a', '[x]', '', '-a', 'a\n', 'a#']) {
      assert.equal(addRecords(allow, [{ name: word, data: 'x' }]).ok, false, JSON.stringify(word));
      assert.equal(deleteRecords(allow, [word]).ok, false, JSON.stringify(word));
      if (word !== '')
        assert.equal(addRecords(allow, [{ name: 'x', data: word }]).ok, false, JSON.stringify(word));
    }
  });

  it('fit many records into request lines that Apache takes, and lose none', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2000 }), (count) => {
        const names = Array.from({ length: count }, (_, index) => `spiffe://cluster.local/ns/n/sa/s${index}`);
        const deleted = deleteRecords(allow, names);
        assert.ok(deleted.ok);
        for (const command of deleted.value) assert.equal(command.path.length < 8000, true);
        const listed = deleted.value.flatMap((command) =>
          String(options(command))
            .replace(/^records delete \{ (.*) \}$/, '$1')
            .split(' '),
        );
        assert.deepEqual(listed, names);
      }),
      { numRuns: 30 },
    );
  });
});
