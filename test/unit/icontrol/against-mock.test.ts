import assert from 'node:assert/strict';
import { systemClock } from '../../../src/clock.js';
import { silentLogger } from '../../../src/log.js';
import { Secret } from '../../../src/secret.js';
import { IControlClient } from '../../../src/icontrol/client.js';
import { addRecords, deleteRecords } from '../../../src/icontrol/data-group-records.js';
import type { Command, RequestRecord } from '../../../src/icontrol/request.js';
import { collectionPath, resourcePath } from '../../../src/icontrol/resource-path.js';
import { parseTmOptions } from '../../../src/icontrol/tm-options.js';
import { startMockBigIp } from '../../../src/mock/mock-big-ip.js';
import type { MockBigIp } from '../../../src/mock/mock-big-ip.js';
import { mintFactoryCertificate, mintIssuedCertificate } from './device-certificate.js';

const partition = 'mesh';
const profile = resourcePath('ltm/profile/client-ssl', { partition, name: 'echo_clientssl' });
const allow = { partition, name: 'echo_allow' };

function creation(kind: string, name: string, sourcePath: string | undefined): Command {
  return { method: 'POST', path: collectionPath(kind), body: { name, partition, sourcePath } };
}

/** Commands that make a certificate and a key out of two uploaded files. */
function pairCommands(name: string, cert: string | undefined, key: string | undefined): Command[] {
  return [
    creation('sys/file/ssl-cert', `${name}.crt`, cert),
    creation('sys/file/ssl-key', `${name}.key`, key),
  ];
}

function chainOf(certName: string, keyName: string) {
  return { certKeyChain: [{ name: 'mesh', cert: `/mesh/${certName}.crt`, key: `/mesh/${keyName}.key` }] };
}

describe('IControlClient against the mock BIG-IP', () => {
  let device: MockBigIp;
  let client: IControlClient;
  let records: RequestRecord[];
  const first = mintFactoryCertificate();
  // Another key as well as another certificate.
  const second = mintIssuedCertificate({ dns: 'x.example' });

  before(async () => {
    device = await startMockBigIp({
      listen: { host: '127.0.0.1', port: 0 },
      users: [{ name: 'mesh', password: new Secret('correct horse') }],
      clock: systemClock,
      logger: silentLogger(),
    });
    records = [];
    client = new IControlClient({
      url: device.url,
      credentials: () => Promise.resolve({ username: 'mesh', password: new Secret('correct horse') }),
      tls: { fingerprint256: device.fingerprint256 },
      clock: systemClock,
      logger: silentLogger(),
      onRequest: (record) => records.push(record),
    });
    await client.resources.create(collectionPath('auth/partition'), { name: partition });
  });
  after(async () => {
    await client.close();
    await device.close();
  });

  it('reads version and readiness', async () => {
    assert.match((await client.system.observeVersion()).version, /^17\.1\./);
    assert.deepEqual(await client.readiness.observe(), []);
  });

  it('finds nothing in a new partition', async () => {
    assert.deepEqual(
      await client.resources.list(collectionPath('ltm/profile/client-ssl'), { partition }),
      [],
    );
    assert.equal(await client.resources.get(profile), undefined);
  });

  it('installs a pair and a profile that uses it in one transaction, and leaves no upload behind', async () => {
    await client.uploads.withFiles([first.certPem, new Secret(first.keyPem)], async ([cert, key]) => {
      await client.transactions.commit([
        ...pairCommands('one', cert?.sourcePath, key?.sourcePath),
        {
          method: 'POST',
          path: collectionPath('ltm/profile/client-ssl'),
          body: {
            name: 'echo_clientssl',
            partition,
            defaultsFrom: '/Common/clientssl',
            ...chainOf('one', 'one'),
          },
        },
      ]);
    });
    const made = await client.resources.get(profile);
    const chain = made?.['certKeyChain'] as { cert: string }[] | undefined;
    assert.equal(chain?.[0]?.cert, '/mesh/one.crt');
    const options = parseTmOptions(made?.['tmOptions']);
    assert.equal(options.ok && options.value.includes('dont-insert-empty-fragments'), true);
    const { json } = await client.request({
      method: 'POST',
      path: '/mgmt/tm/util/unix-ls',
      body: { command: 'run', utilCmdArgs: '/var/config/rest/downloads' },
    });
    assert.doesNotMatch(JSON.stringify(json), /mesh-/);
  });

  it('changes nothing when a transaction would part a certificate from its key', async () => {
    const swap = client.uploads.withFiles([second.certPem, second.keyPem], async ([cert, key]) => {
      await client.transactions.commit([
        ...pairCommands('two', cert?.sourcePath, key?.sourcePath),
        { method: 'PATCH', path: profile, body: chainOf('two', 'one') },
      ]);
    });
    await assert.rejects(swap, { code: 'MESH_ERR_DEVICE_KEY_MISMATCH', deviceCode: '01070317' });
    const cert = resourcePath('sys/file/ssl-cert', { partition, name: 'two.crt' });
    assert.equal(await client.resources.get(cert), undefined);
  });

  it('validates a transaction without carrying it out', async () => {
    const pool: Command = {
      method: 'POST',
      path: collectionPath('ltm/pool'),
      body: { name: 'p', partition },
    };
    await client.transactions.commit([pool], { validateOnly: true });
    assert.equal(await client.resources.get(resourcePath('ltm/pool', { partition, name: 'p' })), undefined);
    const bad: Command = { ...pool, body: { name: 'p', partition, monitor: '/Common/no-such-monitor' } };
    await assert.rejects(client.transactions.commit([bad], { validateOnly: true }), {
      consequence: 'refused',
    });
  });

  it('swaps a pair in nine requests', async () => {
    const before = records.length;
    await client.uploads.withFiles([second.certPem, second.keyPem], async ([cert, key]) => {
      await client.transactions.commit([
        ...pairCommands('two', cert?.sourcePath, key?.sourcePath),
        { method: 'PATCH', path: profile, body: chainOf('two', 'two') },
      ]);
    });
    await client.system.saveConfig();
    // Two uploads, five for the transaction, the removal of the uploads, the save.
    assert.equal(records.length - before, 9);
  });

  it('adds and removes single records, inside a transaction too', async () => {
    const path = resourcePath('ltm/data-group/internal', allow);
    await client.resources.create(collectionPath('ltm/data-group/internal'), { ...allow, type: 'string' });
    const added = addRecords(allow, [
      { name: 'spiffe://cluster.local/ns/trusted/sa/sleep', data: 'x:1' },
      { name: 'spiffe://cluster.local/ns/batch/', data: '' },
    ]);
    assert.ok(added.ok);
    await client.transactions.commit(added.value);
    const removed = deleteRecords(allow, ['spiffe://cluster.local/ns/batch/']);
    assert.ok(removed.ok);
    await client.transactions.commit(removed.value);
    assert.deepEqual((await client.resources.get(path))?.['records'], [
      { name: 'spiffe://cluster.local/ns/trusted/sa/sleep', data: 'x:1' },
    ]);
    await assert.rejects(client.transactions.commit(removed.value), { code: 'MESH_ERR_DEVICE_NOT_FOUND' });
  });

  it('tells what is in use from what is not there', async () => {
    const used = resourcePath('sys/file/ssl-cert', { partition, name: 'two.crt' });
    await assert.rejects(client.resources.remove(used), { code: 'MESH_ERR_DEVICE_IN_USE' });
    assert.equal(await client.resources.remove(`${used}x`), false);
    const existing = { name: 'echo_allow', partition, type: 'string' };
    await assert.rejects(client.resources.create(collectionPath('ltm/data-group/internal'), existing), {
      code: 'MESH_ERR_DEVICE_EXISTS',
      status: 409,
    });
  });

  it('holds one token for all that, and none afterwards', async () => {
    await client.close();
    const tokens = device.requests.filter(({ path }) => path.includes('/authz/tokens/'));
    assert.deepEqual(
      tokens.map(({ method, status }) => `${method} ${status}`),
      ['PATCH 200', 'DELETE 200'],
    );
    assert.equal(device.requests.filter(({ path }) => path === '/mgmt/shared/authn/login').length, 1);
    assert.equal(device.requests.length, records.length);
  });

  it('is refused with a wrong password in the words of the device', async () => {
    const stranger = new IControlClient({
      url: device.url,
      credentials: () => Promise.resolve({ username: 'mesh', password: new Secret('wrong') }),
      tls: { caPem: device.certificatePem },
      clock: systemClock,
      logger: silentLogger(),
    });
    await assert.rejects(stranger.system.observeVersion(), { code: 'MESH_ERR_DEVICE_AUTH_FAILED' });
    await stranger.close();
  });
});
