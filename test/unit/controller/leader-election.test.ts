import { strict as assert } from 'node:assert';

import { LeaderElection } from '../../../src/controller/leader-election.js';
import { KubeClient } from '../../../src/kube/client.js';
import { kinds } from '../../../src/kube/kinds.js';
import { silentLogger } from '../../../src/log.js';
import { FakeClock } from '../../support/fake-clock.js';
import { startDouble } from '../../support/kube-api.js';
import { until } from '../../support/until.js';

const lease = { namespace: 'default', name: 'bigip-mesh-agent' };

/** One replica, with a clock of its own. */
class Replica {
  readonly clock = new FakeClock();
  readonly stop = new AbortController();
  readonly kube: KubeClient;
  readonly election: LeaderElection;
  readonly running: Promise<void>;
  /** How often it began to lead, and how often it ended. */
  began = 0;
  ended = 0;
  requests = 0;

  constructor(holder: string, kubeconfigFile: string) {
    this.kube = new KubeClient({ path: kubeconfigFile, clock: this.clock });
    const { kube } = this;
    this.election = new LeaderElection({
      kube: {
        get: (...call) => this.#counted(kube.get(...call)),
        create: (...call) => this.#counted(kube.create(...call)),
        replace: (...call) => this.#counted(kube.replace(...call)),
      },
      lease,
      holder,
      clock: this.clock,
      random: () => 0,
      logger: silentLogger(),
    });
    this.running = this.election.run(this.stop.signal, async (signal) => {
      this.began += 1;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      this.ended += 1;
    });
  }

  get leads(): boolean {
    return this.began > this.ended;
  }

  /** Whether it waits, and for no answer. */
  get isIdle(): boolean {
    return this.requests === 0 && this.clock.sleeping === 1;
  }

  async #counted<T>(call: Promise<T>): Promise<T> {
    this.requests += 1;
    try {
      return await call;
    } finally {
      this.requests -= 1;
    }
  }

  async close(): Promise<void> {
    this.stop.abort(new Error('the test is over'));
    await this.running;
    assert.equal(this.clock.sleeping, 0);
    await this.kube.close();
  }
}

describe('leader election', () => {
  let api: Awaited<ReturnType<typeof startDouble>>;
  let first: Replica;
  let second: Replica | undefined;

  beforeEach(async () => {
    api = await startDouble();
    first = new Replica('first', api.kubeconfigFile);
    await until(() => first.leads);
    second = undefined;
  });
  afterEach(async () => {
    await first.close();
    await second?.close();
    await api.close();
  });

  const spec = async (): Promise<Record<string, unknown>> => {
    const object = await api.kube.get({ kind: kinds.lease, ...lease });
    return (object?.['spec'] ?? {}) as Record<string, unknown>;
  };
  const leaseRequests = (): number =>
    api.double.requests.filter(({ path }) => path.includes('/leases')).length;
  const idle = (replica: Replica): Promise<void> => until(() => replica.isIdle);
  const joins = async (): Promise<Replica> => {
    const before = leaseRequests();
    const replica = new Replica('second', api.kubeconfigFile);
    await until(() => leaseRequests() > before);
    await idle(replica);
    return replica;
  };
  const advance = async (replica: Replica, totalMs: number): Promise<void> => {
    for (let ms = 0; ms < totalMs; ms += 1000) {
      await replica.clock.advance(1000);
      await idle(replica);
    }
  };

  it('writes down who leads, since when, and for how long that holds', async () => {
    assert.deepEqual(await spec(), {
      holderIdentity: 'first',
      leaseDurationSeconds: 15,
      acquireTime: '2030-01-01T00:00:00.000000Z',
      renewTime: '2030-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    });
    await idle(first);
    await first.clock.advance(2000);
    await idle(first);
    assert.equal((await spec())['renewTime'], '2030-01-01T00:00:02.000000Z');
    assert.ok(first.election.isLeader);
  });

  it('lets a second replica wait while the first one renews', async () => {
    second = await joins();
    for (let round = 0; round < 20; round += 1) {
      await advance(first, 2000);
      await advance(second, 2000);
    }
    assert.equal(second.began, 0);
    assert.equal(second.election.leader, 'first');
    assert.equal(first.ended, 0);
  });

  it('replaces a leader that is gone after 15 s without a renewal, and not before', async () => {
    second = await joins();
    // The first one's clock stands still: it is paused, and does not know.
    await advance(second, 14_000);
    assert.equal(second.began, 0);
    await second.clock.advance(2000);
    await until(() => second?.leads === true);
    assert.equal((await spec())['holderIdentity'], 'second');
    assert.equal((await spec())['leaseTransitions'], 1);
  });

  it('ends the leadership of a paused replica as soon as it goes on', async () => {
    second = await joins();
    await advance(second, 14_000);
    await second.clock.advance(2000);
    await until(() => second?.leads === true);
    assert.ok(first.election.isLeader, 'by its own clock no time has passed');
    await first.clock.advance(16_000);
    assert.equal(first.election.isLeader, false);
    await until(() => first.ended === 1);
    await idle(first);
    assert.equal((await spec())['holderIdentity'], 'second');
  });

  it('stops leading 10 s after the last renewal when the API server is away, and leads again after', async () => {
    await idle(first);
    const takeBack = api.double.inject({ action: { kind: 'status', code: 503 } });
    await advance(first, 9000);
    assert.ok(first.leads);
    await first.clock.advance(1000);
    await until(() => first.ended === 1);
    assert.equal(first.election.isLeader, false);
    takeBack();
    await idle(first);
    await first.clock.advance(2000);
    await until(() => first.began === 2);
    assert.equal((await spec())['leaseTransitions'], 0);
  });

  it('stops leading in time when the API server does not answer at all', async () => {
    await idle(first);
    const takeBack = api.double.inject({ action: { kind: 'silence' } });
    for (let ms = 0; ms < 10_000; ms += 500) {
      assert.ok(first.leads, `${ms} ms`);
      await first.clock.advance(500);
    }
    await until(() => first.ended === 1);
    takeBack();
    api.double.dropConnections();
  });

  it('releases the Lease at the end, so that the next one need not wait', async () => {
    second = await joins();
    first.stop.abort(new Error('SIGTERM'));
    await first.running;
    assert.equal((await spec())['holderIdentity'], '');
    await second.clock.advance(2000);
    await until(() => second?.leads === true);
    assert.equal(second.clock.now().toISOString(), '2030-01-01T00:00:02.000Z');
  });

  it('does not release what another one holds', async () => {
    second = await joins();
    await advance(second, 14_000);
    await second.clock.advance(2000);
    await until(() => second?.leads === true);
    first.stop.abort(new Error('SIGTERM'));
    await first.running;
    assert.equal((await spec())['holderIdentity'], 'second');
  });

  it('lets one of two win who try at the same moment', async () => {
    await first.close();
    const both = [new Replica('a', api.kubeconfigFile), new Replica('b', api.kubeconfigFile)] as const;
    await until(() => both.some(({ leads }) => leads));
    await until(() => both.every(({ isIdle }) => isIdle));
    assert.equal(both.filter(({ began }) => began === 1).length, 1);
    [first, second] = both;
  });
});
