import assert from 'node:assert/strict';
import { FakeClock } from '../../support/fake-clock.js';
import { parseStats } from '../../../src/icontrol/stats.js';
import { advanceUntil, notFound, ScriptedDevice } from './scripted-device.js';
import type { Reply, Script } from './scripted-device.js';

const tooLong: Reply = {
  status: 400,
  json: {
    code: 400,
    message: 'remoteSender:10.0.2.2, method:POST ',
    errorStack: ['java.util.concurrent.TimeoutException: remoteSender:10.0.2.2, method:POST '],
    kind: ':resterrorresponse',
  },
};

describe('DeviceSystem', () => {
  let device: ScriptedDevice;
  const start = async (script: Script): Promise<void> => {
    device = await ScriptedDevice.start(script);
  };
  afterEach(() => device.stop());

  it('saves the configuration by one request', async () => {
    await start(({ path }) =>
      path === '/mgmt/tm/sys/config' ? { status: 200, json: { kind: 'tm:sys:config:savestate' } } : undefined,
    );
    await device.client().system.saveConfig();
    assert.deepEqual(device.calls, ['POST /mgmt/tm/sys/config']);
    assert.deepEqual(device.asked.at(-1)?.json, { command: 'save' });
  });

  it('saves a configuration too large for one call as a task, and waits for its end', async () => {
    const clock = new FakeClock();
    const states: Reply[] = [
      { status: 200, json: { _taskState: 'VALIDATING' } },
      notFound('task'),
      { status: 200, json: { _taskState: 'COMPLETED' } },
    ];
    await start(({ method, path }) => {
      if (path === '/mgmt/tm/sys/config') return tooLong;
      if (path === '/mgmt/tm/task/sys/config')
        return { status: 200, json: { _taskId: 1680702067570276, _taskState: 'STARTED' } };
      if (path !== '/mgmt/tm/task/sys/config/1680702067570276') return undefined;
      return method === 'PUT'
        ? { status: 202, json: { code: 202, message: 'Task will execute asynchronously.' } }
        : states.shift();
    });
    const saved = device.client({ clock }).system.saveConfig();
    await advanceUntil(clock, saved);
    await saved;
    assert.deepEqual(states, []);
  });

  it('reports a save that fails', async () => {
    await start(({ path }) => {
      if (path === '/mgmt/tm/sys/config') return tooLong;
      return path.startsWith('/mgmt/tm/task')
        ? { status: 200, json: { _taskId: 7, _taskState: 'FAILED' } }
        : undefined;
    });
    await assert.rejects(device.client().system.saveConfig(), { code: 'MESH_ERR_DEVICE_REFUSED' });
  });

  it('refuses to guess a version', async () => {
    await start(({ path }) => (path === '/mgmt/tm/sys/version' ? { status: 200, json: {} } : undefined));
    await assert.rejects(device.client().system.observeVersion(), { code: 'MESH_ERR_DEVICE_PROTOCOL' });
  });
});

describe('parseStats', () => {
  it('reads values and nested entries by walking, whatever their keys are', () => {
    const stats = parseStats({
      entries: {
        'clientside.bitsIn': { value: 12 },
        'status.availabilityState': { description: 'available' },
        'https://localhost/mgmt/tm/ltm/pool/~mesh~p/members/x/stats': {
          nestedStats: { entries: { curSessions: { value: 0 } } },
        },
      },
    });
    assert.deepEqual(
      [...stats.values],
      [
        ['clientside.bitsIn', 12],
        ['status.availabilityState', 'available'],
      ],
    );
    assert.deepEqual(
      [...stats.nested.values()].map(({ values }) => [...values]),
      [[['curSessions', 0]]],
    );
    assert.equal(parseStats(undefined).values.size, 0);
  });
});
