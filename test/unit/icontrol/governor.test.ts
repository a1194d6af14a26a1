import assert from 'node:assert/strict';
import { Governor } from '../../../src/icontrol/governor.js';
import { FakeClock } from '../../support/fake-clock.js';

/** Observes reads of one path and gives the pause after them. */
function read(governor: Governor, path: string, ms: number, times = 1): number {
  for (let time = 0; time < times; time += 1) governor.observe(200, { path, ms });
  return governor.pauseMs;
}

describe('Governor', () => {
  it('lets one request through at a time, in their order', async () => {
    const governor = new Governor(new FakeClock());
    const log: string[] = [];
    const task = (name: string) => async (): Promise<void> => {
      log.push(`${name} starts`);
      await new Promise((resolve) => setImmediate(resolve));
      log.push(`${name} ends`);
    };
    await Promise.all(['a', 'b'].map((name) => governor.run(task(name))));
    assert.deepEqual(log, ['a starts', 'a ends', 'b starts', 'b ends']);
  });

  it('goes on after a request that failed', async () => {
    const governor = new Governor(new FakeClock());
    const failing = governor.run(() => Promise.reject(new Error('no')));
    const next = governor.run(() => Promise.resolve('yes'));
    await assert.rejects(failing, { message: 'no' });
    assert.equal(await next, 'yes');
  });

  it('never starts a request whose caller has gone', async () => {
    const governor = new Governor(new FakeClock());
    const stop = new AbortController();
    stop.abort(new Error('gone'));
    let started = false;
    const run = governor.run(() => Promise.resolve((started = true)), stop.signal);
    await assert.rejects(run, { message: 'gone' });
    assert.equal(started, false);
  });

  it('pauses after a 503, longer after each further one, and recovers', () => {
    const governor = new Governor(new FakeClock());
    const pauses = [503, 503, 503, 503, 503, 200, 200, 200, 200, 200, 200].map((status) => {
      governor.observe(status);
      return governor.pauseMs;
    });
    assert.deepEqual(pauses, [1000, 2000, 4000, 5000, 5000, 2500, 1250, 625, 312.5, 156.25, 0]);
  });

  it('waits out the pause by the clock before it starts the next request', async () => {
    const clock = new FakeClock();
    const governor = new Governor(clock);
    governor.observe(503);
    let started = false;
    const run = governor.run(() => Promise.resolve((started = true)));
    await clock.advance(0);
    await clock.advance(999);
    assert.equal(started, false);
    await clock.advance(1);
    await run;
    assert.equal(started, true);
  });

  it('slows down when reading takes twice as long as it used to, and not for a single slow answer', () => {
    const governor = new Governor(new FakeClock());
    assert.equal(read(governor, '/pool', 100, 50), 0);
    assert.equal(read(governor, '/pool', 350), 0);
    assert.equal(read(governor, '/pool', 100, 5), 0);
    assert.equal(read(governor, '/pool', 400, 5) >= 200, true);
    assert.equal(read(governor, '/pool', 100, 20), 0);
  });

  it('recovers over writes, of which it is not known how long they should take', () => {
    const governor = new Governor(new FakeClock());
    read(governor, '/pool', 100, 50);
    read(governor, '/pool', 900, 20);
    assert.equal(governor.pauseMs, 1000);
    for (let write = 0; write < 6; write += 1) governor.observe(200);
    assert.equal(governor.pauseMs, 0);
  });

  it('does not take a read that is dear by its nature for a slow device', () => {
    const governor = new Governor(new FakeClock());
    for (let round = 0; round < 10; round += 1) {
      assert.equal(read(governor, '/version', 20), 0);
      assert.equal(read(governor, '/virtual', 900), 0);
    }
  });

  it('ignores noise on a fast device', () => {
    const governor = new Governor(new FakeClock());
    for (const ms of [1, 1, 1, 20, 40, 150, 190]) assert.equal(read(governor, '/pool', ms), 0);
  });

  it('pauses no more once the agent ends', async () => {
    const governor = new Governor(new FakeClock());
    governor.observe(503);
    governor.release();
    assert.equal(await governor.run(() => Promise.resolve('done')), 'done');
  });
});
