import assert from 'node:assert/strict';
import { LogHistory } from '../../../src/mock/data-plane/log-history.js';
import { startBench } from './bench.js';
import type { Bench } from './bench.js';

describe('mock BIG-IP: the control port', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await startBench({ control: { host: '127.0.0.1', port: 0 } });
  });
  afterEach(() => bench.close());

  const call = (method: string, path: string, body?: unknown) =>
    fetch(`${bench.device.controlUrl}/units/0${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  it('hands out the certificate to trust', async () => {
    const unit = (await (await call('GET', '/')).json()) as Record<string, unknown>;
    assert.equal(unit['url'], bench.device.url);
    assert.equal(unit['certificatePem'], bench.device.certificatePem);
    assert.equal(unit['fingerprint256'], bench.device.fingerprint256);
  });

  it('injects, lists and removes faults', async () => {
    const answer = await call('POST', '/faults', { fault: 'async-task', times: 1 });
    const { id } = (await answer.json()) as { id: number };
    assert.deepEqual(await (await call('GET', '/faults')).json(), [
      { id, rule: { fault: 'async-task', times: 1 }, struck: 0 },
    ]);
    assert.equal((await bench.client.get('/mgmt/tm/ltm/pool')).status, 503);
    assert.equal((await bench.client.get('/mgmt/tm/ltm/pool')).status, 200);
    await call('POST', '/faults', { fault: 'async-task' });
    assert.equal((await call('DELETE', '/faults/99')).status, 404);
    assert.equal((await call('DELETE', '/faults')).status, 204);
    assert.equal((await bench.client.get('/mgmt/tm/ltm/pool')).status, 200);
  });

  it('says what is wrong with a rule', async () => {
    for (const rule of [{ fault: 'unknown' }, { fault: 'latency', sometimes: true }, 'latency', undefined]) {
      const answer = await call('POST', '/faults', rule);
      assert.equal(answer.status, 400);
      const { error } = (await answer.json()) as { error: string };
      assert.ok(error.length > 0);
    }
  });

  it('shows and clears the history of requests', async () => {
    await call('DELETE', '/requests');
    await bench.client.get('/mgmt/tm/ltm/pool?$top=1');
    assert.deepEqual(await (await call('GET', '/requests')).json(), [
      { method: 'GET', path: '/mgmt/tm/ltm/pool?%24top=1', status: 200, bytesIn: 0 },
    ]);
  });

  it('restarts the device, and forgets tokens', async () => {
    assert.equal((await call('POST', '/forget-tokens')).status, 204);
    assert.equal((await bench.client.get('/mgmt/tm/ltm/pool')).status, 401);
    await bench.client.login();
    await bench.client.post('/mgmt/tm/ltm/pool', { name: 'unsaved' });
    assert.equal((await call('POST', '/reboot', {})).status, 204);
    await bench.client.login();
    assert.equal((await bench.client.get('/mgmt/tm/ltm/pool/unsaved')).status, 404);
  });

  it('has nothing else', async () => {
    assert.equal((await call('GET', '/nonsense')).status, 404);
    assert.equal((await fetch(`${bench.device.controlUrl}/units/1`)).status, 404);
    assert.equal((await fetch(`${bench.device.controlUrl}/fail-over`, { method: 'POST' })).status, 404);
  });

  it('has no power switch and no log where there is neither', async () => {
    assert.equal((await call('POST', '/power-off')).status, 404);
    assert.equal((await call('GET', '/log')).status, 404);
  });
});

describe('mock BIG-IP: the log at the control port', () => {
  let bench: Bench;
  let log: LogHistory;
  beforeEach(async () => {
    log = new LogHistory(4);
    bench = await startBench({ control: { host: '127.0.0.1', port: 0 }, log });
    for (const line of ['one', 'two', 'three']) log.add(line);
  });
  afterEach(() => bench.close());

  const url = (query = '') => `${bench.device.controlUrl}/units/0/log${query}`;
  const read = async (query = '') => (await fetch(url(query))).json();

  it('gives lines from a number on, as many as asked for', async () => {
    assert.deepEqual(await read(), {
      lines: [
        { number: 1, text: 'one' },
        { number: 2, text: 'two' },
        { number: 3, text: 'three' },
      ],
      latest: 3,
    });
    assert.deepEqual(await read('?since=1&limit=1'), { lines: [{ number: 2, text: 'two' }], latest: 3 });
    assert.deepEqual(await read('?since=3'), { lines: [], latest: 3 });
    for (const query of ['?since=-1', '?limit=0', '?follow=maybe', '?until=3']) {
      assert.equal((await fetch(url(query))).status, 400, query);
    }
    assert.equal((await fetch(url(), { method: 'POST' })).status, 404);
  });

  it('forgets when told to, and numbers go on', async () => {
    assert.equal((await fetch(url(), { method: 'DELETE' })).status, 204);
    log.add('four');
    assert.deepEqual(await read(), { lines: [{ number: 4, text: 'four' }], latest: 4 });
  });

  it('keeps the latest lines only', async () => {
    for (const line of ['four', 'five', 'six']) log.add(line);
    const { lines } = (await read()) as { lines: readonly { text: string }[] };
    assert.deepEqual(
      lines.map(({ text }) => text),
      ['three', 'four', 'five', 'six'],
    );
  });

  it('goes on as a stream of lines', async () => {
    const ending = new AbortController();
    const answer = await fetch(url('?follow=true&since=2'), { signal: ending.signal });
    assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    assert.ok(reader !== undefined);
    let text = '';
    const hears = async (expected: string): Promise<void> => {
      while (text !== expected) text += (await reader.read()).value ?? '';
    };
    await hears('three\n');
    log.add('four');
    await hears('three\nfour\n');
    ending.abort();
    await reader.closed.catch(() => undefined);
    // Nobody listens any more; closing the bench would hang if the connection stood.
    log.add('five');
  });
});
