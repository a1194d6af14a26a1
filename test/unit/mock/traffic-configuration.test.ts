import assert from 'node:assert/strict';
import type { JsonObject } from '../../../src/mock/json.js';
import { installFile, mintPair, startBench } from './bench.js';
import type { Bench } from './bench.js';
import { RecordingDataPlane } from './recording-data-plane.js';

describe('mock BIG-IP: what the data plane is given', () => {
  let bench: Bench;
  let dataPlane: RecordingDataPlane;
  beforeEach(async () => {
    dataPlane = new RecordingDataPlane();
    bench = await startBench({ dataPlane });
  });
  afterEach(() => bench.close());

  async function made(kind: string, body: JsonObject): Promise<void> {
    const answer = await bench.client.post(`/mgmt/tm/${kind}`, body);
    assert.equal(answer.status, 200, answer.text);
  }
  const virtual = () => dataPlane.last?.virtualServers[0];

  it('is handed over before the answer, and at the start', async () => {
    assert.ok(dataPlane.isOpen);
    assert.deepEqual(dataPlane.last, { virtualServers: [], dataGroups: [], statisticsProfiles: [] });
    await made('ltm/virtual', { name: 'v', destination: '192.0.2.1:80', profiles: ['tcp'] });
    assert.equal(virtual()?.enabled, true);
    await bench.client.patch('/mgmt/tm/ltm/virtual/v', { disabled: true });
    assert.equal(virtual()?.enabled, false);
  });

  it('leaves out members that somebody took out of service, and those of a node that is out', async () => {
    const names = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80', '10.0.0.4:80'];
    await made('ltm/pool', { name: 'p', members: names.map((name) => ({ name })), monitor: '/Common/tcp' });
    await made('ltm/virtual', { name: 'v', destination: '192.0.2.1:80', profiles: ['tcp'], pool: 'p' });
    const addresses = () => virtual()?.pool?.members.map(({ address }) => address);
    assert.deepEqual(addresses(), ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4']);
    const member = '/mgmt/tm/ltm/pool/~Common~p/members/~Common~';
    await bench.client.patch(`${member}10.0.0.1:80`, { session: 'user-disabled' });
    await bench.client.patch(`${member}10.0.0.2:80`, { state: 'user-down' });
    await bench.client.patch('/mgmt/tm/ltm/node/10.0.0.3', { session: 'user-disabled' });
    assert.deepEqual(addresses(), ['10.0.0.4']);
  });

  it('resolves a client SSL profile to files and plain values, through what it inherits', async () => {
    const [pair, ca] = [await mintPair('svid'), await mintPair('root')];
    await installFile(bench.client, 'ssl-cert', 'a.crt', pair.certificatePem);
    await installFile(bench.client, 'ssl-key', 'a.key', pair.keyPem);
    await installFile(bench.client, 'ssl-cert', 'ca.crt', ca.certificatePem);
    await made('ltm/profile/client-ssl', {
      name: 'parent',
      certKeyChain: [{ name: 'a', cert: '/Common/a.crt', key: '/Common/a.key', chain: '/Common/ca.crt' }],
      peerCertMode: 'require',
      sessionTicket: 'disabled',
    });
    await made('ltm/profile/client-ssl', {
      name: 'child',
      defaultsFrom: '/Common/parent',
      caFile: '/Common/ca.crt',
      clientCertCa: '/Common/ca.crt',
      cacheSize: 0,
      handshakeTimeout: 'indefinite',
      retainCertificate: false,
      tmOptions: ['no-tlsv1.3'],
    });
    await made('ltm/virtual', {
      name: 'v',
      destination: '192.0.2.1%5:80',
      profiles: ['tcp', { name: 'child', context: 'clientside' }],
    });
    assert.equal(virtual()?.address, '192.0.2.1');
    const { certKeyChain = [], ...clientSsl } = virtual()?.clientSsl ?? {};
    assert.deepEqual(clientSsl, {
      fullPath: '/Common/child',
      caPem: ca.certificatePem,
      clientCertCaPem: ca.certificatePem,
      peerCertMode: 'require',
      authenticate: 'once',
      authenticateDepth: 9,
      retainCertificate: false,
      cacheSize: 0,
      cacheTimeoutSeconds: 3600,
      sessionTicket: false,
      renegotiation: true,
      allowNonSsl: false,
      options: ['no-tlsv1.3'],
      handshakeTimeoutSeconds: 86_400,
    });
    const [entry] = certKeyChain;
    assert.equal(entry?.keyPem.reveal(), pair.keyPem);
    assert.deepEqual([entry?.certPem, entry?.chainPem], [pair.certificatePem, ca.certificatePem]);
  });

  it('takes, of several client SSL profiles, the default for SNI', async () => {
    await made('ltm/profile/client-ssl', { name: 'first' });
    await made('ltm/profile/client-ssl', { name: 'second', sniDefault: true });
    const profiles = ['tcp', 'first', 'second'].map((name) => ({ name }));
    await made('ltm/virtual', { name: 'v', destination: '192.0.2.1:443', profiles });
    assert.equal(virtual()?.clientSsl?.fullPath, '/Common/second');
  });

  it('carries the rules in order, and the records of both kinds of data groups', async () => {
    for (const name of ['one', 'two']) await made('ltm/rule', { name, apiAnonymous: `# ${name}` });
    await made('ltm/virtual', {
      name: 'v',
      destination: '192.0.2.1:80',
      profiles: ['tcp'],
      rules: ['two', 'one'],
    });
    assert.deepEqual(
      virtual()?.rules.map(({ text }) => text),
      ['# two', '# one'],
    );
    await made('ltm/data-group/internal', {
      name: 'in',
      type: 'integer',
      records: [{ name: '7', data: 'x' }],
    });
    await installFile(bench.client, 'data-group', 'file', '"a" := "1",\n', { type: 'string' });
    await made('ltm/data-group/external', { name: 'ex', externalFileName: 'file' });
    assert.deepEqual(dataPlane.last?.dataGroups, [
      { fullPath: '/Common/in', type: 'integer', records: [{ name: '7', data: 'x' }] },
      { fullPath: '/Common/ex', type: 'string', records: [{ name: 'a', data: '1' }] },
    ]);
  });

  it('what it counts is shown as statistics', async () => {
    await made('ltm/rule', { name: 'r', apiAnonymous: 'when CLIENT_ACCEPTED { }\nwhen CLIENT_CLOSED { }' });
    await made('ltm/virtual', { name: 'v', destination: '192.0.2.1:80', profiles: ['tcp'], rules: ['r'] });
    const counted = dataPlane.statistics.virtualServer('/Common/v');
    counted.totalConnections = 3;
    counted.clientSideBytesIn = 10;
    dataPlane.statistics.ruleEvent('/Common/r', 'CLIENT_ACCEPTED').totalExecutions = 3;
    const virtualStats = (await bench.client.get('/mgmt/tm/ltm/virtual/v/stats')).text;
    assert.match(virtualStats, /"clientside.bitsIn":\{"value":80\}/);
    assert.match(virtualStats, /"clientside.totConns":\{"value":3\}/);
    const rule = (await bench.client.get('/mgmt/tm/ltm/rule/r/stats')).json['entries'];
    assert.deepEqual(Object.keys(rule as JsonObject), [
      'https://localhost/mgmt/tm/ltm/rule/~Common~r:CLIENT_ACCEPTED/stats',
      'https://localhost/mgmt/tm/ltm/rule/~Common~r:CLIENT_CLOSED/stats',
    ]);
    assert.match(JSON.stringify(rule), /"totalExecutions":\{"value":3\}/);
  });

  it('a data plane that fails leaves the configuration as it was', async () => {
    await made('ltm/virtual', { name: 'v', destination: '192.0.2.1:80', profiles: ['tcp'] });
    const handedOver = dataPlane.applied.length;
    dataPlane.failsNext = true;
    const answer = await bench.client.patch('/mgmt/tm/ltm/virtual/v', { destination: '192.0.2.9:80' });
    assert.equal(answer.status, 500);
    const { destination } = (await bench.client.get('/mgmt/tm/ltm/virtual/v')).json;
    assert.equal(destination, '/Common/192.0.2.1:80');
    assert.equal(dataPlane.applied.length, handedOver + 1, 'it is given back what it had');
    assert.equal(virtual()?.address, '192.0.2.1');
  });
});
