import { strict as assert } from 'node:assert';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.js';
import { editAllowlist } from '../../src/demo/edit-allowlist.js';
import { startEchoService } from '../../src/demo/echo-service.js';
import type { EchoService } from '../../src/demo/echo-service.js';
import { findFreePort } from '../../src/demo/free-port.js';
import { startKubeApi } from '../../src/demo/kube-api/kube-api.js';
import type { KubeApi } from '../../src/demo/kube-api/kube-api.js';
import { MeshCa } from '../../src/demo/mesh-ca.js';
import {
  badCallerId,
  deviceUser,
  goodCallerId,
  renderScenarioConfig,
  seedCluster,
} from '../../src/demo/surroundings.js';
import { KubeClient } from '../../src/kube/client.js';
import { kinds } from '../../src/kube/kinds.js';
import { bigipMesh, lineOf, startBigipMesh } from '../support/command.js';
import type { Finished } from '../support/command.js';
import { until } from '../support/until.js';
import { OpensslCaller } from '../support/openssl-caller.js';

const { signal } = new AbortController();

describe('the reference scenario, by the command line, with the mock as a process of its own', function () {
  this.timeout(60_000);
  let folder: string;
  let echo: EchoService;
  let kubeApi: KubeApi;
  let kube: KubeClient;
  let meshCa: MeshCa;
  let mock: ChildProcessWithoutNullStreams;
  let port: number;
  const file = (name: string): string => join(folder, name);
  const command = (...args: string[]): Promise<Finished> =>
    bigipMesh([...args, '-f', file('config.yaml'), '--kubeconfig', file('kubeconfig.yaml')]);
  const caller = async (name: string, ca: MeshCa, spiffeId?: string): Promise<OpensslCaller> =>
    OpensslCaller.create({
      folder,
      name,
      port,
      trustBundlePem: meshCa.trustBundle.toPem(),
      ...(spiffeId === undefined ? {} : { svid: await ca.mint(spiffeId) }),
    });
  /** The caller may know that it was refused before the line is in the file. */
  const deviceLogWith = async (text: string): Promise<string> => {
    const read = (): Promise<string> => readFile(file('ltm.log'), 'utf8');
    await until(async () => (await read()).includes(text));
    return read();
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bigip-mesh-'));
    echo = await startEchoService();
    port = await findFreePort();
    meshCa = await MeshCa.create({ now: systemClock.now() });
    kubeApi = await startKubeApi();
    await writeFile(file('kubeconfig.yaml'), kubeApi.kubeconfig());
    kube = new KubeClient({ path: file('kubeconfig.yaml') });
    await seedCluster(kube, meshCa);
    mock = startBigipMesh([
      'mock',
      '--listen',
      '127.0.0.1:0',
      '--user',
      `${deviceUser.name}:${deviceUser.password}`,
      '--log-file',
      file('ltm.log'),
      '--certificate-file',
      file('bigip.crt'),
    ]);
    const [, url = ''] = await lineOf(mock, /^ready (https:\/\/\S+)$/m);
    const parts = {
      url,
      certificateFile: file('bigip.crt'),
      listen: { address: '127.0.0.1', port },
      echoPort: echo.port,
    };
    await writeFile(file('config.yaml'), renderScenarioConfig(parts));
  });

  after(async () => {
    mock.kill();
    await once(mock, 'close');
    await kube.close();
    await kubeApi.close();
    await echo.close();
    await rm(folder, { recursive: true });
  });

  it('has everything to do at first, and plan says so with exit code 2', async () => {
    const plan = await command('plan', '--detailed-exitcode');
    assert.equal(plan.exitCode, 2, plan.stderr);
    assert.match(plan.stdout, /^\+ ltm\/virtual \/mesh\/echo$/m);
    assert.match(plan.stdout, new RegExp(`^ {4}\\+ ${goodCallerId} = allow$`, 'm'));
  });

  it('applies it, with the proof, in one command', async () => {
    const apply = await command('apply');
    assert.equal(apply.exitCode, 0, apply.stderr);
    assert.match(apply.stdout, /service echo is spiffe:\/\/cluster\.local\/ns\/default\/sa\/bigip/);
    assert.match(apply.stdout, /ok +bad caller +gets nothing/);
  });

  it('has nothing left to do', async () => {
    const plan = await command('plan', '--detailed-exitcode');
    assert.equal(plan.exitCode, 0, plan.stdout + plan.stderr);
  });

  it('answers the good caller and logs that it allowed it', async () => {
    const { heard } = await (await caller('good', meshCa, goodCallerId)).say('hi');
    assert.equal(heard, 'HI\n');
    assert.match(
      await deviceLogWith('allowing: spiffe://cluster.local/ns/trusted/sa/sleep'),
      /Rule \/mesh\/spiffe_allowlist <CLIENTSSL_\w+>: allowing: spiffe:\/\/cluster\.local\/ns\/trusted\/sa\/sleep/,
    );
  });

  it('answers nothing to the bad caller and logs that it rejected it', async () => {
    const { heard } = await (await caller('bad', meshCa, badCallerId)).say('hi');
    assert.equal(heard, '');
    assert.match(
      await deviceLogWith('rejecting: spiffe://cluster.local/ns/default/sa/default'),
      /rejecting: spiffe:\/\/cluster\.local\/ns\/default\/sa\/default/,
    );
  });

  it('answers nothing to a caller without a certificate', async () => {
    assert.equal((await (await caller('nobody', meshCa)).say('hi')).heard, '');
  });

  it('answers nothing to the good name from another CA', async () => {
    const otherCa = await MeshCa.create({ now: systemClock.now(), cluster: 'other' });
    assert.equal((await (await caller('foreign', otherCa, goodCallerId)).say('hi')).heard, '');
  });

  it('answers nothing to a caller in plain TCP', async () => {
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    socket.on('error', () => undefined);
    socket.end('hi\n');
    await new Promise((resolve) => socket.once('close', resolve));
    assert.doesNotMatch(heard, /HI/);
  });

  it('is registered as a Service that sidecars reach through a healthy WorkloadEntry', async () => {
    const service = await kube.get({ kind: kinds.service, namespace: 'default', name: 'bigip' });
    assert.ok(service !== undefined);
    const { items } = await kube.list(kinds.workloadEntry, { namespace: 'default' });
    assert.deepEqual(
      items.map((entry) => [
        (entry['spec'] as { address: string; serviceAccount: string }).address,
        (entry['spec'] as { serviceAccount: string }).serviceAccount,
        (entry['status'] as { conditions: Array<{ type: string; status: string }> }).conditions.map(
          ({ type, status }) => `${type}=${status}`,
        ),
      ]),
      [['127.0.0.1', 'bigip', ['Healthy=True']]],
    );
  });

  it('lets the bad caller in when the allowlist names it, and out when it does not', async () => {
    const bad = await caller('bad', meshCa, badCallerId);
    await editAllowlist(kube, [goodCallerId, badCallerId], signal);
    const added = await command('apply');
    assert.equal(added.exitCode, 0, added.stderr);
    assert.equal((await bad.say('hi')).heard, 'HI\n');

    await editAllowlist(kube, [goodCallerId], signal);
    const plan = await command('plan', '--detailed-exitcode');
    assert.equal(plan.exitCode, 2);
    assert.match(plan.stdout, new RegExp(`^ {4}- ${badCallerId}$`, 'm'));
    const removed = await command('apply');
    assert.equal(removed.exitCode, 0, removed.stderr);
    assert.equal((await bad.say('hi')).heard, '');
  });

  it('keeps a caller out at once, by a single record, until the ConfigMaps are followed again', async () => {
    const good = await caller('good', meshCa, goodCallerId);
    const deny = await command('deny', 'echo', '--caller', goodCallerId);
    assert.equal(deny.exitCode, 0, deny.stderr);
    assert.equal((await good.say('hi')).heard, '');
    const again = await command('deny', 'echo', '--caller', goodCallerId);
    assert.equal(again.exitCode, 0, again.stderr);
    const apply = await command('apply');
    assert.equal(apply.exitCode, 0, apply.stderr);
    assert.equal((await good.say('hi')).heard, 'HI\n');
  });

  it('rotates the certificate while a connection stays open', async () => {
    const good = await caller('good', meshCa, goodCallerId);
    const connection = good.open();
    assert.equal(await connection.say('before'), 'BEFORE\n');
    const before = await servedFingerprint();
    const rotate = await command('rotate', 'echo');
    assert.equal(rotate.exitCode, 0, rotate.stderr);
    assert.equal(await connection.say('after'), 'AFTER\n');
    await connection.close();
    assert.notEqual(await servedFingerprint(), before);
    assert.equal((await good.say('hi')).heard, 'HI\n');
  });

  it('proves a service again on demand', async () => {
    const verify = await command('verify', 'echo', '--output', 'json');
    assert.equal(verify.exitCode, 0, verify.stdout + verify.stderr);
    const proof = JSON.parse(verify.stdout) as { passed: boolean; checks: Array<{ name: string }> };
    assert.equal(proof.passed, true);
    assert.deepEqual(
      proof.checks.map(({ name }) => name),
      [
        'good caller',
        'bad caller',
        'no certificate',
        'another CA',
        'plain TCP',
        'old TLS version',
        'resumed session',
      ],
    );
  });

  it('removes the registration, and only that', async () => {
    const deregister = await command('deregister', 'echo');
    assert.equal(deregister.exitCode, 0, deregister.stderr);
    assert.equal(await kube.get({ kind: kinds.service, namespace: 'default', name: 'bigip' }), undefined);
    assert.equal((await (await caller('good', meshCa, goodCallerId)).say('hi')).heard, 'HI\n');
  });

  it('registers again on demand, after a proof', async () => {
    const register = await command('register', 'echo');
    assert.equal(register.exitCode, 0, register.stderr);
    assert.match(register.stdout, /^applied .*workloadentries/im);
    assert.equal((await kube.list(kinds.workloadEntry, { namespace: 'default' })).items.length, 1);
  });

  async function servedFingerprint(): Promise<string> {
    const verify = await command('verify', 'echo', '--output', 'json');
    return (JSON.parse(verify.stdout) as { servedFingerprint: string }).servedFingerprint;
  }
});
