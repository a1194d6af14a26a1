import { strict as assert } from 'node:assert';

import { WorkQueue } from '../../../src/controller/work-queue.js';
import type { WorkResult } from '../../../src/controller/work-queue.js';
import { FakeClock } from '../../support/fake-clock.js';

interface Started {
  readonly key: string;
  readonly since: Date | undefined;
  readonly end: (result?: WorkResult) => Promise<void>;
}

const done: WorkResult = { outcome: 'done', againAfterMs: 60_000 };
const failed: WorkResult = { outcome: 'failed' };

describe('the work queue', () => {
  let clock: FakeClock;
  let queue: WorkQueue;
  let started: Started[];
  let stop: AbortController;
  let running: Promise<unknown>;

  beforeEach(() => {
    clock = new FakeClock();
    started = [];
    stop = new AbortController();
    queue = new WorkQueue({
      clock,
      random: () => 0,
      work: (key, since) =>
        new Promise((resolve) => {
          const end = async (result: WorkResult = done): Promise<void> => {
            resolve(result);
            await clock.advance(0);
          };
          started.push({ key, since, end });
        }),
    });
    const keys = ['edge', ...Array.from({ length: 10 }, (_, index) => `edge-${index + 1}`)];
    running = Promise.all([queue.run(stop.signal), queue.take(keys, stop.signal)]);
  });

  afterEach(async () => {
    stop.abort();
    for (const { end } of started) await end(failed);
    await running;
    assert.equal(clock.sleeping, 0);
  });

  const keys = (): string[] => started.map(({ key }) => key);
  const last = (): Started => started.at(-1) ?? assert.fail('nothing was started');

  it('answers calls that come together by one run', async () => {
    queue.add('edge');
    await clock.advance(99);
    queue.add('edge');
    queue.add('edge');
    assert.deepEqual(keys(), []);
    await clock.advance(1);
    assert.deepEqual(keys(), ['edge']);
    await last().end();
    await clock.advance(1000);
    assert.deepEqual(keys(), ['edge']);
  });

  it('never works twice at once on a key, and answers a call that came meanwhile by one more run', async () => {
    queue.add('edge');
    await clock.advance(100);
    queue.add('edge');
    queue.add('edge');
    await clock.advance(10_000);
    assert.deepEqual(keys(), ['edge']);
    await last().end();
    assert.deepEqual(keys(), ['edge', 'edge']);
    await last().end();
    await clock.advance(1000);
    assert.deepEqual(keys(), ['edge', 'edge']);
  });

  it('works on several keys at once, but not on a whole fleet', async () => {
    for (let number = 1; number <= 10; number += 1) queue.add(`edge-${number}`);
    await clock.advance(100);
    assert.equal(started.length, 8);
    await started[3]?.end();
    assert.equal(started.length, 9);
    assert.equal(last().key, 'edge-9');
  });

  it('looks again when the time has come, and says that nobody called for it', async () => {
    queue.add('edge');
    await clock.advance(100);
    assert.deepEqual(last().since, new Date('2030-01-01T00:00:00Z'));
    await last().end({ outcome: 'done', againAfterMs: 60_000 });
    await clock.advance(59_999);
    assert.equal(started.length, 1);
    await clock.advance(1);
    assert.equal(started.length, 2);
    assert.equal(last().since, undefined);
  });

  it('tries again what failed, later each time and at most five minutes later', async () => {
    queue.add('edge');
    await clock.advance(100);
    for (const waitMs of [
      1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000,
    ]) {
      const { length } = started;
      await last().end(failed);
      await clock.advance(waitMs - 1);
      assert.equal(started.length, length, `not before ${waitMs} ms`);
      await clock.advance(1);
      assert.equal(started.length, length + 1);
    }
    await last().end();
    queue.add('edge');
    await clock.advance(100);
    await last().end(failed);
    const { length } = started;
    await clock.advance(1000);
    assert.equal(started.length, length + 1, 'a success makes the waits short again');
  });

  it('remembers over failures since when the work is called for', async () => {
    queue.add('edge');
    await clock.advance(100);
    const { since } = last();
    await last().end(failed);
    queue.add('edge');
    await clock.advance(1000);
    assert.deepEqual(last().since, since);
  });

  it('tries again at once when something calls for it', async () => {
    queue.add('edge');
    await clock.advance(100);
    await last().end(failed);
    queue.add('edge');
    await clock.advance(100);
    assert.equal(started.length, 2);
  });

  it('tells what is under way, and turns at least every 30 s', async () => {
    queue.add('edge');
    await clock.advance(100);
    assert.deepEqual([...queue.underWay], [['edge', new Date('2030-01-01T00:00:00.100Z')]]);
    await clock.advance(100_000);
    assert.ok(clock.now().getTime() - queue.turnedAt.getTime() <= 30_000);
    await last().end();
    assert.equal(queue.underWay.size, 0);
  });

  it('ends when the work under way has ended', async () => {
    queue.add('edge');
    await clock.advance(100);
    let isOver = false;
    void running.then(() => (isOver = true));
    stop.abort();
    await clock.advance(0);
    assert.equal(isOver, false);
    await last().end();
    assert.equal(isOver, true);
    queue.add('edge');
    await clock.advance(1000);
    assert.equal(started.length, 1);
  });

  it('does no work on a key that nobody has taken', async () => {
    queue.add('core');
    await clock.advance(1000);
    assert.deepEqual(keys(), []);
  });

  it('gives a key back when its work under way has ended, and goes on with the others', async () => {
    const given = new AbortController();
    let isBack = false;
    const taken = queue.take(['core'], given.signal).then(() => (isBack = true));
    queue.add('core');
    await clock.advance(100);
    given.abort();
    queue.add('core');
    await clock.advance(60_000);
    assert.equal(isBack, false);
    await last().end();
    await taken;
    queue.add('core');
    queue.add('edge');
    await clock.advance(100);
    assert.deepEqual(keys(), ['core', 'edge']);
    await queue.take(['core'], AbortSignal.abort());
  });
});
