import assert from 'node:assert/strict';
import { silentLogger } from '../../../src/log.js';
import { startMockPair } from '../../../src/mock/ha/mock-pair.js';
import type { MockPair, MockPairOptions } from '../../../src/mock/ha/mock-pair.js';
import { isJsonObject, textOf } from '../../../src/mock/json.js';
import type { JsonObject } from '../../../src/mock/json.js';
import { Secret } from '../../../src/secret.js';
import { FakeClock } from '../../support/fake-clock.js';
import { ManagementClient } from './management-client.js';
import { RecordingDataPlane } from './recording-data-plane.js';

const group = '/Common/Sync_Failover_Group';

describe('mock BIG-IP: a pair of units', () => {
  let pair: MockPair;
  let clock: FakeClock;
  let clients: ManagementClient[];
  let dataPlanes: RecordingDataPlane[];

  async function start(more: Partial<MockPairOptions> = {}): Promise<void> {
    // The units' certificates are minted by this clock, and TLS judges them by the real one.
    clock = new FakeClock(new Date());
    dataPlanes = [new RecordingDataPlane(), new RecordingDataPlane()];
    const unit = (index: number) => ({
      listen: { host: '127.0.0.1', port: 0 },
      hostname: `bigip${index + 1}.example.com`,
      dataPlane: dataPlanes[index] as RecordingDataPlane,
    });
    pair = await startMockPair({
      units: [unit(0), unit(1)],
      users: [{ name: 'admin', password: new Secret('admin-password') }],
      clock,
      logger: silentLogger(),
      ...more,
    });
    clients = pair.units.map((device) => new ManagementClient(device));
    for (const client of clients) await client.login();
  }
  afterEach(async () => {
    for (const client of clients) client.close();
    await pair.close();
  });

  const client = (index: number): ManagementClient => clients[index] as ManagementClient;
  async function status(index: number, resource: string): Promise<string> {
    const body = (await client(index).get(`/mgmt/tm/cm/${resource}`)).json;
    const [entry] = Object.values(body['entries'] as JsonObject);
    const entries = ((entry as JsonObject)['nestedStats'] as JsonObject)['entries'] as JsonObject;
    return textOf((entries['status'] as JsonObject)['description']);
  }
  const sync = (index: number, utilCmdArgs: string) =>
    client(index).post('/mgmt/tm/cm', { command: 'run', utilCmdArgs });
  const virtual = { name: 'v', destination: '192.0.2.1:80', profiles: ['tcp'] };

  it('a change is pending until it is sent to the group', async () => {
    await start({ syncMs: 5_000 });
    assert.equal(await status(0, 'sync-status'), 'In Sync');
    await client(0).post('/mgmt/tm/ltm/pool', { name: 'p' });
    assert.deepEqual(
      [await status(0, 'sync-status'), await status(1, 'sync-status')],
      ['Changes Pending', 'Changes Pending'],
    );
    assert.equal((await client(1).get('/mgmt/tm/ltm/pool/p')).status, 404);
    const utilCmdArgs = `config-sync to-group ${group}`;
    const begun = await sync(0, utilCmdArgs);
    assert.deepEqual(begun.json, { kind: 'tm:cm:runstate', command: 'run', utilCmdArgs });
    assert.equal(await status(0, 'sync-status'), 'Syncing', 'the answer only means that it has begun');
    while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(5_000);
    while ((await status(1, 'sync-status')) !== 'In Sync')
      await new Promise((resolve) => setImmediate(resolve));
    assert.equal((await client(1).get('/mgmt/tm/ltm/pool/p')).status, 200);
    const [self] = (await client(1).get('/mgmt/tm/cm/device?$filter=partition%20eq%20Common')).json[
      'items'
    ] as readonly JsonObject[];
    assert.deepEqual([self?.['name'], self?.['selfDevice']], ['bigip1.example.com', 'false']);
  });

  it('fetches from the group too, and knows only its group', async () => {
    await start();
    await client(0).post('/mgmt/tm/ltm/pool', { name: 'p' });
    await sync(1, 'config-sync from-group Sync_Failover_Group');
    while ((await status(0, 'sync-status')) !== 'In Sync')
      await new Promise((resolve) => setImmediate(resolve));
    assert.equal((await client(1).get('/mgmt/tm/ltm/pool/p')).status, 200);
    assert.equal((await sync(0, 'config-sync to-group Other')).status, 400);
  });

  it('only the active unit carries traffic, and a failover turns them round', async () => {
    await start({ autoSync: true });
    await client(0).post('/mgmt/tm/ltm/virtual', virtual);
    while ((await status(1, 'sync-status')) !== 'In Sync')
      await new Promise((resolve) => setImmediate(resolve));
    const enabled = () => dataPlanes.map(({ last }) => last?.virtualServers[0]?.enabled);
    assert.deepEqual(enabled(), [true, false]);
    assert.deepEqual(
      [await status(0, 'failover-status'), await status(1, 'failover-status')],
      ['ACTIVE', 'STANDBY'],
    );
    const answer = await client(0).post('/mgmt/tm/sys/failover', { command: 'run', standby: true });
    assert.equal(answer.status, 200);
    assert.deepEqual(enabled(), [false, true]);
    assert.deepEqual(
      [await status(0, 'failover-status'), await status(1, 'failover-status')],
      ['STANDBY', 'ACTIVE'],
    );
    const units = (await client(0).get('/mgmt/tm/cm/device')).json['items'] as readonly JsonObject[];
    assert.deepEqual(
      units.map((unit) => [unit['failoverState'], unit['selfDevice']]),
      [
        ['standby', 'true'],
        ['active', 'false'],
      ],
    );
    const state = await client(1).get('/mgmt/tm/shared/bigip-failover-state');
    assert.equal(state.json['failoverState'], 'active');
    await pair.failOver();
    assert.deepEqual(enabled(), [true, false]);
  });

  it('lists the group with both units, and shows writes on both sides as a conflict', async () => {
    await start();
    const groups = await client(0).get('/mgmt/tm/cm/device-group?expandSubcollections=true');
    const own = (groups.json['items'] as readonly JsonObject[]).find((item) => item['fullPath'] === group);
    const reference = own?.['devicesReference'];
    assert.ok(isJsonObject(reference));
    const devices = reference['items'] as readonly JsonObject[];
    assert.deepEqual(
      devices.map((device) => device['name']),
      ['bigip1.example.com', 'bigip2.example.com'],
    );
    assert.deepEqual([own?.['type'], own?.['autoSync']], ['sync-failover', 'disabled']);
    await client(0).post('/mgmt/tm/ltm/pool', { name: 'a' });
    await client(1).post('/mgmt/tm/ltm/pool', { name: 'b' });
    assert.match((await client(0).get('/mgmt/tm/cm/sync-status')).text, /possible change conflict/);
  });

  it('shows a unit that is off as disconnected, and takes over from it', async () => {
    await start();
    await client(0).post('/mgmt/tm/ltm/virtual', virtual);
    await sync(0, `config-sync to-group ${group}`);
    while ((await status(1, 'sync-status')) !== 'In Sync')
      await new Promise((resolve) => setImmediate(resolve));
    const enabled = () => dataPlanes.map(({ last }) => last?.virtualServers[0]?.enabled);
    const { url } = pair.units[0];

    await pair.powerOff(0);
    await assert.rejects(client(0).get('/mgmt/tm/cm/sync-status'));
    const seen = (await client(1).get('/mgmt/tm/cm/sync-status')).text;
    for (const line of [
      '"status":{"description":"Disconnected"}',
      '"color":{"description":"red"}',
      'bigip1.example.com: disconnected',
      'Sync_Failover_Group (Disconnected): ',
    ]) {
      assert.ok(seen.includes(line), `${line} in ${seen}`);
    }
    assert.deepEqual(enabled(), [false, true], 'the other unit carries the traffic');
    assert.equal(await status(1, 'failover-status'), 'ACTIVE');
    const units = (await client(1).get('/mgmt/tm/cm/device')).json['items'] as readonly JsonObject[];
    assert.deepEqual(
      units.map(({ name, failoverState }) => [name, failoverState]),
      [
        ['bigip1.example.com', 'offline'],
        ['bigip2.example.com', 'active'],
      ],
    );
    assert.equal((await sync(1, `config-sync to-group ${group}`)).status, 200);
    assert.equal(await status(1, 'sync-status'), 'Disconnected', 'nobody is there to take it');

    await pair.powerOn(0);
    assert.equal(pair.units[0].url, url);
    assert.equal((await client(0).get('/mgmt/tm/cm/sync-status')).status, 401, 'it has forgotten its tokens');
    await client(0).login();
    assert.equal(await status(0, 'failover-status'), 'STANDBY');
    assert.notEqual(await status(1, 'sync-status'), 'Disconnected');
    assert.equal((await client(0).get('/mgmt/tm/ltm/virtual/v')).status, 404, 'what was not saved is lost');
  });

  it('brings a unit up to date that was off, when changes are copied by themselves', async () => {
    await start({ autoSync: true });
    await pair.powerOff(1);
    await client(0).post('/mgmt/tm/ltm/pool', { name: 'p' });
    assert.equal(await status(0, 'sync-status'), 'Disconnected');
    await pair.powerOn(1);
    await client(1).login();
    while ((await client(1).get('/mgmt/tm/ltm/pool/p')).status !== 200)
      await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await status(0, 'sync-status'), 'In Sync');
  });

  it('shows a unit as disconnected that was closed', async () => {
    await start();
    await pair.units[1].close();
    assert.equal(await status(0, 'sync-status'), 'Disconnected');
    assert.equal(await status(0, 'failover-status'), 'ACTIVE');
  });

  it('turns units off and on by the control port', async () => {
    await start({ control: { host: '127.0.0.1', port: 0 } });
    const post = async (path: string) =>
      (await fetch(`${pair.controlUrl}${path}`, { method: 'POST' })).status;
    assert.equal(await post('/units/1/power-off'), 204);
    assert.equal(await status(0, 'sync-status'), 'Disconnected');
    assert.equal(await post('/units/1/power-on'), 204);
    assert.equal(await status(0, 'sync-status'), 'In Sync');
    assert.equal(await post('/units/2/power-on'), 404);
  });
});
