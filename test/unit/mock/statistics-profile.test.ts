import assert from 'node:assert/strict';
import type { JsonObject } from '../../../src/mock/json.js';
import { startBench } from './bench.js';
import type { Bench } from './bench.js';
import { RecordingDataPlane } from './recording-data-plane.js';

const kind = '/mgmt/tm/ltm/profile/statistics';
const fieldsOnly = (entries: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(entries).filter(([, entry]) => 'value' in (entry as JsonObject)));

describe('mock BIG-IP: statistics profiles', () => {
  let bench: Bench;
  let dataPlane: RecordingDataPlane;
  beforeEach(async () => {
    dataPlane = new RecordingDataPlane();
    bench = await startBench({ dataPlane });
  });
  afterEach(() => bench.close());

  async function made(path: string, body: JsonObject): Promise<JsonObject> {
    const answer = await bench.client.post(path, body);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
  }
  const carry = (name: string, more: JsonObject = {}) =>
    made('/mgmt/tm/ltm/virtual', {
      name: 'v',
      destination: '192.0.2.1:80',
      profiles: ['tcp', { name, context: 'all' }],
      ...more,
    });
  /** The entries of the one profile of that name. */
  async function statsOf(path: string, name: string): Promise<JsonObject> {
    const entries = (await bench.client.get(path)).json['entries'] as JsonObject;
    const entry = entries[`https://localhost${kind}/~Common~${name}/stats`] as JsonObject;
    return (entry['nestedStats'] as JsonObject)['entries'] as JsonObject;
  }

  it('have the parent /Common/stats with 32 fields that have no name', async () => {
    const { status, json } = await bench.client.get(`${kind}/~Common~stats`);
    assert.equal(status, 200);
    assert.equal(json['kind'], 'tm:ltm:profile:statistics:statisticsstate');
    const fields = Object.keys(json).filter((name) => name.startsWith('field'));
    assert.equal(fields.length, 32);
    assert.deepEqual(fields.slice(0, 3), ['field1', 'field10', 'field11']);
    assert.ok(fields.every((name) => json[name] === 'none'));
    assert.equal(json['defaultsFrom'], 'none');
  });

  it('are made, changed, inherited from and removed', async () => {
    await made(kind, { name: 'c', field1: 'allowed', description: 'mine' });
    const patched = await bench.client.patch(`${kind}/c`, { field2: 'rejected' });
    assert.deepEqual(
      [patched.json['field1'], patched.json['field2'], patched.json['field3'], patched.json['description']],
      ['allowed', 'rejected', 'none', 'mine'],
    );
    const child = await made(kind, { name: 'd', defaultsFrom: '/Common/c' });
    assert.deepEqual([child['field1'], child['description']], ['allowed', 'none']);
    assert.equal((await bench.client.delete(`${kind}/d`)).status, 200);
    assert.equal((await bench.client.get(`${kind}/d`)).status, 404);
    assert.equal((await bench.client.patch(`${kind}/c`, { field33: 'x' })).status, 400);
  });

  it('stay while a virtual server carries them, also a Performance (Layer 4) one', async () => {
    await made(kind, { name: 'c', field1: 'allowed' });
    await carry('c');
    const refused = await bench.client.delete(`${kind}/c`);
    assert.equal(refused.status, 400);
    assert.match(
      refused.json['message'] as string,
      /^01070265:3: The Statistics Profile \(\/Common\/c\) cannot be /,
    );
    await bench.client.patch('/mgmt/tm/ltm/virtual/v', { profiles: ['fastL4', 'c'] });
    const profiles = (await bench.client.get('/mgmt/tm/ltm/virtual/v/profiles')).json[
      'items'
    ] as JsonObject[];
    assert.deepEqual(
      profiles.map(({ name, context }) => [name, context]),
      [
        ['fastL4', 'all'],
        ['c', 'all'],
      ],
    );
    await bench.client.delete('/mgmt/tm/ltm/virtual/v');
    assert.equal((await bench.client.delete(`${kind}/c`)).status, 200);
    const missing = await bench.client.post('/mgmt/tm/ltm/virtual', {
      name: 'w',
      destination: '192.0.2.2:80',
      profiles: ['tcp', 'c'],
    });
    assert.equal(missing.status, 404);
  });

  it('reach the data plane with the names of their fields, and with who carries them', async () => {
    await made(kind, { name: 'c', field2: 'b', field1: 'a' });
    await carry('c');
    assert.deepEqual(dataPlane.last?.statisticsProfiles, [{ fullPath: '/Common/c', fields: ['a', 'b'] }]);
    assert.deepEqual(dataPlane.last?.virtualServers[0]?.statisticsProfiles, ['/Common/c']);
  });

  it('show their fields by name, in the item and in the collection, at zero until a rule counts', async () => {
    await made(kind, { name: 'c', field1: 'allowed', field2: 'rejected' });
    dataPlane.statistics.setField('/Common/c', 'rejected', 7);
    for (const path of [`${kind}/c/stats`, `${kind}/stats`]) {
      const entries = await statsOf(path, 'c');
      assert.deepEqual(fieldsOnly(entries), { allowed: { value: 0 }, rejected: { value: 7 } });
      assert.deepEqual(entries['tmName'], { description: '/Common/c' });
    }
    assert.deepEqual(fieldsOnly(await statsOf(`${kind}/stats`, 'stats')), {});
    const { json } = await bench.client.get(`${kind}/stats`);
    assert.equal(json['kind'], 'tm:ltm:profile:statistics:statisticscollectionstats');
  });
});
