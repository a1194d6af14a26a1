import { strict as assert } from 'node:assert';

import { deviceLeaseName } from '../../../src/controller/lease-names.js';
import { badCallerId, goodCallerId } from '../../../src/demo/surroundings.js';
import { kinds } from '../../../src/kube/kinds.js';
import { PausableClock } from '../../support/pausable-clock.js';
import { until } from '../../support/until.js';
import { ControllerBed } from './controller-bed.js';
import { DeviceLine } from '../../support/device-line.js';

describe('two replicas of the controller', function () {
  // On a busy machine the mock looks like a device that slows down, and the client then spares it.
  this.timeout(120_000);
  let bed: ControllerBed;

  beforeEach(async () => {
    bed = await ControllerBed.start();
    await bed.edit('ping', { allow: goodCallerId });
  });
  afterEach(() => bed.close());

  it('write one at a time: the one that stands by sends the device nothing', async () => {
    const first = await bed.startReplica({ holder: 'first' });
    await first.when(({ syncedAt }) => syncedAt !== undefined);
    const second = await bed.startReplica({ holder: 'second' });
    await until(() => second.controller.ready().length === 0);
    const done = first.next();
    await bed.edit('echo', { allow: badCallerId });
    await done;
    assert.match(await first.metrics.render(), /^bigip_mesh_leader\{device="edge"\} 1$/m);
    assert.match(await second.metrics.render(), /^bigip_mesh_leader\{device="edge"\} 0$/m);
    assert.doesNotMatch(await second.metrics.render(), /^bigip_mesh_device_requests_total\{/m);
  });

  it('take over at once from one that stops, and that changes nothing on the device', async () => {
    const first = await bed.startReplica({ holder: 'first' });
    await first.when(({ syncedAt }) => syncedAt !== undefined);
    const second = await bed.startReplica({ holder: 'second' });
    await until(() => second.controller.ready().length === 0);
    await first.stop();
    bed.scenario.bigIp.forgetRequests();
    await second.when(({ syncedAt }) => syncedAt !== undefined);
    assert.deepEqual(bed.deviceWrites, ['POST /mgmt/tm/sys/config']);
  });

  it('cannot undo by a paused leader what the new one did', async () => {
    const { bigIp, kubeApi } = bed.scenario;
    const line = await DeviceLine.to(bigIp.url);
    const kubeLine = await DeviceLine.to(kubeApi.url);
    const pausedClock = new PausableClock();
    const otherClock = new PausableClock();
    const stage = stages();
    try {
      const lines = { deviceUrl: line.url, kubeUrl: kubeLine.url };
      const paused = await bed.startReplica({ holder: 'paused', clock: pausedClock, ...lines });
      await stage(
        'the first one brings the device in line',
        paused.when(({ syncedAt }) => syncedAt !== undefined),
      );
      const other = await bed.startReplica({ holder: 'other', clock: otherClock });
      await stage(
        'the other one stands by',
        until(() => other.controller.ready().length === 0),
      );

      // It has read the device, and is about to let a caller in, when it is paused: its lines and its clock stand still.
      bigIp.forgetRequests();
      const isOpened = (): boolean => bigIp.requests.some(({ path }) => path === '/mgmt/tm/transaction');
      const stopped = line.stopWhen(isOpened);
      await bed.edit('echo', { allow: `${goodCallerId}\n${badCallerId}` });
      await stage('the first one opens a transaction', stopped);
      kubeLine.stop();
      pausedClock.stop();

      // The operator changes his mind, and the other replica takes over.
      await bed.edit('echo', { allow: goodCallerId, deny: badCallerId });
      // It has seen the last renewal of the paused one, which may have been under way, before its time goes on. Time
      // that goes on while it takes the Lease would cost it the Lease at once.
      await stage('the other one looks at the Leases twice', looksAtLeases(2));
      otherClock.moveOn(16_000);
      await stage(
        'the other one brings the device in line',
        other.when(({ syncedAt }) => syncedAt !== undefined),
      );
      assert.equal(await leader(), 'other');
      assert.equal(await bed.call('echo', badCallerId), 'refused');

      // It was past every look at its clock: what is left of its transaction goes out, and the fence refuses it.
      const { length } = bigIp.requests;
      line.goOn();
      const commits = () => bigIp.requests.slice(length).filter(isCommit);
      await stage(
        'the device refuses the paused one',
        until(() => commits().some(({ status }) => status >= 400)),
      );
      assert.ok(commits().every(({ status }) => status >= 400));
      assert.equal(await bed.call('echo', badCallerId), 'refused');
    } finally {
      line.close();
      kubeLine.close();
    }
  });

  /** Names what was waited for in vain, a little before the limit of the whole test. */
  function stages(): <T>(what: string, work: Promise<T>) => Promise<T> {
    const limit = AbortSignal.timeout(110_000);
    const tooLate = (what: string): Promise<never> =>
      new Promise((_resolve, reject) => {
        limit.addEventListener('abort', () => reject(new Error(`waited for in vain: ${what}`)));
      });
    return (what, work) => Promise.race([work, tooLate(what)]);
  }

  /** Resolves when that many lists of the Leases were asked for from now on. */
  function looksAtLeases(times: number): Promise<void> {
    return new Promise((resolve) => {
      let looks = 0;
      const end = bed.scenario.kubeApi.inject({
        action: { kind: 'disconnect' },
        matches: ({ method, path }) => {
          if (method === 'GET' && path.endsWith('/namespaces/mesh-edge/leases')) looks += 1;
          if (looks === times) {
            end();
            resolve();
          }
          return false;
        },
      });
    });
  }

  const isCommit = ({ method, path }: { readonly method: string; readonly path: string }): boolean =>
    method === 'PATCH' && path.startsWith('/mgmt/tm/transaction/');

  async function leader(): Promise<string> {
    const ref = { kind: kinds.lease, namespace: 'mesh-edge', name: deviceLeaseName('edge') };
    const lease = await bed.scenario.kube.get(ref);
    return lease === undefined ? '' : (lease['spec'] as { holderIdentity: string }).holderIdentity;
  }

  it('do not write after a pause that was too long, even if nobody else did', async () => {
    const { bigIp } = bed.scenario;
    const line = await DeviceLine.to(bigIp.url);
    const clock = new PausableClock();
    try {
      const replica = await bed.startReplica({ clock, deviceUrl: line.url });
      await replica.when(({ syncedAt }) => syncedAt !== undefined);
      bigIp.forgetRequests();
      const stopped = line.stopWhen(() => bigIp.requests.length > 0);
      await bed.edit('echo', { allow: badCallerId });
      await stopped;
      clock.moveOn(11_000);
      line.goOn();
      await until(async () =>
        (await replica.metrics.render()).includes('bigip_mesh_leader{device="edge"} 0'),
      );
      assert.deepEqual(bed.deviceWrites, []);
    } finally {
      line.close();
    }
  });

  it('say of a reconcile that does not end that they should be started anew', async () => {
    const { bigIp } = bed.scenario;
    const line = await DeviceLine.to(bigIp.url);
    const clock = new PausableClock();
    try {
      const replica = await bed.startReplica({ clock, deviceUrl: line.url });
      await replica.when(({ syncedAt }) => syncedAt !== undefined);
      bigIp.forgetRequests();
      const stopped = line.stopWhen(() => bigIp.requests.length > 0);
      await bed.edit('echo', { allow: badCallerId });
      await stopped;
      assert.deepEqual(replica.controller.live(), []);
      clock.moveOn(15 * 60_000 + 1);
      assert.ok(replica.controller.live().includes('the reconcile of edge does not end'));
    } finally {
      line.close();
    }
  });
});
