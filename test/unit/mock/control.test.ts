import assert from 'node:assert/strict';
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
});
