import assert from 'node:assert/strict';
import { textOf } from '../../../src/mock/json.js';
import type { JsonObject } from '../../../src/mock/json.js';
import { installFile, mintPair, startBench } from './bench.js';
import type { Bench } from './bench.js';
import { RecordingDataPlane } from './recording-data-plane.js';

describe('mock BIG-IP: a mesh service from nothing', () => {
  let bench: Bench;
  const dataPlane = new RecordingDataPlane();

  before(async () => {
    bench = await startBench({ dataPlane });
  });
  after(() => bench.close());

  it('takes a partition, files, profile, rule, data group, pool and virtual server in one transaction', async () => {
    const { client } = bench;
    const pair = await mintPair('bigip', 'spiffe://cluster.local/ns/default/sa/bigip');
    assert.equal((await client.post('/mgmt/tm/auth/partition', { name: 'mesh' })).status, 200);
    await client.upload('a.crt', pair.certificatePem);
    await client.upload('a.key', pair.keyPem);
    const { transId } = (await client.post('/mgmt/tm/transaction', {})).json;
    const inside = { 'x-f5-rest-coordination-id': textOf(transId) };
    const commands: ReadonlyArray<readonly [string, JsonObject]> = [
      [
        'sys/file/ssl-cert',
        { name: 'a.crt', partition: 'mesh', sourcePath: 'file:/var/config/rest/downloads/a.crt' },
      ],
      [
        'sys/file/ssl-key',
        { name: 'a.key', partition: 'mesh', sourcePath: 'file:/var/config/rest/downloads/a.key' },
      ],
      [
        'ltm/profile/client-ssl',
        {
          name: 'echo',
          partition: 'mesh',
          defaultsFrom: '/Common/clientssl',
          certKeyChain: [{ name: 'svid', cert: '/mesh/a.crt', key: '/mesh/a.key' }],
          caFile: '/mesh/a.crt',
          peerCertMode: 'require',
          authenticate: 'always',
          cacheSize: 0,
          renegotiation: 'disabled',
          tmOptions: ['dont-insert-empty-fragments'],
        },
      ],
      ['ltm/rule', { name: 'allow', partition: 'mesh', apiAnonymous: 'when CLIENTSSL_HANDSHAKE { }' }],
      [
        'ltm/data-group/internal',
        { name: 'echo_allow', partition: 'mesh', type: 'string', records: [{ name: 'a' }] },
      ],
      [
        'ltm/pool',
        {
          name: 'echo',
          partition: 'mesh',
          monitor: '/Common/tcp',
          members: [{ name: '10.1.20.5:9000', address: '10.1.20.5' }],
        },
      ],
      [
        'ltm/virtual',
        {
          name: 'echo',
          partition: 'mesh',
          destination: '/mesh/198.51.100.20:9000',
          ipProtocol: 'tcp',
          pool: '/mesh/echo',
          rules: ['/mesh/allow'],
          profiles: [
            { name: '/Common/tcp', context: 'all' },
            { name: '/mesh/echo', context: 'clientside' },
          ],
        },
      ],
    ];
    for (const [path, body] of commands) {
      const answer = await client.post(`/mgmt/tm/${path}`, body, inside);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json['kind'], 'tm:transaction:commandsstate');
    }
    const committed = await client.patch(`/mgmt/tm/transaction/${textOf(transId)}`, { state: 'VALIDATING' });
    assert.equal(committed.status, 200, committed.text);
    assert.equal(committed.json['state'], 'COMPLETED');

    const configuration = dataPlane.last;
    const [virtual] = configuration?.virtualServers ?? [];
    assert.equal(virtual?.fullPath, '/mesh/echo');
    assert.deepEqual([virtual?.address, virtual?.port], ['198.51.100.20', 9000]);
    assert.deepEqual(virtual?.pool?.members, [{ address: '10.1.20.5', port: 9000 }]);
    assert.equal(virtual?.rules[0]?.text, 'when CLIENTSSL_HANDSHAKE { }');
    assert.equal(virtual?.clientSsl?.peerCertMode, 'require');
    assert.equal(virtual?.clientSsl?.certKeyChain[0]?.certPem, pair.certificatePem);
    assert.deepEqual(virtual?.clientSsl?.options, ['dont-insert-empty-fragments']);
    assert.deepEqual(configuration?.dataGroups[0], {
      fullPath: '/mesh/echo_allow',
      type: 'string',
      records: [{ name: 'a', data: '' }],
    });
    const address = await client.get('/mgmt/tm/ltm/virtual-address/~mesh~198.51.100.20');
    assert.equal(address.json['autoDelete'], 'true');
  });

  it('refuses a rule that does not load, in the words of the device', async () => {
    const answer = await bench.client.post('/mgmt/tm/ltm/rule', {
      name: 'bad',
      apiAnonymous: 'when CLIENT_ACCEPTED {\n  xlog hi\n}',
    });
    assert.equal(answer.status, 400);
    assert.equal(
      answer.json['message'],
      '01070151:3: Rule [/Common/bad] error: /Common/bad:2: error: [undefined procedure: xlog][xlog hi]',
    );
    assert.equal((await bench.client.get('/mgmt/tm/ltm/rule/~Common~bad')).status, 404);
  });

  it('answers 409 with the recorded text to a certificate that is there already', async () => {
    const { certificatePem } = await mintPair('twice');
    assert.equal((await installFile(bench.client, 'ssl-cert', 'SITE.crt', certificatePem)).status, 200);
    const again = await installFile(bench.client, 'ssl-cert', 'SITE.crt', certificatePem);
    assert.equal(again.status, 409);
    assert.equal(
      again.json['message'],
      '01020066:3: The requested Certificate File (/Common/SITE.crt) already exists in partition Common.',
    );
  });
});
