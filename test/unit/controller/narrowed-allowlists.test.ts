import { strict as assert } from 'node:assert';

import { array, assert as check, constantFrom, property, record } from 'fast-check';

import type { Allowlist, AllowlistEntry } from '../../../src/allowlist/allowlist.js';
import { decide } from '../../../src/allowlist/decide.js';
import { parseEntryText } from '../../../src/allowlist/parse-entry.js';
import type { ServiceConfig } from '../../../src/config/schema.js';
import { narrow, narrowedAllowlists } from '../../../src/controller/narrowed-allowlists.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';

const ids = ['ns/a/sa/x', 'ns/a/sa/y', 'ns/b/sa/x'].map((path) => `spiffe://cluster.local/${path}`);
const patterns = [...ids, 'spiffe://cluster.local/ns/a/sa/*', 'spiffe://cluster.local/ns/*'];

function entry(text: string): AllowlistEntry {
  const parsed = parseEntryText(text);
  assert.ok(parsed.ok);
  return { ...parsed.value, origin: { namespace: 'n', configMap: 'c', key: 'allow', line: 1 } };
}

function admits(allowlist: Allowlist, id: string): boolean {
  const parsed = parseSpiffeId(id);
  assert.ok(parsed.ok);
  return (
    allowlist.mode === 'audit' || decide(allowlist, ['cluster.local'], parsed.value).decision === 'allow'
  );
}

describe('an allowlist while nobody can be asked', () => {
  const entries = array(constantFrom(...patterns), { maxLength: 4 }).map((texts) => texts.map(entry));
  const allowlist = record({
    allow: entries,
    deny: entries,
    mode: constantFrom('enforce' as const, 'audit' as const),
  });

  it('admits nobody whom the device does not admit, and nobody whom the last edit did not', () =>
    check(
      property(allowlist, allowlist, (held, installed) => {
        const narrowed = narrow(held, installed);
        for (const id of ids) {
          if (!admits(narrowed, id)) continue;
          assert.ok(admits(installed, id), `${id} is added`);
          assert.ok(admits(held, id), `${id} was taken out`);
        }
      }),
    ));

  it('stays as it is when both say the same', () => {
    const same: Allowlist = { allow: [entry(ids[0] ?? '')], deny: [entry(ids[1] ?? '')], mode: 'audit' };
    assert.deepEqual(narrow(same, same), same);
  });

  it('is not made up for a service that the device has not, or not whole', async () => {
    const source = narrowedAllowlists({
      read: () => Promise.resolve({ allowlist: { allow: [entry(ids[0] ?? '')], deny: [], mode: 'enforce' } }),
    });
    const service = { name: 'echo' } as ServiceConfig;
    const { signal } = new AbortController();
    await assert.rejects(source.read(service, undefined, signal), { code: 'MESH_ERR_ALLOWLIST_UNKNOWN' });
  });
});
