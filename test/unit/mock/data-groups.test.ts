import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json, JsonObject } from '../../../src/mock/json.js';
import { sharedData } from '../../support/shared-data.js';
import { skipBecause } from '../../support/skip.js';
import { startBench } from './bench.js';
import type { Bench } from './bench.js';
import { differences } from './differences.js';

const url = '/mgmt/tm/ltm/data-group/internal';

const group = (records: readonly Json[] = []): JsonObject => ({
  name: 'my-datagroup',
  partition: 'Common',
  type: 'string',
  records,
});

describe('mock BIG-IP: internal data groups', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await startBench();
  });
  afterEach(() => bench.close());

  const options = (words: string) =>
    bench.client.patch(`${url}/~Common~my-datagroup?options=${encodeURIComponent(words)}`, {
      name: 'my-datagroup',
    });
  const records = async () => (await bench.client.get(`${url}/my-datagroup`)).json['records'];

  it('shows data for every record, and no records at all when empty', async () => {
    const empty = await bench.client.post(url, group());
    assert.ok(!('records' in empty.json));
    const filled = await bench.client.patch(`${url}/my-datagroup`, { records: [{ name: 'a' }] });
    assert.deepEqual(filled.json['records'], [{ name: 'a', data: '' }]);
    const cleared = await bench.client.patch(`${url}/my-datagroup`, { records: [] });
    assert.ok(!('records' in cleared.json));
  });

  it('PATCH and PUT replace the whole list', async () => {
    await bench.client.post(url, group([{ name: 'a', data: '1' }]));
    await bench.client.patch(`${url}/my-datagroup`, { records: [{ name: 'b', data: '2' }] });
    assert.deepEqual(await records(), [{ name: 'b', data: '2' }]);
    await bench.client.put(`${url}/my-datagroup`, { type: 'string', records: [{ name: 'c', data: '3' }] });
    assert.deepEqual(await records(), [{ name: 'c', data: '3' }]);
  });

  it('options add, modify and delete single records', async () => {
    await bench.client.post(url, group([{ name: 'a', data: '1' }]));
    assert.equal((await options('records add { b { data 2 } c { } "d e" { data "x y" } }')).status, 200);
    assert.deepEqual(await records(), [
      { name: 'a', data: '1' },
      { name: 'b', data: '2' },
      { name: 'c', data: '' },
      { name: 'd e', data: 'x y' },
    ]);
    assert.equal((await options('records modify { b { data 9 } }')).status, 200);
    assert.equal((await options('records delete { a "d e" c }')).status, 200);
    assert.deepEqual(await records(), [{ name: 'b', data: '9' }]);
    assert.equal((await options('records delete { b }')).status, 200);
    assert.equal(await records(), undefined);
  });

  it('options name what is there already, or is not', async () => {
    await bench.client.post(url, group([{ name: 'key1', data: '1' }]));
    const twice = await options('records add { key1 { data 2 } }');
    assert.equal(twice.status, 409);
    assert.equal(
      twice.json['message'],
      '01020066:3: The requested class string item (/Common/my-datagroup key1) already exists in partition Common.',
    );
    for (const verb of ['modify { key2 { data 2 } }', 'delete { key2 }']) {
      const missing = await options(`records ${verb}`);
      assert.equal(missing.status, 404);
      assert.equal(
        missing.json['message'],
        '01020036:3: The requested class string item (/Common/my-datagroup key2) was not found.',
      );
    }
    for (const broken of [
      'records add { a',
      'records frobnicate { a }',
      'data add { a }',
      'records add { a { x y } }',
    ]) {
      assert.equal((await options(broken)).status, 400, broken);
    }
    assert.deepEqual(await records(), [{ name: 'key1', data: '1' }]);
  });

  it('spells addresses in CIDR form and refuses keys of another type', async () => {
    const created = await bench.client.post(url, {
      name: 'net',
      type: 'ip',
      records: [{ name: '10.0.0.0/8' }, { name: '192.0.2.1' }, { name: '2001:db8::1' }],
    });
    assert.deepEqual(
      (created.json['records'] as readonly JsonObject[]).map((record) => record['name']),
      ['10.0.0.0/8', '192.0.2.1/32', '2001:db8::1/128'],
    );
    assert.equal(
      (await bench.client.post(url, { name: 'x', type: 'ip', records: [{ name: 'a' }] })).status,
      400,
    );
    assert.equal(
      (await bench.client.post(url, { name: 'x', type: 'integer', records: [{ name: 'a' }] })).status,
      400,
    );
    assert.equal((await bench.client.post(url, { name: 'x' })).status, 400, 'the type is needed');
    assert.equal((await bench.client.patch(`${url}/net`, { type: 'string' })).status, 400);
  });

  it('refuses keys and values over 65,520 bytes with the recorded text', async () => {
    const answer = await bench.client.post(url, group([{ name: 'a', data: 'x'.repeat(65_529) }]));
    assert.equal(
      answer.json['message'],
      '01070712:3: Max string size exceeded during update of attribute:data type:class_value_item ' +
        'max:65520 received:65529',
    );
    assert.equal(
      (await bench.client.post(url, group([{ name: 'a', data: 'x'.repeat(65_520) }]))).status,
      200,
    );
  });

  it('holds 60,000 records', async () => {
    const many = Array.from({ length: 60_000 }, (_, index) => ({
      name: `spiffe://cluster.local/ns/n/sa/${index}`,
    }));
    assert.equal((await bench.client.post(url, group(many))).status, 200);
    const started = process.hrtime.bigint();
    assert.equal((await options('records add { one-more { } }')).status, 200);
    assert.ok(process.hrtime.bigint() - started < 5_000_000_000n);
  });

  describe('beside the recordings', () => {
    const folder = sharedData('icontrol-fixtures');
    before(function () {
      if (folder === undefined)
        skipBecause(this, 'no recorded answers beside the checkout (icontrol-fixtures)');
    });
    const compare = (name: string, answered: Json, anyValue: readonly string[] = []) =>
      differences(JSON.parse(readFileSync(join(folder ?? '', `${name}.json`), 'utf8')) as Json, answered, {
        anyValue: new Set(['generation', ...anyValue]),
        ignored: new Set(),
      });

    it('creates, adds a record and refuses as on 17.1.2.1', async () => {
      const created = await bench.client.post(url, group([{ name: 'key1', data: 'value1' }]));
      assert.deepEqual(compare('ltm-data-group-internal-create-200-17.1.2.1', created.json), []);
      const again = await bench.client.post(url, group());
      assert.deepEqual(compare('error-409-data-group-exists-17.1.2.1', again.json), []);
      const record = await options('records add { key1 { data value1 } }');
      assert.deepEqual(compare('error-409-data-group-record-exists-17.1.2.1', record.json), []);
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const sent = method === 'PUT' ? { body: { type: 'string' } } : {};
        const missing = await bench.client.send(method, `${url}/~Common~my-datagroup2`, sent);
        assert.deepEqual(compare('error-404-data-group-17.1.2.1', missing.json), []);
      }
      await bench.client.patch(`${url}/my-datagroup`, {
        records: [
          { name: 'key2', data: 'value2' },
          { name: 'key3', data: 'value3,value31,value32' },
        ],
      });
      const added = await options('records add { key4 { data value44 } }');
      assert.deepEqual(compare('ltm-data-group-internal-patch-options-add-200-17.1.2.1', added.json), []);
    });
  });
});
