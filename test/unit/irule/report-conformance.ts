import { strict as assert } from 'node:assert';
import { trustedSleep } from '../../support/svid-vectors.js';
import { audit, caller, onlySleep, untrusted } from './conformance-case.js';
import type { ConformanceCase } from './conformance-case.js';
import { virtualServer } from './rule-bench.js';

const counter = (name: string): string => `ltm.virtual ${virtualServer} counter ${name}`;

/** What the rule writes to the log, and counts. */
export const reportCases: readonly ConformanceCase[] = [
  {
    name: 'cuts a long ID in the middle and says how long it is',
    check: async (bench) => {
      await bench.setGroups(onlySleep);
      const [text = ''] = (await bench.call(caller(`spiffe://cluster.local/${'a'.repeat(2000)}/end`))).lines;
      assert.ok(text.length <= 1024, String(text.length));
      assert.match(
        text,
        /rejecting: spiffe:\/\/cluster\.local\/a+\.\.\.\(2027 bytes\)\.\.\.a+\/end \(not-listed\)$/,
      );
    },
  },
  {
    name: 'writes an ID of 700 bytes whole',
    check: async (bench) => {
      await bench.setGroups(onlySleep);
      const id = `spiffe://cluster.local/${'a'.repeat(677)}`;
      const [text = ''] = (await bench.call(caller(id))).lines;
      assert.ok(text.endsWith(`rejecting: ${id} (not-listed)`));
      assert.ok(text.length <= 1024);
    },
  },
  {
    name: 'counts each connection once, rejections by their reason',
    check: async (bench) => {
      const before = await bench.engine.istats();
      const count = async (name: string): Promise<number> =>
        Number((await bench.engine.istats()).get(counter(name)) ?? 0) -
        Number(before.get(counter(name)) ?? 0);
      await bench.setGroups(onlySleep);
      await bench.call(caller(trustedSleep));
      await bench.call(caller(untrusted));
      await bench.call({});
      await bench.setGroups(audit);
      await bench.call(caller(untrusted));
      assert.deepEqual(
        [
          await count('spiffe_allowed'),
          await count('spiffe_rejected_not_listed'),
          await count('spiffe_rejected_no_certificate'),
          await count('spiffe_would_reject'),
        ],
        [1, 1, 1, 1],
      );
      const after = [...(await bench.engine.istats()).keys()].filter((key) => !before.has(key));
      assert.ok(
        after.every((key) => /counter spiffe_(?:allowed|would_reject|rejected_[a-z_]+)$/.test(key)),
        after.join(),
      );
    },
  },
];
