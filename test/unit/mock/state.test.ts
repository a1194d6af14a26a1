import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installFile, mintPair, startBench } from './bench.js';

describe('mock BIG-IP: saved configuration', () => {
  let stateDir: string;
  beforeEach(async () => {
    stateDir = join(await mkdtemp(join(tmpdir(), 'mock-big-ip-')), 'state');
  });
  afterEach(() => rm(join(stateDir, '..'), { recursive: true }));

  it('a later start has what was saved, keys and passphrases included, and nothing else', async () => {
    const pair = await mintPair('saved');
    const first = await startBench({ stateDir });
    await installFile(first.client, 'ssl-cert', 'a.crt', pair.certificatePem);
    await installFile(first.client, 'ssl-key', 'a.key', pair.keyPem);
    await installFile(first.client, 'data-group', 'f', '"a" := "1",\n', { type: 'string' });
    await first.client.post('/mgmt/tm/ltm/data-group/external', { name: 'dg', externalFileName: 'f' });
    const created = await first.client.post('/mgmt/tm/ltm/profile/client-ssl', {
      name: 'ssl',
      certKeyChain: [{ name: 'a', cert: '/Common/a.crt', key: '/Common/a.key', passphrase: 'open sesame' }],
    });
    const pool = { name: 'p', members: [{ name: '10.0.0.1:80', description: 'm' }] };
    await first.client.post('/mgmt/tm/ltm/pool', pool);
    const save = await first.client.post('/mgmt/tm/sys/config', { command: 'save' });
    assert.deepEqual(save.json, { kind: 'tm:sys:config:savestate', command: 'save' });
    await first.client.post('/mgmt/tm/ltm/pool', { name: 'unsaved' });
    await first.close();

    const second = await startBench({ stateDir });
    try {
      const profile = await second.client.get('/mgmt/tm/ltm/profile/client-ssl/ssl');
      assert.deepEqual(profile.json, created.json);
      const members = await second.client.get('/mgmt/tm/ltm/pool/p/members');
      assert.match(members.text, /"description":"m"/);
      assert.equal((await second.client.get('/mgmt/tm/ltm/pool/unsaved')).status, 404);
      // The key is there in earnest: another certificate does not fit it.
      const other = await mintPair('other');
      await second.client.upload('a.crt', other.certificatePem);
      assert.equal((await second.client.put('/mgmt/tm/sys/file/ssl-cert/a.crt', {})).status, 400);
    } finally {
      await second.close();
    }
  });

  it('only its owner can read the file, which holds private keys', async () => {
    const bench = await startBench({ stateDir });
    await bench.client.post('/mgmt/tm/sys/config', { command: 'save' });
    await bench.close();
    const file = join(stateDir, 'configuration.json');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.match(await readFile(file, 'utf8'), /BEGIN RSA PRIVATE KEY/);
  });

  it('says what is wrong with a folder that it cannot use', async () => {
    const bench = await startBench({ stateDir });
    await bench.client.post('/mgmt/tm/sys/config', { command: 'save' });
    await bench.close();
    const file = join(stateDir, 'configuration.json');
    for (const content of ['{', '{"formatVersion":2,"objects":[]}']) {
      await writeFile(file, content);
      await assert.rejects(startBench({ stateDir }), { code: 'MESH_ERR_MOCK_STATE' });
    }
  });

  it('names an address that is taken', async () => {
    const bench = await startBench();
    const { hostname, port } = new URL(bench.device.url);
    await assert.rejects(startBench({ listen: { host: hostname, port: Number(port) } }), {
      code: 'MESH_ERR_MOCK_LISTEN',
      message: new RegExp(`${hostname}:${port} \\(EADDRINUSE\\)`),
    });
    await bench.close();
  });
});
