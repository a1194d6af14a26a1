import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { textOf } from '../../../src/mock/json.js';
import type { JsonObject } from '../../../src/mock/json.js';
import { FakeClock } from '../../support/fake-clock.js';
import { sharedData } from '../../support/shared-data.js';
import { skipBecause } from '../../support/skip.js';
import { startBench } from './bench.js';
import type { Bench } from './bench.js';
import { ManagementClient } from './management-client.js';

describe('mock BIG-IP: the management port', () => {
  let bench: Bench;
  before(async () => {
    bench = await startBench();
  });
  after(() => bench.close());

  it('speaks TLS 1.2 and nothing newer', async () => {
    assert.equal(await bench.client.tlsVersion(), 'TLSv1.2');
    const { hostname, port } = new URL(bench.device.url);
    const socket = connect({
      host: hostname,
      port: Number(port),
      ca: bench.device.certificatePem,
      minVersion: 'TLSv1.3',
      checkServerIdentity: () => undefined,
    });
    const error = await new Promise<NodeJS.ErrnoException>((resolve, reject) => {
      socket.once('error', resolve);
      socket.once('secureConnect', () => reject(new Error('TLS 1.3 was agreed to')));
    });
    assert.match(error.message, /protocol version/);
  });

  it('shows a certificate that is no name’s: CN=localhost.localdomain, without a SAN', async () => {
    const own = new ManagementClient(bench.device);
    const { hostname, port } = new URL(bench.device.url);
    const socket = connect({ host: hostname, port: Number(port), ca: bench.device.certificatePem });
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve));
    assert.equal(error.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
    own.close();
  });

  it('sends the headers of a device, in its order', async () => {
    const answer = await bench.client.post('/mgmt/tm/ltm/pool', { name: 'p' });
    const names = answer.rawHeaders.filter((_, index) => index % 2 === 0);
    assert.deepEqual(names, [
      'Date',
      'Server',
      'X-Frame-Options',
      'Strict-Transport-Security',
      'Content-Type',
      'Allow',
      'Pragma',
      'Cache-Control',
      'Cache-Control',
      'Cache-Control',
      'Expires',
      'Content-Length',
      'X-Content-Type-Options',
      'X-XSS-Protection',
      'Content-Security-Policy',
      'Connection',
      'Keep-Alive',
    ]);
    assert.equal(answer.headers['content-type'], 'application/json;charset=utf-8');
    assert.ok(!('etag' in answer.headers));
  });

  it('answers wrong JSON with 400 and closes the connection', async () => {
    for (const body of ['{"name":', '[]', '"x"']) {
      const answer = await bench.client.send('POST', '/mgmt/tm/ltm/pool', { body: Buffer.from(body) });
      assert.deepEqual(answer.json, {
        code: 400,
        message: 'Found invalid JSON body in the request.',
        errorStack: [],
        apiError: 1,
      });
      assert.equal(answer.headers['connection'], 'close');
    }
  });

  it('refuses what looks like an HTML tag in a URL', async () => {
    const answer = await bench.client.get('/mgmt/tm/ltm/pool/%3Cscript%3E');
    assert.deepEqual(
      [answer.status, answer.json['message']],
      [400, 'HTML Tag-like Content in the Request URL/Body'],
    );
  });

  it('passes over a request whose client goes away before its body is complete', async () => {
    const { hostname, port } = new URL(bench.device.url);
    const socket = connect({
      host: hostname,
      port: Number(port),
      ca: bench.device.certificatePem,
      checkServerIdentity: () => undefined,
    });
    const before = bench.device.requests.length;
    await once(socket, 'secureConnect');
    socket.write(
      'POST /mgmt/shared/file-transfer/uploads/f HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc',
    );
    // What the server has to say to half a request is read, so that its closing is seen.
    socket.resume();
    socket.end();
    await once(socket, 'close');
    assert.equal((await bench.client.get('/mgmt/tm/ltm/pool')).status, 200);
    assert.equal(bench.device.requests.length, before + 1);
  });

  it('DELETE answers 200 with an empty body, and nothing deletes a collection', async () => {
    await bench.client.post('/mgmt/tm/ltm/pool', { name: 'q' });
    const answer = await bench.client.delete('/mgmt/tm/ltm/pool/q');
    assert.deepEqual([answer.status, answer.text], [200, '']);
    assert.equal((await bench.client.delete('/mgmt/tm/ltm/pool')).status, 400);
  });

  it('takes a ver, a trailing slash and a doubled one, and shows its own release once', async () => {
    await bench.client.post('/mgmt/tm/ltm/pool', { name: 'link' });
    const own = async (path: string) => (await bench.client.get(path)).json['selfLink'];
    const pool = 'https://localhost/mgmt/tm/ltm/pool';
    assert.equal(await own('/mgmt/tm/ltm/pool/link?ver=11.6.0'), `${pool}/~Common~link?ver=17.1.2.1`);
    assert.equal(
      await own('/mgmt/tm/ltm/pool?ver=11.6.0&expandSubcollections=true'),
      `${pool}?expandSubcollections=true&ver=17.1.2.1`,
    );
    assert.equal(await own('/mgmt/tm/ltm/pool/'), `${pool}?ver=17.1.2.1`);
    assert.equal(await own('/mgmt/tm//ltm/pool//link'), `${pool}/~Common~link?ver=17.1.2.1`);
  });

  it('a page of no items names no next one', async () => {
    const { json } = await bench.client.get('/mgmt/tm/ltm/pool?$top=0');
    assert.deepEqual([json['items'], json['nextLink']], [[], undefined]);
  });

  it('shows what a kind has by an example', async () => {
    const { json } = await bench.client.get('/mgmt/tm/ltm/pool/example');
    assert.equal(json['kind'], 'tm:ltm:pool:poolcollectionstate');
    const [item] = json['items'] as readonly JsonObject[];
    assert.ok(item !== undefined);
    assert.equal(item['loadBalancingMode'], 'round-robin');
    assert.equal((item['propertyDescriptions'] as JsonObject)['loadBalancingMode'], 'load-balancing-mode');
    await bench.client.post('/mgmt/tm/ltm/pool', { name: 'example' });
    const real = await bench.client.get('/mgmt/tm/ltm/pool/example');
    assert.equal(real.json['fullPath'], '/Common/example', 'a pool of that name wins');
    await bench.client.delete('/mgmt/tm/ltm/pool/example');
    assert.equal((await bench.client.get('/mgmt/tm/ltm/nonsense/example')).status, 404);
  });

  it('serves ten requests at a time and lets others wait', async () => {
    const clock = new FakeClock();
    const slow = await startBench({ clock, faults: [{ fault: 'latency', method: 'GET', ms: 1000 }] });
    try {
      const clients = Array.from({ length: 12 }, () => new ManagementClient(slow.device));
      const answers = clients.map((client) => client.get('/mgmt/tm/ltm/pool'));
      while (clock.sleeping < 10) await new Promise((resolve) => setImmediate(resolve));
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(clock.sleeping, 10);
      await clock.advance(1000);
      while (clock.sleeping < 2) await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(1000);
      assert.equal((await Promise.all(answers)).length, 12);
      for (const client of clients) client.close();
    } finally {
      await slow.close();
    }
  });

  it('matches the recorded headers', async function () {
    const folder = sharedData('icontrol-fixtures');
    if (folder === undefined) {
      skipBecause(this, 'no recorded answers beside the checkout (icontrol-fixtures)');
      return;
    }
    const recorded = JSON.parse(readFileSync(join(folder, 'http-headers-409-17.1.2.1.json'), 'utf8')) as {
      headers: ReadonlyArray<readonly [string, string]>;
    };
    const basic = new ManagementClient(bench.device);
    basic.useBasic('agent', 'agent-password');
    await basic.post('/mgmt/tm/ltm/data-group/internal', { name: 'd', type: 'string' });
    const answer = await basic.post('/mgmt/tm/ltm/data-group/internal', { name: 'd', type: 'string' });
    basic.close();
    assert.equal(answer.status, 409);
    const sent = answer.rawHeaders
      .map((name, index) => [name, answer.rawHeaders[index + 1] ?? ''] as const)
      .filter((_, index) => index % 2 === 0)
      .filter(([name]) => name !== 'Connection' && name !== 'Keep-Alive');
    const own = new Set(['Date', 'Set-Cookie', 'Content-Length']);
    const compare = (headers: ReadonlyArray<readonly [string, string]>) =>
      headers.map(([name, value]) => (own.has(name) ? name : `${name}: ${value}`));
    assert.deepEqual(compare(sent), compare(recorded.headers));
  });
});

describe('mock BIG-IP: readiness and version', () => {
  let bench: Bench;
  before(async () => {
    bench = await startBench({ tmosVersion: '16.1', hostname: 'bigip1.example.com' });
  });
  after(() => bench.close());

  const entries = async (path: string) => {
    const body = (await bench.client.get(`/mgmt/tm/${path}`)).json;
    const [entry] = Object.values(body['entries'] as JsonObject);
    return ((entry as JsonObject)['nestedStats'] as JsonObject)['entries'] as JsonObject;
  };

  it('answers /available for the workers that F5’s own tools wait for', async () => {
    for (const path of [
      'shared/echo',
      'shared/identified-devices/config/device-info',
      'tm/sys',
      'tm/cm',
      'tm/ltm',
    ]) {
      assert.equal((await bench.client.get(`/mgmt/${path}/available`)).status, 200, path);
    }
    assert.equal((await bench.client.get('/mgmt/tm/nonsense/available')).status, 404);
  });

  it('tells its version in every place where clients look', async () => {
    assert.deepEqual((await entries('sys/version'))['Version'], { description: '16.1.3.3' });
    assert.match((await bench.client.get('/mgmt/tm/sys')).text, /ver=16\.1\.3\.3/);
    const device = (await bench.client.get('/mgmt/shared/identified-devices/config/device-info')).json;
    assert.deepEqual([device['hostname'], device['version']], ['bigip1.example.com', '16.1.3']);
    const units = (await bench.client.get('/mgmt/tm/cm/device')).json['items'] as readonly JsonObject[];
    assert.deepEqual(
      units.map((unit) => [unit['hostname'], unit['version'], unit['selfDevice'], unit['failoverState']]),
      [['bigip1.example.com', '16.1.3.3', 'true', 'active']],
    );
  });

  it('is ready, running, active and standalone', async () => {
    assert.deepEqual((await entries('sys/ready'))['configReady'], { description: 'yes' });
    assert.deepEqual((await entries('sys/mcp-state'))['lastLoad'], {
      description: 'full-config-load-succeed',
    });
    assert.deepEqual((await entries('cm/failover-status'))['status'], { description: 'ACTIVE' });
    const sync = await entries('cm/sync-status');
    assert.deepEqual(
      [sync['status'], sync['mode']],
      [{ description: 'Standalone' }, { description: 'standalone' }],
    );
  });

  it('refuses to synchronise with a group that it is not in', async () => {
    const answer = await bench.client.post('/mgmt/tm/cm', {
      command: 'run',
      utilCmdArgs: 'config-sync to-group GROUP',
    });
    assert.equal(answer.status, 400);
    assert.equal(
      answer.json['message'],
      '01070734:3: Configuration error: Device group (GROUP) not found in device group sync',
    );
  });

  it('gives statistics under keys that are links', async () => {
    await bench.client.post('/mgmt/tm/ltm/pool', { name: 'p', members: [{ name: '10.0.0.1:80' }] });
    await bench.client.post('/mgmt/tm/ltm/virtual', {
      name: 'v',
      destination: '192.0.2.1:80',
      profiles: ['tcp'],
      pool: 'p',
    });
    const one = (await bench.client.get('/mgmt/tm/ltm/virtual/~Common~v/stats')).json;
    assert.equal(one['kind'], 'tm:ltm:virtual:virtualstats');
    assert.deepEqual(Object.keys(one['entries'] as JsonObject), [
      'https://localhost/mgmt/tm/ltm/virtual/~Common~v/stats',
    ]);
    const stats = await entries('ltm/virtual/~Common~v/stats');
    assert.deepEqual(stats['status.availabilityState'], { description: 'unknown' });
    assert.deepEqual(stats['clientside.bitsIn'], { value: 0 });
    const all = (await bench.client.get('/mgmt/tm/ltm/pool/~Common~p/members/stats')).json;
    assert.equal(all['kind'], 'tm:ltm:pool:members:memberscollectionstats');
    assert.equal((await bench.client.get('/mgmt/tm/ltm/virtual/~Common~w/stats')).status, 404);
  });

  it('runs a save as a task', async () => {
    const started = await bench.client.post('/mgmt/tm/task/sys/config', { command: 'save' });
    const id = textOf(started.json['_taskId']);
    assert.equal(started.json['_taskState'], 'STARTED');
    const accepted = await bench.client.put(`/mgmt/tm/task/sys/config/${id}`, { _taskState: 'VALIDATING' });
    assert.deepEqual([accepted.status, accepted.json['code']], [202, 202]);
    const done = await bench.client.get(`/mgmt/tm/task/sys/config/${id}`);
    assert.equal(done.json['_taskState'], 'COMPLETED');
    const missing = await bench.client.get('/mgmt/tm/task/sys/config/17');
    assert.equal(missing.json['message'], 'Task not found - [ID: 17 user: admin]');
  });
});
