import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../../../src/log.js';
import { Device } from '../../../src/icontrol/device.js';
import type { IControlClient } from '../../../src/icontrol/client.js';
import { parseGroupSync } from '../../../src/icontrol/sync-status.js';
import type { JsonObject } from '../../../src/icontrol/request.js';
import { FakeClock } from '../../support/fake-clock.js';
import { sharedData } from '../../support/shared-data.js';
import { advanceUntil, ScriptedDevice } from './scripted-device.js';
import type { Scripted } from './scripted-device.js';
import { skipBecause } from '../../support/skip.js';

/** States of one unit of a scripted pair; a test changes them as it goes. */
interface UnitState {
  failover: string;
  status: string;
  lines: readonly string[];
  autoSync?: string;
  onPush?: () => void;
}

const inSync = ['failover-group (In Sync): All devices in the device group are in sync'];
const pendingFrom = (source: string): readonly string[] => [
  'b.example: connected',
  'failover-group (Changes Pending): Changes have been made',
  ` - Recommended action: Synchronize ${source} to group failover-group`,
];
const conflict = [
  'failover-group (Changes Pending): There is a possible change conflict between a.example and b.example.',
  ' - Recommended action: Synchronize a.example to group failover-group',
];

function stats(path: string, values: Record<string, string>, lines: readonly string[] = []): JsonObject {
  const own = Object.fromEntries(
    Object.entries(values).map(([name, description]) => [name, { description }]),
  );
  const details = Object.fromEntries(
    lines.map((description, index) => [
      `https://localhost/mgmt/tm/cm/syncStatus/0/details/${index}`,
      { nestedStats: { entries: { details: { description } } } },
    ]),
  );
  const entries = {
    ...own,
    'https://localhost/mgmt/tm/cm/syncStatus/0/details': { nestedStats: { entries: details } },
  };
  return { entries: { [`https://localhost/mgmt/tm/${path}/0`]: { nestedStats: { entries } } } };
}

function ok(json: unknown): Scripted {
  return { status: 200, json };
}

function pairMember(name: string, state: UnitState) {
  return ({ method, path }: { method: string; path: string }): Scripted | undefined => {
    if (path === '/mgmt/tm/cm/failover-status')
      return ok(stats('cm/failover-status', { status: state.failover }));
    if (path === '/mgmt/tm/cm/sync-status') {
      return ok(stats('cm/sync-status', { status: state.status, summary: '' }, state.lines));
    }
    if (path === '/mgmt/tm/cm/device') {
      return ok({
        items: [
          { name: 'a.example', selfDevice: String(name === 'a') },
          { name: 'b.example', selfDevice: String(name === 'b') },
        ],
      });
    }
    if (path.startsWith('/mgmt/tm/cm/device-group')) {
      return ok({
        items: [
          { name: 'device_trust_group', type: 'sync-only', autoSync: 'enabled' },
          { name: 'failover-group', type: 'sync-failover', autoSync: state.autoSync ?? 'disabled' },
        ],
      });
    }
    if (method === 'POST' && path === '/mgmt/tm/cm') {
      state.onPush?.();
      return ok({ kind: 'tm:cm:runstate' });
    }
    return path === '/mgmt/tm/sys/config' ? ok({ kind: 'tm:sys:config:savestate' }) : undefined;
  };
}

describe('Device', () => {
  let clock: FakeClock;
  let a: UnitState;
  let b: UnitState;
  let hosts: readonly [ScriptedDevice, ScriptedDevice];
  let units: readonly [IControlClient, IControlClient];
  let pair: Device;

  beforeEach(async () => {
    clock = new FakeClock();
    a = { failover: 'ACTIVE', status: 'In Sync', lines: inSync };
    b = { failover: 'STANDBY', status: 'In Sync', lines: inSync };
    hosts = [await ScriptedDevice.start(pairMember('a', a)), await ScriptedDevice.start(pairMember('b', b))];
    units = [hosts[0].client({ clock }), hosts[1].client({ clock })];
    pair = new Device({ units, clock, logger: silentLogger() });
  });
  afterEach(async () => {
    await pair.close();
    for (const host of hosts) await host.stop();
  });

  it('is a single unit without asking anything', async () => {
    const single = new Device({ units: [units[1]], clock, logger: silentLogger() });
    assert.equal(await single.activeUnit(), units[1]);
    await single.requireNoChangesElsewhere(units[1]);
    assert.deepEqual(hosts[1].calls, []);
    await single.saveAndSync(units[1]);
    assert.deepEqual(hosts[1].calls, ['POST /mgmt/tm/sys/config']);
  });

  it('writes to the unit that is active now', async () => {
    assert.equal(await pair.activeUnit(), units[0]);
    [a.failover, b.failover] = ['STANDBY', 'ACTIVE'];
    assert.equal(await pair.activeUnit(), units[1]);
  });

  it('writes to neither while both or none are active', async () => {
    b.failover = 'ACTIVE';
    await assert.rejects(pair.activeUnit(), { code: 'MESH_ERR_DEVICE_NO_ACTIVE_UNIT', transient: true });
    [a.failover, b.failover] = ['STANDBY', 'STANDBY'];
    await assert.rejects(pair.activeUnit(), { message: /STANDBY.*STANDBY/ });
  });

  it('goes on with the active unit when the other does not answer', async () => {
    await hosts[1].stop();
    const found = pair.activeUnit();
    await advanceUntil(clock, found);
    assert.equal(await found, units[0]);
    hosts = [hosts[0], await ScriptedDevice.start()];
  });

  it('does not take a lonely standby for active', async () => {
    a.failover = 'STANDBY';
    await hosts[1].stop();
    const found = pair.activeUnit();
    await Promise.all([
      assert.rejects(found, { code: 'MESH_ERR_DEVICE_NO_ACTIVE_UNIT', message: /does not answer/ }),
      advanceUntil(clock, found),
    ]);
    hosts = [hosts[0], await ScriptedDevice.start()];
  });

  it('refuses to write when the other unit has newer changes, or both have', async () => {
    a.lines = pendingFrom('b.example');
    await assert.rejects(pair.requireNoChangesElsewhere(units[0]), {
      code: 'MESH_ERR_DEVICE_SYNC_CONFLICT',
      consequence: 'refused',
      message: /b\.example has changes/,
    });
    a.lines = conflict;
    await assert.rejects(pair.requireNoChangesElsewhere(units[0]), { code: 'MESH_ERR_DEVICE_SYNC_CONFLICT' });
    a.lines = ['failover-group (Awaiting Initial Sync): x'];
    await assert.rejects(pair.requireNoChangesElsewhere(units[0]), { code: 'MESH_ERR_DEVICE_SYNC_CONFLICT' });
  });

  it('goes on over changes of its own that were not synchronised, and over a pending foreign group', async () => {
    a.lines = pendingFrom('a.example');
    await pair.requireNoChangesElsewhere(units[0]);
    a.status = 'Changes Pending';
    a.lines = [
      ...inSync,
      'datasync-global-dg (Changes Pending): There is a possible change conflict between a.example and b.example.',
      ' - Recommended action: Synchronize b.example to group datasync-global-dg',
    ];
    await pair.requireNoChangesElsewhere(units[0]);
  });

  it('saves, pushes to the group once, waits for In Sync and saves on the other unit', async () => {
    a.lines = pendingFrom('a.example');
    a.onPush = () => (a.lines = ['failover-group (Syncing): x']);
    const done = pair.saveAndSync(units[0]);
    const pushed = (): boolean => hosts[0].calls.includes('POST /mgmt/tm/cm');
    while (!pushed()) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(3000);
    a.lines = inSync;
    await advanceUntil(clock, done);
    await done;
    const push = hosts[0].asked.find(({ path }) => path === '/mgmt/tm/cm');
    assert.deepEqual(push?.json, { command: 'run', utilCmdArgs: 'config-sync to-group failover-group' });
    assert.equal(hosts[0].calls.filter((call) => call === 'POST /mgmt/tm/cm').length, 1);
    assert.equal(hosts[0].calls[0], 'POST /mgmt/tm/sys/config');
    assert.deepEqual(hosts[1].calls, ['POST /mgmt/tm/sys/config']);
  });

  it('pushes over an In Sync that does not know of the change yet', async () => {
    const done = pair.saveAndSync(units[0]);
    await advanceUntil(clock, done);
    await done;
    assert.equal(hosts[0].calls.filter((call) => call === 'POST /mgmt/tm/cm').length, 1);
  });

  it('leaves the pushing to a group that synchronises by itself', async () => {
    a.autoSync = 'enabled';
    const done = pair.saveAndSync(units[0]);
    await advanceUntil(clock, done);
    await done;
    assert.equal(hosts[0].calls.includes('POST /mgmt/tm/cm'), false);
    assert.deepEqual(hosts[1].calls, ['POST /mgmt/tm/sys/config']);
  });

  it('does not push when the other unit was changed meanwhile', async () => {
    a.lines = conflict;
    await assert.rejects(pair.saveAndSync(units[0]), { code: 'MESH_ERR_DEVICE_SYNC_CONFLICT' });
    assert.equal(hosts[0].calls.includes('POST /mgmt/tm/cm'), false);
  });

  it('reports a pair that does not get in sync within the deadline', async () => {
    a.lines = pendingFrom('a.example');
    const done = pair.saveAndSync(units[0]);
    await Promise.all([
      assert.rejects(done, {
        code: 'MESH_ERR_DEVICE_SYNC_INCOMPLETE',
        message: /"Changes Pending" after 120 s/,
      }),
      advanceUntil(clock, done),
    ]);
    assert.equal(hosts[0].calls.filter((call) => call === 'POST /mgmt/tm/cm').length, 1);
    assert.deepEqual(hosts[1].calls, []);
  });

  it('does not wait long for units that do not reach each other', async () => {
    a.status = 'Disconnected';
    a.lines = ['b.example: disconnected'];
    const done = pair.saveAndSync(units[0]);
    await Promise.all([
      assert.rejects(done, {
        code: 'MESH_ERR_DEVICE_SYNC_INCOMPLETE',
        message: /"Disconnected" after 10 s/,
      }),
      advanceUntil(clock, done),
    ]);
    assert.equal(hosts[0].calls.includes('POST /mgmt/tm/cm'), false);
    assert.deepEqual(hosts[1].calls, []);
  });

  it('does not wait long for a unit that hangs, when the other says that it is active', async () => {
    let answer = (): void => undefined;
    const hung = await ScriptedDevice.start(({ path }) =>
      path === '/mgmt/tm/cm/failover-status'
        ? new Promise((resolve) => {
            answer = () => resolve({ status: 200, json: {} });
          })
        : undefined,
    );
    const hanging = new Device({
      units: [units[0], hung.client({ clock })],
      clock,
      logger: silentLogger(),
    });
    const startedAt = clock.now().getTime();
    const found = hanging.activeUnit();
    await advanceUntil(clock, found);
    assert.equal(await found, units[0]);
    assert.ok(clock.now().getTime() - startedAt < 3000);
    answer();
    await hung.stop();
  });

  describe('without a change of its own', () => {
    const sync = async (): Promise<void> => {
      const done = pair.sync(units[0], { isChanged: false });
      await Promise.all([done, advanceUntil(clock, done)]);
    };
    const pushes = (): number => hosts[0].calls.filter((call) => call === 'POST /mgmt/tm/cm').length;

    it('has a pair that is in sync saved on the other unit, and pushes nothing', async () => {
      await sync();
      assert.equal(pushes(), 0);
      assert.deepEqual(hosts[1].calls, ['POST /mgmt/tm/sys/config']);
    });

    it('pushes what an earlier run did not get to', async () => {
      a.lines = pendingFrom('a.example');
      a.onPush = () => (a.lines = inSync);
      await sync();
      assert.equal(pushes(), 1);
    });

    it('leaves changes alone that only the other unit has, and refuses those that both have', async () => {
      a.lines = pendingFrom('b.example');
      await sync();
      assert.equal(pushes(), 0);
      assert.deepEqual(hosts[1].calls, []);
      a.lines = conflict;
      await assert.rejects(pair.sync(units[0], { isChanged: false }), {
        code: 'MESH_ERR_DEVICE_SYNC_CONFLICT',
      });
    });
  });
});

describe('parseGroupSync', () => {
  it('reads the group of a recorded pair by its line, and not the aggregate', function () {
    const fixtures = sharedData('icontrol-fixtures');
    if (fixtures === undefined) {
      return skipBecause(this, 'no recorded answers beside the checkout (icontrol-fixtures)');
    }
    const file = join(fixtures, 'cm-sync-status-ha-14.1.4.6.json');
    const body = JSON.parse(readFileSync(file, 'utf8')) as JsonObject;
    assert.deepEqual(parseGroupSync(body, 'device_trust_group'), { status: 'In Sync', conflict: false });
    assert.equal(parseGroupSync(body, 'no-such-group').status, 'offline');
  });
});
