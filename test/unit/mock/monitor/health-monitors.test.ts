import { strict as assert } from 'node:assert';
import type { ConfigObject } from '../../../../src/mock/config/configuration.js';
import { parseFullPath } from '../../../../src/mock/config/object-name.js';
import type { ProbeOutcome } from '../../../../src/mock/data-plane/probe.js';
import { HealthMonitors } from '../../../../src/mock/monitor/health-monitors.js';
import { targetKey } from '../../../../src/mock/monitor/monitored-targets.js';
import type { MonitoredTarget, Watch } from '../../../../src/mock/monitor/monitored-targets.js';
import { FakeClock } from '../../../support/fake-clock.js';

const member: ConfigObject = {
  kind: 'ltm/pool/members',
  parent: '/Common/p',
  name: parseFullPath('/Common/10.0.0.1:80'),
  generation: 1,
  own: {},
  secrets: {},
};

const tcp: Watch = {
  monitor: '/Common/tcp',
  probe: { type: 'tcp', address: '10.0.0.1', port: 80, isReversed: false },
  intervalSeconds: 5,
  upIntervalSeconds: 5,
  timeoutSeconds: 16,
};
const other: Watch = { ...tcp, monitor: '/Common/other' };
const target = (watches: readonly Watch[], minimum = watches.length): MonitoredTarget => ({
  key: targetKey(member),
  watches,
  minimum,
});

describe('health monitors', () => {
  let clock: FakeClock;
  let monitors: HealthMonitors;
  let ending: AbortController;
  let changes: number;
  let asked: string[];
  /** What a monitor hears from now on; a promise that never settles is silence. */
  let answers: (port: number) => ProbeOutcome | 'nothing';

  beforeEach(() => {
    clock = new FakeClock('2030-01-01T00:00:00Z');
    ending = new AbortController();
    changes = 0;
    asked = [];
    answers = () => 'up';
    monitors = new HealthMonitors({
      probe: ({ address, port }, signal) => {
        asked.push(`${address}:${port}`);
        const outcome = answers(port);
        if (outcome !== 'nothing') return Promise.resolve(outcome);
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve('silent')));
      },
      clock,
      signal: ending.signal,
      onChange: () => (changes += 1),
    });
  });
  afterEach(async () => {
    ending.abort(new Error('the test is over'));
    await clock.advance(0);
    assert.equal(clock.sleeping, 0, 'nobody sleeps on');
  });

  const state = () => monitors.reportOf(member)?.state;

  it('ask at once and then at each interval', async () => {
    monitors.watch([target([tcp])]);
    assert.equal(state(), 'checking');
    await clock.advance(0);
    assert.equal(state(), 'up');
    assert.equal(changes, 1);
    await clock.advance(4_999);
    assert.equal(asked.length, 1);
    await clock.advance(1);
    assert.equal(asked.length, 2);
    assert.equal(changes, 1, 'nothing new');
  });

  it('take a member that resets for down at once', async () => {
    answers = () => 'refused';
    monitors.watch([target([tcp])]);
    await clock.advance(0);
    assert.deepEqual(monitors.reportOf(member), {
      state: 'down',
      reason: '/Common/tcp: Unable to connect @2030/01/01 00:00:00. ',
    });
    answers = () => 'up';
    await clock.advance(5_000);
    assert.equal(state(), 'up');
  });

  it('take a member that says nothing for down when its timeout is over, and not before', async () => {
    answers = () => 'nothing';
    monitors.watch([target([tcp])]);
    await clock.advance(15_999);
    assert.equal(state(), 'checking');
    await clock.advance(1);
    assert.deepEqual(monitors.reportOf(member), {
      state: 'down',
      reason: '/Common/tcp: No successful responses received before deadline. @2030/01/01 00:00:16. ',
    });
    answers = () => 'up';
    await clock.advance(5_000);
    assert.equal(state(), 'up');
    answers = () => 'silent';
    const since = clock.now().getTime();
    while (state() === 'up') await clock.advance(1_000);
    const heldFor = clock.now().getTime() - since;
    assert.ok(heldFor >= 11_000 && heldFor <= 16_000, `${heldFor} ms after its last answer`);
  });

  it('ask as often as a member that is up deserves', async () => {
    monitors.watch([target([{ ...tcp, upIntervalSeconds: 30 }])]);
    await clock.advance(5_000);
    assert.equal(asked.length, 2, 'the first answer came while it was not up');
    await clock.advance(29_999);
    assert.equal(asked.length, 2);
    await clock.advance(1);
    assert.equal(asked.length, 3);
  });

  it('agree as the rule of the pool demands', async () => {
    const second = {
      ...other,
      probe: { type: 'tcp', address: '10.0.0.1', port: 81, isReversed: false },
    } as const;
    answers = (port) => (port === 80 ? 'up' : 'refused');
    monitors.watch([target([tcp, second])]);
    await clock.advance(0);
    assert.equal(state(), 'down', 'both must say so');
    assert.match(monitors.reportOf(member)?.reason ?? '', /^\/Common\/other: /);
    monitors.watch([target([tcp, second], 1)]);
    assert.equal(state(), 'up', 'one is enough');
  });

  it('go on with what did not change, and forget what is gone', async () => {
    monitors.watch([target([tcp])]);
    await clock.advance(0);
    monitors.watch([target([tcp])]);
    assert.equal(state(), 'up');
    assert.equal(asked.length, 1);
    monitors.watch([target([{ ...tcp, intervalSeconds: 6 }])]);
    assert.equal(state(), 'checking', 'a changed monitor has to see for itself');
    monitors.watch([]);
    assert.equal(monitors.reportOf(member), undefined);
    await clock.advance(60_000);
    assert.equal(asked.length, 2);
  });

  it('leave a member unchecked that only ICMP or UDP looks after', async () => {
    const { probe: _none, ...icmp } = { ...tcp, monitor: '/Common/gateway_icmp' };
    monitors.watch([target([icmp])]);
    assert.equal(state(), 'unchecked');
    monitors.watch([target([icmp, tcp])]);
    await clock.advance(0);
    assert.equal(state(), 'up', 'the other one counts');
  });
});
