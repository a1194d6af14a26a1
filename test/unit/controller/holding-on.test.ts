import { strict as assert } from 'node:assert';

import { systemClock } from '../../../src/clock.js';
import type { Clock } from '../../../src/clock.js';
import type { FaultAction } from '../../../src/demo/kube-api/faults.js';
import { badCallerId, goodCallerId } from '../../../src/demo/surroundings.js';
import type { IControlClient } from '../../../src/icontrol/client.js';
import { resourcePath } from '../../../src/icontrol/resource-path.js';
import { createLogger } from '../../../src/log.js';
import { serviceNames, ledgerName } from '../../../src/reconcile/names.js';
import { until } from '../../support/until.js';
import { ControllerBed, serviceOf } from './controller-bed.js';
import type { Replica } from './controller-bed.js';

/** Ten minutes are two seconds; a Lease lasts long enough for a busy machine. */
const haste = 300;
const leaseDurationMs = 180_000;
const outageMs = 600_000;

function hastyClock(): Clock {
  const startedMs = Date.now();
  return {
    now: () => new Date(startedMs + (Date.now() - startedMs) * haste),
    sleep: (ms, signal) => systemClock.sleep(ms / haste, signal),
  };
}

const dataGroup = (name: string): string =>
  resourcePath('ltm/data-group/internal', { partition: 'mesh', name });
const pool = resourcePath('ltm/pool', { partition: 'mesh', name: serviceNames('echo').pool });

async function records(client: IControlClient, name: string): Promise<{ name: string; data: string }[]> {
  const read = await client.resources.get(dataGroup(name));
  return (read?.['records'] ?? []) as { name: string; data: string }[];
}

describe('a controller that led when the API server went away for ten minutes', function () {
  this.timeout(60_000);
  let bed: ControllerBed;
  let clock: Clock;
  let one: Replica;
  let logged: string[];
  let takeBack: () => void;

  beforeEach(async () => {
    bed = await ControllerBed.start();
    await bed.edit('ping', { allow: goodCallerId });
    clock = hastyClock();
    logged = [];
    const logger = createLogger('info', { write: (line) => void logged.push(line) });
    one = await bed.startReplica({ holder: 'one', clock, leaseDurationMs, logger });
    await one.when(({ syncedAt }) => syncedAt !== undefined);
  });
  afterEach(() => {
    takeBack();
    return bed.close();
  });

  /** For every client but the person who edits the allowlist of `echo`. */
  const goAway = (action: FaultAction): void => {
    const { kubeApi } = bed.scenario;
    takeBack = kubeApi.inject({ action, matches: ({ path }) => !path.endsWith('/configmaps/echo-callers') });
    kubeApi.endWatches();
  };
  const says = async (replica: Replica, line: string): Promise<boolean> =>
    (await replica.metrics.render()).includes(line);
  const holdsOn = (replica: Replica): Promise<boolean> =>
    says(replica, 'bigip_mesh_holding_on{device="edge"} 1');
  const leads = (replica: Replica): Promise<boolean> => says(replica, 'bigip_mesh_leader{device="edge"} 1');
  const count = (text: string): number => logged.filter((line) => line.includes(text)).length;

  const sights: ReadonlyArray<[string, FaultAction]> = [
    ['cannot be reached', { kind: 'disconnect' }],
    ['refuses its token', { kind: 'status', code: 401 }],
  ];
  for (const [sight, action] of sights) {
    it(`puts drift back while it ${sight}, adds and deletes nothing, says so once, and catches up after`, async () => {
      const two = await bed.startReplica({ holder: 'two', clock, leaseDurationMs });
      await until(() => two.controller.ready().length === 0);
      logged.length = 0;
      const beganMs = clock.now().getTime();
      goAway(action);
      await until(() => holdsOn(one));
      assert.equal(await leads(one), false);
      bed.scenario.bigIp.forgetRequests();

      // By hand: a caller more, a caller less, a pool that asks nobody.
      const { allow } = serviceNames('echo');
      await bed.byHand(async (client) => {
        const before = await records(client, allow);
        await client.resources.modify(dataGroup(allow), {
          records: [...before, { name: badCallerId, data: 'allow' }],
        });
        await client.resources.modify(dataGroup(serviceNames('ping').allow), { records: [] });
        await client.resources.modify(pool, { monitor: 'none' });
      });
      // Nobody hears of this one before the end.
      await bed.edit('echo', { allow: `${goodCallerId}\nspiffe://cluster.local/ns/late/sa/late` });

      await until(async () => (await bed.call('echo', badCallerId)) === 'refused');
      await until(() => says(one, 'bigip_mesh_drift_repaired_total{device="edge",kind="ltm/pool"} 1'));
      assert.equal(await bed.call('echo', goodCallerId), 'answered');
      assert.equal(await bed.call('ping', goodCallerId), 'refused', 'nobody is added');
      await until(() => clock.now().getTime() - beganMs >= outageMs);
      assert.ok(await holdsOn(one));
      assert.deepEqual(one.controller.ready(), []);
      assert.equal(one.controller.notes().length, 1);
      assert.equal(await holdsOn(two), false, 'it never led');
      assert.equal(await says(two, 'bigip_mesh_device_requests_total{'), false);
      const deleted = bed.scenario.bigIp.requests.filter(
        ({ method, path }) => method === 'DELETE' && /^\/mgmt\/tm\/(?:ltm|sys\/file|auth)\//.test(path),
      );
      assert.deepEqual(deleted, []);
      assert.equal(count('the Leases cannot be had'), 1);
      assert.equal(count('holds on'), 1);
      assert.equal(count('cannot be written'), 0, 'neither the status nor an Event is tried');

      takeBack();
      const both = [one, two];
      await until(async () => (await Promise.all(both.map(leads))).includes(true));
      const leader = (await leads(one)) ? one : two;
      await leader.when((status) => serviceOf(status, 'echo').allowlist?.allow === 2);
      await until(async () => (await bed.call('ping', goodCallerId)) === 'answered');
      assert.equal(await bed.call('echo', badCallerId), 'refused');
      assert.equal(await bed.health('echo'), 'True Proven');
    });
  }

  it('writes nothing from the moment on at which another one has written, until it has the Lease again', async () => {
    goAway({ kind: 'disconnect' });
    await until(() => holdsOn(one));
    await bed.byHand(async (client) => {
      const before = await records(client, ledgerName);
      const [epoch = ''] = before.flatMap(({ name }) => (name.startsWith('epoch:') ? [name] : []));
      const next = { name: `epoch:${Number(epoch.slice('epoch:'.length)) + 1}`, data: 'another' };
      const others = before.filter(({ name }) => name !== epoch);
      await client.resources.modify(dataGroup(ledgerName), { records: [...others, next] });
      await client.resources.modify(pool, { monitor: 'none' });
    });
    bed.scenario.bigIp.forgetRequests();
    await until(async () => !(await holdsOn(one)));
    assert.equal(await leads(one), false);
    assert.deepEqual(bed.deviceWrites, []);
    takeBack();
    await until(() => leads(one));
    await until(() => bed.deviceWrites.some((write) => write.startsWith('PATCH /mgmt/tm/transaction/')));
  });
});
