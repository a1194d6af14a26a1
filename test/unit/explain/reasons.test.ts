import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rejectionReasons } from '../../../src/allowlist/rejection-reason.js';
import { reasonMeanings } from '../../../src/explain/reason-meaning.js';
import { loadRule } from '../../../src/irule/load-rule.js';
import { repositoryRoot } from '../../support/shared-data.js';

const sorted = (words: Iterable<string>): string[] => [...new Set(words)].toSorted();

describe('the reasons of a rejection', () => {
  it('are the words that the rule lets into its log, and the one that it gives to all others', async () => {
    const text = await loadRule();
    const [, list = '', fallback = ''] =
      /lsearch -exact \{([a-z\s-]+)\} \$reason\] < 0\} \{[\s\S]*?set reason "([a-z-]+)"/.exec(text) ?? [];
    assert.deepEqual(sorted([...list.trim().split(/\s+/), fallback]), sorted(rejectionReasons));
  });

  it('are all that the rule ever says: no word is written anywhere in it that is not of the set', async () => {
    const text = await loadRule();
    const written = [
      ...text.matchAll(/(?:error|set reason|list 0) "([a-z-]+)"/g),
      ...text.matchAll(/spf_report rejected ([a-z-]+)/g),
    ].map(([, word = '']) => word);
    assert.deepEqual(sorted(written), sorted(rejectionReasons));
  });

  it('stand in docs/reference/explain.md with what they mean, and no other word does', () => {
    const page = readFileSync(join(repositoryRoot, 'docs', 'reference', 'explain.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (.+?) \|$/gm)].map(([, word = '', meaning = '']) => [
      word,
      meaning,
    ]);
    assert.deepEqual(Object.fromEntries(rows), reasonMeanings);
  });
});
