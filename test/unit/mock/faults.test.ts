import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FaultInjector } from '../../../src/mock/faults/fault-injector.js';
import type { FaultRule } from '../../../src/mock/faults/fault.js';
import { textOf } from '../../../src/mock/json.js';
import type { Json } from '../../../src/mock/json.js';
import { FakeClock } from '../../support/fake-clock.js';
import { sharedData } from '../../support/shared-data.js';
import { skipBecause } from '../../support/skip.js';
import { installFile, mintPair, startBench } from './bench.js';
import type { Bench } from './bench.js';
import { differences } from './differences.js';
import { RecordingDataPlane } from './recording-data-plane.js';

const pools = '/mgmt/tm/ltm/pool';

describe('mock BIG-IP: faults', () => {
  let bench: Bench;
  let clock: FakeClock;
  let dataPlane: RecordingDataPlane;

  beforeEach(async () => {
    clock = new FakeClock();
    dataPlane = new RecordingDataPlane();
    bench = await startBench({ clock, dataPlane });
    await bench.client.post(pools, { name: 'p' });
  });
  afterEach(() => bench.close());

  const inject = (rule: FaultRule) => bench.device.faults.inject(rule);

  it('an intermittent 401 strikes right credentials once, and the same call then succeeds', async () => {
    inject({ fault: 'unauthenticated', times: 1 });
    const first = await bench.client.get(pools);
    assert.equal(first.status, 401);
    assert.match(first.text, /no user authentication header or token detected/);
    assert.equal((await bench.client.get(pools)).status, 200);
  });

  it('a connection dropped before does nothing, one dropped after has done it', async () => {
    inject({ fault: 'drop-before', method: 'POST', times: 1 });
    await assert.rejects(bench.client.post(pools, { name: 'before' }));
    inject({ fault: 'drop-after', method: 'POST', times: 1 });
    await assert.rejects(bench.client.post(pools, { name: 'after' }));
    assert.equal((await bench.client.get(`${pools}/before`)).status, 404);
    assert.equal((await bench.client.get(`${pools}/after`)).status, 200);
    assert.deepEqual(
      bench.device.requests.slice(-4).map(({ status }) => status),
      [0, 0, 404, 200],
    );
  });

  it('a commit can be dropped on either side', async () => {
    const commit = async (name: string, fault: 'drop-before' | 'drop-after'): Promise<void> => {
      const transId = textOf((await bench.client.post('/mgmt/tm/transaction', {})).json['transId']);
      await bench.client.post(pools, { name }, { 'x-f5-rest-coordination-id': transId });
      inject({ fault, method: 'PATCH', path: '/mgmt/tm/transaction/', times: 1 });
      await assert.rejects(bench.client.patch(`/mgmt/tm/transaction/${transId}`, { state: 'VALIDATING' }));
    };
    await commit('lost', 'drop-before');
    await commit('done', 'drop-after');
    assert.equal((await bench.client.get(`${pools}/lost`)).status, 404);
    assert.equal((await bench.client.get(`${pools}/done`)).status, 200);
  });

  it('a restart of mcpd denies what exists, then loses the connection, then ends', async () => {
    inject({ fault: 'mcpd-restart', forMs: 10_000 });
    const denied = await bench.client.get(`${pools}/p`);
    assert.deepEqual(
      [denied.status, denied.json['message']],
      [404, '01020036:3: The requested Pool (/Common/p) was not found.'],
    );
    assert.match((await bench.client.get(pools)).text, /can't get object count from mcpd/);
    assert.match((await bench.client.get('/mgmt/tm/sys/ready')).text, /"configReady":\{"description":"no"\}/);
    await clock.advance(5_000);
    const lost = await bench.client.patch(`${pools}/p`, { description: 'x' });
    assert.deepEqual(
      [lost.status, lost.json['message'], lost.json['apiError']],
      [500, 'The connection to mcpd has been lost, try again.', 32_768_001],
    );
    await clock.advance(5_000);
    const after = await bench.client.get(`${pools}/p`);
    assert.deepEqual([after.status, after.json['description']], [200, undefined]);
    assert.match(
      (await bench.client.get('/mgmt/tm/sys/ready')).text,
      /"configReady":\{"description":"yes"\}/,
    );
  });

  it('a forwarded call that times out has happened all the same', async () => {
    inject({ fault: 'remote-timeout', method: 'DELETE', times: 1 });
    const answer = await bench.client.delete(`${pools}/p`);
    assert.equal(answer.status, 400);
    assert.equal(answer.json['message'], 'remoteSender:127.0.0.1, method:DELETE ');
    assert.equal((await bench.client.get(`${pools}/p`)).status, 404);
  });

  it('latency waits for the clock', async () => {
    inject({ fault: 'latency', path: '/mgmt/shared/file-transfer', ms: 30_000 });
    let isDone = false;
    const upload = bench.client.upload('slow', 'abc').then((answer) => {
      isDone = true;
      return answer;
    });
    while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal((await bench.client.get(pools)).status, 200);
    assert.equal(isDone, false);
    await clock.advance(30_000);
    assert.equal((await upload).status, 200);
  });

  it('closing ends what waits', async () => {
    inject({ fault: 'latency', ms: 30_000 });
    const waiting = assert.rejects(bench.client.get(pools));
    while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
    await bench.device.close();
    await waiting;
    assert.equal(clock.sleeping, 0);
  });

  it('uploads run out of room, or come back in the error', async () => {
    inject({ fault: 'disk-full', times: 1 });
    assert.equal((await bench.client.upload('a', 'abc')).status, 500);
    inject({ fault: 'upload-echo', times: 1 });
    const echo = await bench.client.upload('a', 'posted bytes');
    assert.deepEqual([echo.status, echo.text], [400, 'posted bytes']);
    assert.equal((await bench.client.upload('a', 'abc')).status, 200);
  });

  it('a login meets the limit of tokens, also for admin', async () => {
    inject({ fault: 'token-limit', times: 1 });
    const answer = await bench.client.login();
    assert.deepEqual(
      [answer.status, answer.json['message']],
      [400, 'user admin has reached maximum active login tokens'],
    );
  });

  it('a stale read shows what was before the last change', async () => {
    await bench.client.patch(`${pools}/p`, { description: 'new' });
    inject({ fault: 'stale-read', times: 1 });
    assert.equal((await bench.client.get(`${pools}/p`)).json['description'], undefined);
    assert.equal((await bench.client.get(`${pools}/p`)).json['description'], 'new');
  });

  it('takes a new certificate and goes on serving the old one', async () => {
    const [one, two] = [await mintPair('one'), await mintPair('two')];
    for (const [name, pair] of Object.entries({ one, two })) {
      await installFile(bench.client, 'ssl-cert', `${name}.crt`, pair.certificatePem);
      await installFile(bench.client, 'ssl-key', `${name}.key`, pair.keyPem);
    }
    const chain = (name: string) => [{ name, cert: `/Common/${name}.crt`, key: `/Common/${name}.key` }];
    await bench.client.post('/mgmt/tm/ltm/profile/client-ssl', { name: 'ssl', certKeyChain: chain('one') });
    await bench.client.post('/mgmt/tm/ltm/virtual', {
      name: 'v',
      destination: '192.0.2.1:443',
      profiles: ['tcp', { name: 'ssl', context: 'clientside' }],
    });
    const served = () => dataPlane.last?.virtualServers[0]?.clientSsl?.certKeyChain[0]?.certPem;
    assert.equal(served(), one.certificatePem);
    const id = inject({ fault: 'old-certificate' });
    const patched = await bench.client.patch('/mgmt/tm/ltm/profile/client-ssl/ssl', {
      certKeyChain: chain('two'),
    });
    assert.equal(patched.status, 200);
    assert.equal(patched.json['cert'], '/Common/two.crt');
    assert.equal(served(), one.certificatePem);
    bench.device.faults.remove(id);
    await bench.client.patch('/mgmt/tm/ltm/profile/client-ssl/ssl', { description: 'again' });
    assert.equal(served(), two.certificatePem);
  });

  it('cuts long error bodies of forwarded calls, as up to 16.0', async () => {
    inject({ fault: 'truncated-errors' });
    const long = await bench.client.get(`${pools}/${'x'.repeat(3000)}`);
    assert.deepEqual([long.status, long.json['message']], [404, 'request failed with null exception']);
    const short = await bench.client.get(`${pools}/x`);
    assert.match(short.text, /01020036/);
  });

  it('skips, counts and narrows as its rule says', async () => {
    inject({ fault: 'async-task', method: 'GET', path: `${pools}/p`, skip: 1, times: 2 });
    const statuses: number[] = [];
    for (let call = 0; call < 4; call++) statuses.push((await bench.client.get(`${pools}/p`)).status);
    assert.deepEqual(statuses, [200, 503, 503, 200]);
    assert.deepEqual(bench.device.faults.list(), []);
  });

  it('a seed decides which share of requests is struck, twice the same', () => {
    const struck = (seed: number) => {
      const injector = new FaultInjector(() => clock.now(), seed);
      injector.inject({ fault: 'unauthenticated', share: 0.3 });
      const request = {
        method: 'GET',
        path: pools,
        query: new URLSearchParams(),
        headers: {},
        body: Buffer.alloc(0),
        clientAddress: '127.0.0.1',
      };
      return Array.from({ length: 1000 }, () => injector.strike(request).length).join('');
    };
    assert.equal(struck(7), struck(7));
    assert.notEqual(struck(7), struck(8));
    const share = struck(7).split('1').length - 1;
    assert.ok(share > 250 && share < 350, `${share} of 1000`);
  });

  it('a reboot forgets tokens and what was not saved, and starts in three stages', async () => {
    await bench.client.post('/mgmt/tm/sys/config', { command: 'save' });
    await bench.client.post(pools, { name: 'unsaved' });
    await bench.device.reboot({ startUpMs: 90_000 });
    const html = await bench.client.get(pools);
    assert.equal(html.status, 503);
    assert.match(html.headers['content-type'] ?? '', /^text\/html/);
    assert.match(html.text, /Configuration Utility restarting\.\.\./);
    await clock.advance(30_000);
    assert.equal((await bench.client.get(pools)).json['kind'], ':resterrorresponse');
    assert.match((await bench.client.get(pools)).text, /not registered\. {2}Please verify URI/);
    await clock.advance(30_000);
    assert.match(
      (await bench.client.get(`${pools}/~Common~p`)).text,
      /Public URI path not registered: \/tm\/ltm\/pool\/\?Common\?p/,
    );
    await clock.advance(30_000);
    assert.match((await bench.client.get(pools)).text, /X-F5-Auth-Token does not exist/);
    await bench.client.login();
    assert.equal((await bench.client.get(`${pools}/p`)).status, 200);
    assert.equal((await bench.client.get(`${pools}/unsaved`)).status, 404);
  });

  it('answers the faults that were recorded as recorded', async function () {
    const folder = sharedData('icontrol-fixtures');
    if (folder === undefined) {
      skipBecause(this, 'no recorded answers beside the checkout (icontrol-fixtures)');
      return;
    }
    const recorded: ReadonlyArray<readonly [string, FaultRule['fault'], string]> = [
      ['error-503-async-task', 'async-task', pools],
      ['error-500-mcpd-lost', 'mcpd-lost', pools],
      ['error-404-object', 'false-not-found', `${pools}/~Common~my-pool`],
      ['error-404-uri-not-registered', 'not-registered', `${pools}/~Common~my-pool`],
      ['error-404-public-uri-not-registered', 'public-uri-not-registered', `${pools}/~Common~my-pool`],
      ['error-401-no-credentials-17.1.0.1', 'unauthenticated', '/mgmt/tm/ltm/virtual'],
      ['error-400-remote-timeout', 'remote-timeout', pools],
    ];
    for (const [fixture, fault, path] of recorded) {
      inject({ fault, times: 1 });
      const answer = await bench.client.get(path);
      const body = JSON.parse(readFileSync(join(folder, `${fixture}.json`), 'utf8')) as Json;
      const quotesAddress = fault === 'unauthenticated' || fault === 'remote-timeout';
      const anyValue = new Set([
        'referer',
        'restOperationId',
        ...(quotesAddress ? ['message', 'errorStack'] : []),
      ]);
      assert.deepEqual(differences(body, answer.json, { anyValue, ignored: new Set() }), [], fixture);
    }
  });
});
