import { strict as assert } from 'node:assert';

import { array, assert as check, integer, property, uniqueArray } from 'fast-check';

import { shareOut } from '../../../src/controller/share-out.js';

const names = (prefix: string, most: number) =>
  uniqueArray(integer({ min: 0, max: 99 }), { maxLength: most }).map((numbers) =>
    numbers.map((number) => `${prefix}${number}`),
  );

describe('the shares of replicas', () => {
  /** Devices, replicas, and who leads what: some of the replicas, somebody who is gone, or nobody. */
  const situation = property(
    names('d', 20),
    names('r', 6).filter((replicas) => replicas.length > 0),
    array(integer({ min: -2, max: 5 }), { minLength: 20, maxLength: 20 }),
    (devices, replicas, picks) => {
      const leaders = new Map(
        devices.map((device, index) => {
          const pick = picks[index] ?? -1;
          return [device, pick < 0 ? ['', 'gone'][pick + 2]! : replicas[pick % replicas.length]!] as const;
        }),
      );
      const shares = shareOut(devices, replicas, leaders);
      assert.deepEqual([...shares.keys()].toSorted(), devices.toSorted(), 'each device is somebody’s');
      const counts = replicas.map((replica) => [...shares.values()].filter((own) => own === replica).length);
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        devices.length,
        'of a replica that is there',
      );
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, 'evenly');
      assert.deepEqual(
        shareOut(devices.toReversed(), replicas.toReversed(), leaders),
        shares,
        'the same for all',
      );
      assert.deepEqual(shareOut(devices, replicas, shares), shares, 'and then it rests');
      const most = Math.ceil(devices.length / replicas.length);
      for (const replica of replicas) {
        const led = devices.filter((device) => leaders.get(device) === replica);
        const kept = led.filter((device) => shares.get(device) === replica);
        assert.ok(
          kept.length >= Math.min(led.length, Math.floor(devices.length / replicas.length)),
          'with few changes',
        );
        assert.ok(kept.length <= most);
      }
    },
  );

  it('cover every device, differ by one at most, and change no leader without need', () =>
    check(situation, { numRuns: 2000 }));

  it('are nobody’s when nobody is there', () => assert.equal(shareOut(['a'], [], new Map()).size, 0));
});
