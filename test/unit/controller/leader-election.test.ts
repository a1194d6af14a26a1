import { strict as assert } from 'node:assert';
import { deviceLeaseName } from '../../../src/controller/lease-names.js';
import { LeaderElection } from '../../../src/controller/leader-election.js';
import { AgentError } from '../../../src/errors.js';
import { KubeClient } from '../../../src/kube/client.js';
import { kinds } from '../../../src/kube/kinds.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { createLogger } from '../../../src/log.js';
import { FakeClock } from '../../support/fake-clock.js';
import { startDouble } from '../../support/kube-api.js';
import { until } from '../../support/until.js';

const namespace = 'default';

/** One replica, with a clock of its own. */
class Replica {
  readonly clock = new FakeClock();
  readonly stop = new AbortController();
  readonly kube: KubeClient;
  readonly election: LeaderElection;
  readonly running: Promise<void>;
  /** What it leads now. */
  readonly leading = new Set<string>();
  /** How often it began to lead something. */
  began = 0;
  requests = 0;
  readonly warnings: string[] = [];
  /** What it became to its devices, in order. */
  readonly standings: string[] = [];
  /** Whether the API server is away, for this replica alone. */
  isCutOff = false;
  /** What `lead` waits for after its signal aborted. */
  lastWork: Promise<void> = Promise.resolve();

  constructor(holder: string, kubeconfigFile: string, devices: readonly string[] = ['edge']) {
    this.kube = new KubeClient({ path: kubeconfigFile, clock: this.clock });
    const { kube } = this;
    this.election = new LeaderElection({
      kube: {
        list: (...call) => this.#counted(() => kube.list(...call)),
        create: (...call) => this.#counted(() => kube.create(...call)),
        replace: (...call) => this.#counted(() => kube.replace(...call)),
        delete: (...call) => this.#counted(() => kube.delete(...call)),
      },
      namespace,
      devices,
      holder,
      clock: this.clock,
      random: () => 0,
      logger: createLogger('warn', { write: (line) => void this.warnings.push(line) }),
      onChange: (_device, standing) => this.standings.push(standing),
    });
    this.running = this.election.run(this.stop.signal, async (device, signal) => {
      this.began += 1;
      this.leading.add(device);
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      await this.lastWork;
      this.leading.delete(device);
    });
  }

  get leads(): boolean {
    return this.leading.size > 0;
  }

  /** Whether it waits, and for no answer: the loop, and a guard on each Lease that it holds. */
  get isIdle(): boolean {
    return this.requests === 0 && this.clock.sleeping === 1 + this.leading.size;
  }

  async #counted<T>(call: () => Promise<T>): Promise<T> {
    if (this.isCutOff) throw new AgentError('MESH_ERR_KUBE_UNREACHABLE', 'it is away', 'wait');
    this.requests += 1;
    try {
      return await call();
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

describe('leader election', function () {
  this.timeout(20_000);
  let api: Awaited<ReturnType<typeof startDouble>>;
  let replicas: Replica[];

  beforeEach(async () => {
    api = await startDouble();
    replicas = [];
  });
  afterEach(async () => {
    for (const replica of replicas) await replica.close();
    await api.close();
  });

  const leases = async (): Promise<readonly KubeObject[]> =>
    (await api.kube.list(kinds.lease, { namespace })).items;
  const spec = async (device = 'edge'): Promise<Record<string, unknown>> => {
    const object = await api.kube.get({ kind: kinds.lease, namespace, name: deviceLeaseName(device) });
    return (object?.['spec'] ?? {}) as Record<string, unknown>;
  };
  const idle = (replica: Replica): Promise<void> => until(() => replica.isIdle);
  const joins = async (holder: string, devices?: readonly string[]): Promise<Replica> => {
    const replica = new Replica(holder, api.kubeconfigFile, devices);
    replicas.push(replica);
    await until(() => replica.election.leaderless !== undefined);
    await idle(replica);
    return replica;
  };
  /** Time passes for these replicas together. */
  const advance = async (together: readonly Replica[], totalMs: number): Promise<void> => {
    for (let ms = 0; ms < totalMs; ms += 500) {
      for (const replica of together) {
        await replica.clock.advance(500);
        await idle(replica);
      }
    }
  };

  describe('of one device', () => {
    let first: Replica;

    beforeEach(async () => {
      first = await joins('first');
      assert.ok(first.leads);
    });

    it('writes down who leads, since when, and for how long that holds', async () => {
      assert.deepEqual(await spec(), {
        holderIdentity: 'first',
        leaseDurationSeconds: 15,
        acquireTime: '2030-01-01T00:00:00.000000Z',
        renewTime: '2030-01-01T00:00:00.000000Z',
        leaseTransitions: 0,
      });
      await advance([first], 2000);
      assert.equal((await spec())['renewTime'], '2030-01-01T00:00:02.000000Z');
      assert.ok(first.election.isLeader('edge'));
    });

    it('lets a second replica wait while the first one renews', async () => {
      const second = await joins('second');
      await advance([first, second], 40_000);
      assert.equal(second.began, 0);
      assert.deepEqual(second.election.leaderless, []);
      assert.equal(first.began, 1);
      assert.ok(first.leads);
    });

    it('replaces a leader that is gone after 15 s without a renewal, and not before', async () => {
      const second = await joins('second');
      // The first one's clock stands still: it is paused, and does not know.
      await advance([second], 14_500);
      assert.equal(second.began, 0);
      await advance([second], 500);
      assert.ok(second.leads);
      assert.equal((await spec())['holderIdentity'], 'second');
      assert.equal((await spec())['leaseTransitions'], 1);
    });

    it('ends the leadership of a paused replica as soon as it goes on and sees who leads', async () => {
      const second = await joins('second');
      await advance([second], 15_000);
      assert.ok(second.leads);
      assert.ok(first.election.isLeader('edge'), 'by its own clock no time has passed');
      await first.clock.advance(16_000);
      assert.equal(first.election.isLeader('edge'), false);
      await until(() => first.requests === 0);
      await first.clock.advance(2000);
      await until(() => !first.leads);
      await idle(first);
      assert.equal((await spec())['holderIdentity'], 'second');
    });

    for (const code of [503, 401]) {
      it(`holds on from 10 s after the last renewal while the API server answers ${code}, and leads again after`, async () => {
        const takeBack = api.double.inject({ action: { kind: 'status', code } });
        await advance([first], 9500);
        assert.equal(first.election.standing('edge'), 'leads');
        await advance([first], 500);
        assert.equal(first.election.standing('edge'), 'holds on');
        assert.equal(first.election.isLeader('edge'), false);
        await advance([first], 600_000);
        assert.deepEqual(first.election.leaderless, [], 'somebody looks after it');
        takeBack();
        await advance([first], 2500);
        assert.deepEqual(first.standings, ['leads', 'holds on', 'leads']);
        assert.equal(first.began, 1, 'it went on with the same work');
        assert.equal((await spec())['leaseTransitions'], 0);
      });
    }

    it('does not hold on where the API server answers, and says no', async () => {
      const takeBack = api.double.inject({ action: { kind: 'status', code: 403 } });
      await advance([first], 9500);
      await first.clock.advance(500);
      await until(() => !first.leads);
      assert.deepEqual(first.standings, ['leads', 'stands by']);
      takeBack();
      await idle(first);
    });

    it('stops what it holds on to when it sees another one in the Lease, and begins anew when it has it again', async () => {
      const second = await joins('second');
      first.isCutOff = true;
      await advance([first, second], 14_500);
      assert.equal(first.election.standing('edge'), 'holds on');
      await advance([first, second], 1000);
      assert.equal(second.election.standing('edge'), 'leads');
      assert.equal(
        first.election.standing('edge'),
        'holds on',
        'nobody can tell it; the fence on the device does',
      );
      first.isCutOff = false;
      await first.clock.advance(2500);
      await until(() => !first.leads);
      assert.equal(first.election.standing('edge'), 'stands by');
      await idle(first);
      await second.close();
      replicas.pop();
      await advance([first], 2500);
      assert.equal(first.began, 2);
    });

    it('never holds on to what it did not lead: of two that are cut off one writes', async () => {
      const second = await joins('second');
      first.isCutOff = true;
      second.isCutOff = true;
      await advance([first, second], 60_000);
      assert.equal(first.election.standing('edge'), 'holds on');
      assert.equal(second.election.standing('edge'), 'stands by');
      assert.equal(second.began, 0);
      first.isCutOff = false;
      second.isCutOff = false;
      await advance([first, second], 3000);
      assert.equal([first, second].filter(({ election }) => election.isLeader('edge')).length, 1);
    });

    it('stops for good what it gave up, until it has the Lease again', async () => {
      first.isCutOff = true;
      await advance([first], 11_000);
      first.election.giveUp('edge');
      await until(() => !first.leads);
      await advance([first], 60_000);
      assert.equal(first.election.standing('edge'), 'stands by');
      first.isCutOff = false;
      await advance([first], 2500);
      assert.equal(first.election.standing('edge'), 'leads');
      assert.equal(first.began, 2);
    });

    it('says once why the Leases cannot be had, and once that it holds on, however long that lasts', async () => {
      const takeBack = api.double.inject({ action: { kind: 'disconnect' } });
      await until(() => first.requests === 0);
      for (let ms = 0; ms < 600_000; ms += 10_000) {
        await first.clock.advance(10_000);
        await until(() => first.requests === 0);
      }
      assert.equal(first.warnings.length, 2);
      assert.equal(first.warnings.filter((line) => line.includes('MESH_ERR_KUBE_UNREACHABLE')).length, 1);
      assert.equal(first.warnings.filter((line) => line.includes('holds on')).length, 1);
      takeBack();
      await advance([first], 2000);
      assert.ok(first.leads);
    });

    it('stops leading in time when the API server does not answer at all', async () => {
      const takeBack = api.double.inject({ action: { kind: 'silence' } });
      for (let ms = 0; ms < 10_000; ms += 500) {
        assert.equal(first.election.standing('edge'), 'leads', `${ms} ms`);
        await first.clock.advance(500);
      }
      await until(() => first.election.standing('edge') === 'holds on');
      takeBack();
      api.double.dropConnections();
    });

    it('releases its Leases at the end, so that the next one need not wait', async () => {
      const second = await joins('second');
      await first.close();
      assert.equal((await spec())['holderIdentity'], '');
      await advance([second], 2000);
      assert.ok(second.leads);
      assert.equal((await leases()).length, 2, 'the device, and the replica that is there');
      replicas.shift();
    });

    it('keeps others waiting while what was under way ends', async () => {
      const second = await joins('second');
      let end = (): void => undefined;
      first.lastWork = new Promise((resolve) => {
        end = resolve;
      });
      first.stop.abort(new Error('SIGTERM'));
      await until(() => first.clock.sleeping === 2);
      for (let ms = 0; ms < 20_000; ms += 500) {
        await first.clock.advance(500);
        await until(() => first.requests === 0);
        await second.clock.advance(500);
        await idle(second);
      }
      assert.equal(second.began, 0);
      end();
      await first.running;
      await advance([second], 2000);
      assert.ok(second.leads);
    });

    it('does not release what another one holds', async () => {
      const second = await joins('second');
      await advance([second], 15_000);
      assert.ok(second.leads);
      await first.close();
      replicas.shift();
      assert.equal((await spec())['holderIdentity'], 'second');
    });

    it('lets one of two win who try at the same moment', async () => {
      await first.close();
      replicas = [new Replica('a', api.kubeconfigFile), new Replica('b', api.kubeconfigFile)];
      await until(() => replicas.some(({ leads }) => leads) && replicas.every(({ isIdle }) => isIdle));
      assert.equal(replicas.filter(({ began }) => began === 1).length, 1);
    });

    it('removes the Lease of a replica that is long gone', async () => {
      const second = await joins('second');
      await advance([second], 5000);
      await advance([first], 5000);
      assert.equal((await leases()).length, 3);
      await advance([first], 320_000);
      assert.equal((await leases()).length, 2);
      await second.clock.advance(0);
    });
  });

  describe('of several devices', () => {
    const devices = ['a', 'b', 'c', 'd', 'e'];

    it('shares them out evenly as replicas come, and nobody leads one twice', async () => {
      const first = await joins('first', devices);
      assert.equal(first.leading.size, 5, 'alone it leads everything');
      const second = await joins('second', devices);
      await advance([first, second], 6000);
      assert.deepEqual([first.leading.size, second.leading.size], [3, 2]);
      const third = await joins('third', devices);
      await advance([first, second, third], 8000);
      const counts = replicas.map(({ leading }) => leading.size);
      assert.deepEqual(
        counts.toSorted((a, b) => a - b),
        [1, 2, 2],
      );
      assert.equal(new Set(replicas.flatMap(({ leading }) => [...leading])).size, 5);
    });

    it('gives the devices of one that is gone to the others after 15 s, all of them', async () => {
      const first = await joins('first', devices);
      const second = await joins('second', devices);
      await advance([first, second], 6000);
      await advance([second], 18_000);
      assert.deepEqual([...second.leading].toSorted(), devices);
    });

    it('gives the devices of one that stops to the others at once', async () => {
      const first = await joins('first', devices);
      const second = await joins('second', devices);
      await advance([first, second], 6000);
      await first.close();
      replicas.shift();
      await advance([second], 2000);
      assert.deepEqual([...second.leading].toSorted(), devices);
    });

    it('leaves no device alone whose share goes to a replica that does not know it', async () => {
      // Its config file is an older one.
      const old = await joins('old', ['a']);
      const replica = await joins('new', ['a', 'b', 'c']);
      await advance([old, replica], 20_000);
      assert.deepEqual([...old.leading, ...replica.leading].toSorted(), ['a', 'b', 'c']);
    });
  });
});
