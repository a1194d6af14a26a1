import { strict as assert } from 'node:assert';

import { CallCounters } from '../../../src/controller/call-counters.js';
import { Metrics } from '../../../src/controller/metrics.js';
import { AgentError } from '../../../src/errors.js';
import { silentLogger } from '../../../src/log.js';
import type { ServiceCounters } from '../../../src/reconcile/read-counters.js';
import { FakeClock } from '../../support/fake-clock.js';
import { edgeConfig } from '../../support/edge-config.js';

const config = edgeConfig();

describe('the calls that devices count', () => {
  let clock: FakeClock;
  let metrics: Metrics;
  let counters: CallCounters;
  let isLeader: boolean;
  let reads: number;
  let answer: () => Promise<ReadonlyMap<string, ServiceCounters>>;

  beforeEach(() => {
    clock = new FakeClock();
    metrics = new Metrics(clock);
    isLeader = true;
    reads = 0;
    counters = new CallCounters({
      agent: {
        config,
        counters: () => {
          reads += 1;
          return answer();
        },
      },
      metrics,
      isLed: () => isLeader,
      clock,
      logger: silentLogger(),
    });
  });

  const counts = (allowed: number, rejected = 0, wouldReject?: number): void => {
    const echo = { allowed, rejected, wouldReject, retiring: undefined };
    answer = () => Promise.resolve(new Map([['echo', echo]]));
  };
  const scrape = async (): Promise<string> => {
    counters.refresh();
    await counters.idle();
    return metrics.render();
  };
  const calls = (decision: string, count: number): RegExp =>
    new RegExp(
      `^bigip_mesh_calls_total\\{device="edge",service="echo",decision="${decision}"\\} ${count}$`,
      'm',
    );

  it('are what the device said when the last scrape asked for it, with the time of that', async () => {
    counts(5, 2, 1);
    const text = await scrape();
    assert.match(text, calls('allowed', 5));
    assert.match(text, calls('rejected', 2));
    assert.match(text, calls('would_reject', 1));
    assert.match(text, /^bigip_mesh_calls_read_timestamp_seconds\{device="edge"\} 1893456000$/m);
  });

  it('go on counting when those of the device went back', async () => {
    counts(5);
    await scrape();
    await clock.advance(15_000);
    counts(3);
    assert.match(await scrape(), calls('allowed', 8));
  });

  it('say nothing of what the device does not tell', async () => {
    counts(5);
    assert.doesNotMatch(await scrape(), /decision="would_reject"/);
  });

  it('are read every 15 s at most, and on the leader only', async () => {
    counts(5);
    await scrape();
    await clock.advance(14_999);
    await scrape();
    assert.equal(reads, 1);
    isLeader = false;
    await clock.advance(1);
    await scrape();
    assert.equal(reads, 1);
    isLeader = true;
    await scrape();
    assert.equal(reads, 2);
  });

  describe('for the status', () => {
    const [device] = config.devices;
    const minutes = 60_000;
    const rejected = async (): Promise<number | undefined> => {
      assert.ok(device !== undefined);
      return (await counters.callsOf(device)).get('echo')?.rejectedLastHour;
    };

    it('are read every five minutes at most, and not with the first reconcile', async () => {
      counts(5, 2);
      assert.equal(await rejected(), undefined);
      assert.equal(reads, 0);
      await clock.advance(5 * minutes);
      await rejected();
      await clock.advance(5 * minutes - 1);
      await rejected();
      assert.equal(reads, 1);
      await clock.advance(1);
      await rejected();
      assert.equal(reads, 2);
    });

    it('are not read once more where a scrape did it', async () => {
      counts(5, 2);
      await clock.advance(4 * minutes);
      await scrape();
      await clock.advance(2 * minutes);
      assert.ok(device !== undefined);
      assert.deepEqual((await counters.callsOf(device)).get('echo'), {
        allowed: 5,
        rejected: 2,
        wouldReject: undefined,
        rejectedLastHour: undefined,
      });
      assert.equal(reads, 1);
    });

    it('say how many were rejected within the last hour, from the second reading on', async () => {
      const seen: Array<number | undefined> = [];
      for (let reading = 0; reading < 30; reading += 1) {
        await clock.advance(5 * minutes);
        counts(0, 100 + reading * 10);
        seen.push(await rejected());
      }
      assert.deepEqual(seen.slice(0, 3), [undefined, 10, 20]);
      assert.deepEqual(seen.slice(11, 15), [110, 120, 120, 120]);
      assert.equal(seen.at(-1), 120);
    });

    it('count a reading between two samples', async () => {
      counts(0, 100);
      await scrape();
      await clock.advance(15_000);
      counts(0, 107);
      await scrape();
      assert.equal(await rejected(), 7);
    });

    it('begin anew when the counters went back', async () => {
      for (const count of [100, 130]) {
        await clock.advance(5 * minutes);
        counts(0, count);
        await rejected();
      }
      await clock.advance(5 * minutes);
      counts(0, 4);
      assert.equal(await rejected(), undefined);
      await clock.advance(5 * minutes);
      counts(0, 9);
      assert.equal(await rejected(), 5);
    });

    it('say nothing of what was read more than an hour ago', async () => {
      counts(0, 100);
      await scrape();
      await clock.advance(5 * minutes);
      counts(0, 130);
      await scrape();
      answer = () => Promise.reject(new AgentError('MESH_ERR_DEVICE_UNREACHABLE', 'edge is away', 'look'));
      await clock.advance(60 * minutes);
      assert.equal(await rejected(), undefined);
      await clock.advance(1);
      assert.ok(device !== undefined);
      assert.equal((await counters.callsOf(device)).size, 0);
    });
  });

  it('do not keep a scrape waiting for a device that does not answer, and stay as they were', async () => {
    counts(5);
    await scrape();
    await clock.advance(15_000);
    let fail = (): void => undefined;
    answer = () =>
      new Promise((_resolve, reject) => {
        fail = () => reject(new AgentError('MESH_ERR_DEVICE_UNREACHABLE', 'edge does not answer', 'look'));
      });
    counters.refresh();
    await clock.advance(60_000);
    counters.refresh();
    assert.equal(reads, 2, 'one at a time');
    assert.match(await metrics.render(), calls('allowed', 5));
    fail();
    await counters.idle();
  });
});
