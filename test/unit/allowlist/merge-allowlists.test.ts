import assert from 'node:assert/strict';

import type { Allowlist } from '../../../src/allowlist/allowlist.js';
import { diffAllowlists } from '../../../src/allowlist/diff-allowlists.js';
import { mergeAllowlists } from '../../../src/allowlist/merge-allowlists.js';
import { parseAllowlist } from '../../../src/allowlist/parse-allowlist.js';
import { renderPlace } from '../../../src/allowlist/render-place.js';

function configMap(name: string, data: Record<string, string>): Allowlist {
  return parseAllowlist({ namespace: 'default', name, data }).allowlist;
}

const one = 'spiffe://cluster.local/ns/a/sa/one';
const two = 'spiffe://cluster.local/ns/a/sa/two';
const three = 'spiffe://cluster.local/ns/a/sa/three';

describe('mergeAllowlists', () => {
  it('adds up and keeps the first origin of an entry, whatever the order', () => {
    const a = configMap('a', { allow: `${two}\n${one}` });
    const b = configMap('b', { allow: `${three}\n${one}`, deny: two });
    const merged = mergeAllowlists([b, a]);
    assert.deepEqual(
      merged.allow.map(({ text, origin }) => `${text} ${renderPlace(origin)}`),
      [
        `${one} ConfigMap default/a, allow line 2`,
        `${three} ConfigMap default/b, allow line 1`,
        `${two} ConfigMap default/a, allow line 1`,
      ],
    );
    assert.deepEqual(
      merged.deny.map(({ text }) => text),
      [two],
    );
    assert.deepEqual(mergeAllowlists([a, b]), merged);
  });

  it('audits only when every ConfigMap says so', () => {
    const audit = configMap('a', { mode: 'audit' });
    assert.equal(mergeAllowlists([audit, audit]).mode, 'audit');
    assert.equal(mergeAllowlists([audit, configMap('b', { mode: 'enforce' })]).mode, 'enforce');
    assert.equal(mergeAllowlists([audit, configMap('b', {})]).mode, 'enforce');
  });

  it('gives an enforced empty list when there is nothing to merge', () => {
    assert.deepEqual(mergeAllowlists([]), { allow: [], deny: [], mode: 'enforce' });
  });
});

describe('diffAllowlists', () => {
  it('names what came and what went, and a changed mode', () => {
    const before = configMap('a', { allow: `${one}\n${two}`, mode: 'audit' });
    const after = configMap('a', { allow: `${two} # moved\n${three}`, deny: one });
    const diff = diffAllowlists(before, after);
    assert.deepEqual(
      diff.added.map(({ text, origin }) => `${origin.key} ${text}`),
      [`allow ${three}`, `deny ${one}`],
    );
    assert.deepEqual(
      diff.removed.map(({ text, origin }) => `${origin.key} ${text}`),
      [`allow ${one}`],
    );
    assert.deepEqual(diff.mode, { before: 'audit', after: 'enforce' });
  });

  it('finds nothing where only comments and places differ', () => {
    const before = configMap('a', { allow: `${one}\n${two}` });
    const after = configMap('b', { allow: `${two}\n\n${one} # comment` });
    assert.deepEqual(diffAllowlists(before, after), { added: [], removed: [] });
  });
});
