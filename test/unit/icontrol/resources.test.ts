import assert from 'node:assert/strict';
import { FakeClock } from '../../support/fake-clock.js';
import { collectionPath, resourcePath } from '../../../src/icontrol/resource-path.js';
import { advanceUntil, notFound, readyState, ScriptedDevice } from './scripted-device.js';
import type { Reply, Scripted } from './scripted-device.js';

const pool = resourcePath('ltm/pool', { partition: 'mesh', name: 'echo_pool' });
const ready = '/mgmt/tm/sys/ready';
const found: Reply = { status: 200, json: { kind: 'tm:ltm:pool:poolstate', name: 'echo_pool' } };
const notRegistered: Reply = {
  status: 404,
  json: {
    code: 404,
    message: 'Public URI path not registered: /tm/ltm/pool/?mesh?echo_pool',
    restOperationId: 1,
    kind: ':resterrorresponse',
  },
};

const mcpState = (phase: string): Reply => ({
  status: 200,
  json: {
    entries: {
      'https://localhost/mgmt/tm/sys/mcp-state/0': {
        nestedStats: {
          entries: { lastLoad: { description: 'full-config-load-succeed' }, phase: { description: phase } },
        },
      },
    },
  },
});

describe('Resources', () => {
  let device: ScriptedDevice;
  /** Answers each path by the next of its replies, the last one for ever. */
  const start = async (replies: Record<string, Scripted[]>): Promise<void> => {
    device = await ScriptedDevice.start(({ path }) => {
      const list = replies[path];
      return list !== undefined && list.length > 1 ? list.shift() : list?.[0];
    });
  };
  afterEach(() => device.stop());

  it('gets an object as the device states it', async () => {
    await start({ [pool]: [found] });
    assert.deepEqual(await device.client().resources.get(pool), found.json);
    assert.deepEqual(device.calls, [`GET ${pool}`]);
  });

  it('takes an object for absent only after the device has said so twice, ready in between', async () => {
    await start({ [pool]: [notFound('Pool (/mesh/echo_pool)')] });
    assert.equal(await device.client().resources.get(pool), undefined);
    assert.deepEqual(device.calls, [`GET ${pool}`, `GET ${ready}`, `GET ${pool}`]);
  });

  it('needs one look at readiness for each further absent object', async () => {
    const other = resourcePath('ltm/pool', { partition: 'mesh', name: 'other' });
    await start({ [pool]: [notFound('Pool')], [other]: [notFound('Pool')] });
    const { resources } = device.client();
    await resources.get(pool);
    assert.equal(await resources.get(other), undefined);
    assert.deepEqual(device.calls.slice(3), [`GET ${other}`, `GET ${ready}`]);
  });

  it('finds the object that a restarting device denied', async () => {
    await start({ [pool]: [notFound('Pool (/mesh/echo_pool)'), found] });
    assert.deepEqual(await device.client().resources.get(pool), found.json);
  });

  it('knows nothing of an object while the device is not ready', async () => {
    await start({ [pool]: [notFound('Pool')], [ready]: [{ status: 200, json: readyState('no') }] });
    await assert.rejects(device.client().resources.get(pool), {
      code: 'MESH_ERR_DEVICE_NOT_READY',
      transient: true,
      message: /configReady no/,
    });
  });

  it('forgets that the device was ready as soon as anything fails', async () => {
    const lost: Reply = {
      status: 500,
      json: { code: 500, message: 'The connection to mcpd has been lost, try again.', apiError: 32768001 },
    };
    await start({ [pool]: [notFound('Pool')], '/mgmt/tm/ltm/node': [lost] });
    const { resources } = device.client();
    await resources.get(pool);
    await assert.rejects(resources.create('/mgmt/tm/ltm/node', {}), { code: 'MESH_ERR_DEVICE_NOT_READY' });
    const before = device.calls.length;
    await resources.get(pool);
    assert.deepEqual(device.calls.slice(before), [`GET ${pool}`, `GET ${ready}`, `GET ${pool}`]);
  });

  it('never takes an unregistered path for an absent object', async () => {
    const clock = new FakeClock();
    await start({ [pool]: [notRegistered] });
    const call = device.client({ clock }).resources.get(pool);
    await Promise.all([
      assert.rejects(call, { code: 'MESH_ERR_DEVICE_NOT_READY', status: 404 }),
      advanceUntil(clock, call),
    ]);
    assert.equal(device.calls.length, 4);
  });

  it('asks mcpd itself on versions before 13.1, which have no sys/ready', async () => {
    await start({
      [pool]: [notFound('Pool')],
      [ready]: [notRegistered],
      '/mgmt/tm/sys/mcp-state': [mcpState('running'), mcpState('loading')],
    });
    const { resources } = device.client();
    assert.equal(await resources.get(pool), undefined);
    await assert.rejects(resources.get(pool), { message: /mcpd phase loading/ });
  });

  it('lists a partition, with missing items read as none once the device is ready', async () => {
    const path = '/mgmt/tm/ltm/pool?$filter=partition%20eq%20mesh&$select=name,fullPath';
    await start({ [path]: [{ status: 200, json: { kind: 'tm:ltm:pool:poolcollectionstate' } }] });
    const list = await device.client().resources.list(collectionPath('ltm/pool'), {
      partition: 'mesh',
      select: ['name', 'fullPath'],
    });
    assert.deepEqual(list, []);
    assert.deepEqual(device.calls, [`GET ${path}`, `GET ${ready}`, `GET ${path}`]);
  });

  it('refuses an empty list of a device that is not ready', async () => {
    await start({
      '/mgmt/tm/ltm/pool': [{ status: 200, json: { items: [] } }],
      [ready]: [{ status: 200, json: readyState('no') }],
    });
    await assert.rejects(device.client().resources.list('/mgmt/tm/ltm/pool'), {
      code: 'MESH_ERR_DEVICE_NOT_READY',
    });
  });

  it('follows links to further pages by their path, whatever host they name', async () => {
    const next = '/mgmt/tm/ltm/pool?$skip=1';
    await start({
      '/mgmt/tm/ltm/pool': [
        { status: 200, json: { items: [{ name: 'a' }], nextLink: `https://localhost${next}` } },
      ],
      [next]: [{ status: 200, json: { items: [{ name: 'b' }] } }],
    });
    assert.deepEqual(await device.client().resources.list('/mgmt/tm/ltm/pool'), [
      { name: 'a' },
      { name: 'b' },
    ]);
  });

  it('does not follow a link out of the collection', async () => {
    await start({
      '/mgmt/tm/ltm/pool': [
        { status: 200, json: { items: [{}], nextLink: 'https://localhost/mgmt/tm/auth/user' } },
      ],
    });
    await assert.rejects(device.client().resources.list('/mgmt/tm/ltm/pool'), {
      code: 'MESH_ERR_DEVICE_PROTOCOL',
    });
    assert.equal(device.calls.length, 1);
  });

  it('creates, modifies, replaces and removes with the verbs of REST', async () => {
    await start({ '/mgmt/tm/ltm/pool': [found], [pool]: [found, found, { status: 200 }] });
    const { resources } = device.client();
    await resources.create('/mgmt/tm/ltm/pool', { name: 'echo_pool' });
    await resources.modify(pool, { description: 'x' });
    await resources.replace(pool, { description: 'y' });
    assert.equal(await resources.remove(pool), true);
    assert.deepEqual(device.calls, [
      'POST /mgmt/tm/ltm/pool',
      `PATCH ${pool}`,
      `PUT ${pool}`,
      `DELETE ${pool}`,
    ]);
  });

  it('does not repeat a write whose connection broke, and says that it may have happened', async () => {
    await start({ '/mgmt/tm/ltm/pool': ['reset'] });
    await assert.rejects(device.client().resources.create('/mgmt/tm/ltm/pool', { name: 'x' }), {
      code: 'MESH_ERR_DEVICE_UNREACHABLE',
      outcomeUnknown: true,
    });
    assert.equal(device.calls.length, 1);
  });

  it('repeats a read whose connection broke', async () => {
    const clock = new FakeClock();
    await start({ [pool]: ['reset', 'reset', found] });
    const call = device.client({ clock }).resources.get(pool);
    await advanceUntil(clock, call);
    assert.deepEqual(await call, found.json);
    assert.equal(clock.now().getTime() - new Date('2030-01-01').getTime() >= 3000, true);
  });

  it('says whether there was something to remove, and believes the device only when it is ready', async () => {
    await start({
      [pool]: [notFound('Pool')],
      [ready]: [
        { status: 200, json: readyState() },
        { status: 200, json: readyState('no') },
      ],
    });
    const { resources } = device.client();
    assert.equal(await resources.remove(pool), false);
    await assert.rejects(resources.remove(pool), { code: 'MESH_ERR_DEVICE_NOT_READY' });
  });

  it('tells a missing object from a device that is not ready when modifying', async () => {
    await start({
      [pool]: [notFound('Pool (/mesh/echo_pool)')],
      [ready]: [
        { status: 200, json: readyState() },
        { status: 200, json: readyState('no') },
      ],
    });
    const { resources } = device.client();
    await assert.rejects(resources.modify(pool, {}), {
      code: 'MESH_ERR_DEVICE_NOT_FOUND',
      deviceCode: '01020036',
    });
    await assert.rejects(resources.modify(pool, {}), { code: 'MESH_ERR_DEVICE_NOT_READY' });
  });
});
