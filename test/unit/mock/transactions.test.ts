import assert from 'node:assert/strict';
import { textOf } from '../../../src/mock/json.js';
import type { Json } from '../../../src/mock/json.js';
import { FakeClock } from '../../support/fake-clock.js';
import { installFile, mintPair, startBench } from './bench.js';
import type { Bench } from './bench.js';

const downloads = 'file:/var/config/rest/downloads';

describe('mock BIG-IP: transactions', () => {
  let bench: Bench;
  let clock: FakeClock;

  beforeEach(async () => {
    clock = new FakeClock('2026-11-22T10:00:00Z');
    bench = await startBench({ clock });
  });
  afterEach(() => bench.close());

  async function start(): Promise<{
    readonly url: string;
    readonly inside: Readonly<Record<string, string>>;
  }> {
    const { transId } = (await bench.client.post('/mgmt/tm/transaction', {})).json;
    assert.ok(typeof transId === 'number');
    return {
      url: `/mgmt/tm/transaction/${transId}`,
      inside: { 'x-f5-rest-coordination-id': String(transId) },
    };
  }
  const commit = (url: string, more: Readonly<Record<string, Json>> = {}) =>
    bench.client.patch(url, { state: 'VALIDATING', ...more });
  const pools = async () => (await bench.client.get('/mgmt/tm/ltm/pool')).json['items'];

  it('starts with the recorded members and an id of epoch microseconds', async () => {
    const answer = await bench.client.post('/mgmt/tm/transaction', {});
    assert.equal(answer.status, 200);
    const { transId, selfLink, ...rest } = answer.json;
    assert.equal(transId, clock.now().getTime() * 1000);
    assert.equal(selfLink, `https://localhost/mgmt/tm/transaction/${textOf(transId)}?ver=17.1.2.1`);
    assert.deepEqual(rest, {
      state: 'STARTED',
      timeoutSeconds: 120,
      asyncExecution: false,
      validateOnly: false,
      executionTimeout: 300,
      executionTime: 0,
      failureReason: '',
      kind: 'tm:transactionstate',
    });
  });

  it('answers a queued write with the command and does nothing yet', async () => {
    const { url, inside } = await start();
    const body = { name: 'p', partition: 'Common' };
    const answer = await bench.client.post('/mgmt/tm/ltm/pool', body, inside);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json, {
      method: 'POST',
      uri: 'https://localhost/mgmt/tm/ltm/pool',
      body,
      evalOrder: 1,
      commandId: 1,
      kind: 'tm:transaction:commandsstate',
      selfLink: `https://localhost${url}/commands/1?ver=17.1.2.1`,
    });
    const read = await bench.client.send('GET', '/mgmt/tm/ltm/pool/~Common~p', { headers: inside });
    assert.equal(read.status, 404, 'a read passes through and shows what is committed');
  });

  it('commits everything at once, and says COMPLETED', async () => {
    const { url, inside } = await start();
    await bench.client.post('/mgmt/tm/ltm/pool', { name: 'a' }, inside);
    await bench.client.post('/mgmt/tm/ltm/pool', { name: 'b' }, inside);
    const answer = await commit(url);
    assert.equal(answer.status, 200);
    assert.equal(answer.json['state'], 'COMPLETED');
    assert.deepEqual(
      ((await pools()) as ReadonlyArray<{ name: string }>).map(({ name }) => name),
      ['a', 'b'],
    );
  });

  it('leaves nothing behind when its third command fails', async () => {
    const { url, inside } = await start();
    await bench.client.post('/mgmt/tm/ltm/pool', { name: 'a' }, inside);
    await bench.client.post('/mgmt/tm/ltm/node', { name: 'n', address: '10.0.0.9' }, inside);
    await bench.client.delete('/mgmt/tm/ltm/pool/~Common~missing', inside);
    const answer = await commit(url);
    assert.equal(answer.status, 400);
    assert.deepEqual(answer.json, {
      code: 400,
      message: 'transaction failed:01020036:3: The requested Pool (/Common/missing) was not found.',
      errorStack: [],
      apiError: 2,
    });
    assert.deepEqual(await pools(), []);
    assert.deepEqual((await bench.client.get('/mgmt/tm/ltm/node')).json['items'], []);
    assert.equal((await bench.client.get(url)).json['state'], 'FAILED');
  });

  it('judges the outcome and not the steps: key and certificate are swapped together or not at all', async () => {
    const [first, second] = [await mintPair('one'), await mintPair('two')];
    await installFile(bench.client, 'ssl-cert', 'app.crt', first.certificatePem);
    await installFile(bench.client, 'ssl-key', 'app.key', first.keyPem);
    await bench.client.post('/mgmt/tm/ltm/profile/client-ssl', {
      name: 'app_clientssl',
      certKeyChain: [{ name: 'app', cert: '/Common/app.crt', key: '/Common/app.key' }],
    });
    await bench.client.upload('new.crt', second.certificatePem);
    await bench.client.upload('new.key', second.keyPem);
    const alone = await bench.client.patch('/mgmt/tm/sys/file/ssl-cert/~Common~app.crt', {
      sourcePath: `${downloads}/new.crt`,
    });
    assert.equal(
      alone.json['message'],
      "01070317:3: profile /Common/app_clientssl's key(/Common/app.key) and certificate(/Common/app.crt) do not match.",
    );
    const { url, inside } = await start();
    await bench.client.patch(
      '/mgmt/tm/sys/file/ssl-cert/~Common~app.crt',
      { sourcePath: `${downloads}/new.crt` },
      inside,
    );
    await bench.client.patch(
      '/mgmt/tm/sys/file/ssl-key/~Common~app.key',
      { sourcePath: `${downloads}/new.key` },
      inside,
    );
    assert.equal((await commit(url)).status, 200);
    const { subject, revision } = (await bench.client.get('/mgmt/tm/sys/file/ssl-cert/~Common~app.crt')).json;
    assert.deepEqual([subject, revision], ['CN=two', 2]);
  });

  it('refuses to commit with the header, an empty one, and an unknown one', async () => {
    const { url, inside } = await start();
    const withHeader = await bench.client.patch(url, { state: 'VALIDATING' }, inside);
    assert.equal(withHeader.status, 400);
    assert.match(textOf(withHeader.json['message']), /is not allowed to be added to transaction\.$/);
    const empty = await commit(url);
    assert.deepEqual(empty.json, {
      code: 404,
      message: 'there is no command to commit in the transaction.',
      errorStack: [],
      apiError: 1,
    });
    const unknown = await bench.client.post(
      '/mgmt/tm/ltm/pool',
      { name: 'a' },
      { 'x-f5-rest-coordination-id': '17' },
    );
    assert.equal(unknown.status, 404);
    assert.match(textOf(unknown.json['message']), /^Missing transaction ID for this call/);
  });

  it('forgets a transaction that was idle for 120 s', async () => {
    const { url, inside } = await start();
    await clock.advance(119_000);
    assert.equal((await bench.client.post('/mgmt/tm/ltm/pool', { name: 'a' }, inside)).status, 200);
    await clock.advance(119_000);
    assert.equal((await bench.client.get(url)).status, 200);
    await clock.advance(1_000);
    assert.equal((await commit(url)).status, 404);
    assert.deepEqual(await pools(), []);
  });

  it('rolls back on DELETE and only judges with validateOnly', async () => {
    const gone = await start();
    await bench.client.post('/mgmt/tm/ltm/pool', { name: 'a' }, gone.inside);
    assert.equal((await bench.client.delete(gone.url)).status, 200);
    assert.equal((await commit(gone.url)).status, 404);
    const { url, inside } = await start();
    await bench.client.post('/mgmt/tm/ltm/pool', { name: 'a' }, inside);
    const judged = await commit(url, { validateOnly: true });
    assert.deepEqual([judged.status, judged.json['state']], [200, 'COMPLETED']);
    assert.deepEqual(await pools(), []);
    assert.equal((await commit(url)).status, 200);
    assert.equal(((await pools()) as readonly Json[]).length, 1);
  });

  it('runs commands in evalOrder, which can be changed, and drops single ones', async () => {
    const { url, inside } = await start();
    const member = { name: '10.0.0.1:80' };
    await bench.client.post('/mgmt/tm/ltm/pool/~Common~a/members', member, inside);
    await bench.client.post('/mgmt/tm/ltm/pool', { name: 'a' }, inside);
    await bench.client.post('/mgmt/tm/ltm/pool', { name: 'b' }, inside);
    assert.equal((await bench.client.patch(`${url}/commands/2`, { evalOrder: 1 })).json['evalOrder'], 1);
    assert.equal((await bench.client.delete(`${url}/commands/3`)).status, 200);
    const listed = (await bench.client.get(`${url}/commands`)).json['items'] as ReadonlyArray<{
      commandId: number;
    }>;
    assert.deepEqual(
      listed.map(({ commandId }) => commandId),
      [2, 1],
    );
    const nested = await bench.client.post(`${url}/commands/3/members/`, member);
    assert.equal(nested.status, 400);
    assert.equal(nested.json['message'], 'Found invalid command id 3/members/');
    assert.equal((await commit(url)).status, 200);
    assert.equal(((await pools()) as readonly Json[]).length, 1);
  });

  it('takes no upload, no command and no save', async () => {
    const { inside } = await start();
    const headers = { ...inside, 'content-range': '0-2/3' };
    const upload = await bench.client.send('POST', '/mgmt/shared/file-transfer/uploads/f', {
      body: Buffer.from('abc'),
      headers,
    });
    assert.equal(upload.status, 400);
    assert.equal((await bench.client.post('/mgmt/tm/sys/config', { command: 'save' }, inside)).status, 400);
    const remove = { command: 'run', utilCmdArgs: '/var/config/rest/downloads/f' };
    assert.equal((await bench.client.post('/mgmt/tm/util/unix-rm', remove, inside)).status, 400);
  });

  it('keeps the transactions of two clients apart', async () => {
    const [one, two] = [await start(), await start()];
    await bench.client.post('/mgmt/tm/ltm/pool', { name: 'a' }, one.inside);
    await bench.client.post('/mgmt/tm/ltm/pool', { name: 'a' }, two.inside);
    const answers = await Promise.all([commit(one.url), commit(two.url)]);
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    assert.equal(answers.filter(({ status }) => status === 400).length, 1);
  });
});
