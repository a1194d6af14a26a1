import { strict as assert } from 'node:assert';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { systemClock } from '../../src/clock.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { allowlistName, badCallerId, goodCallerId } from '../../src/demo/surroundings.js';
import { kinds } from '../../src/kube/kinds.js';
import { silentLogger } from '../../src/log.js';
import { finished, lineOf, startBigipMesh } from '../support/command.js';
import type { Finished } from '../support/command.js';
import { DeviceLine } from '../support/device-line.js';
import { Follower } from '../support/follower.js';
import { OpensslCaller } from '../support/openssl-caller.js';
import { until } from '../support/until.js';

/** One replica, as a process. */
interface Replica {
  readonly process: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Finished>;
  /** What it logged so far. */
  readonly logged: () => string;
}

interface Status {
  readonly writtenBy: string;
  readonly syncedAt?: string;
  readonly services: {
    readonly echo: { readonly allowlist?: { readonly allow: number; readonly deny: number } };
  };
}

interface Lease {
  readonly name: string;
  readonly holder: string;
}

/*
 * A leader is stopped in the midst of a transaction for longer than its Lease lasts, and goes on afterwards. Its
 * Lease lasts three seconds here, which is what most of this story takes.
 */
describe('two controllers, one of them stopped past its Lease and then continued', function () {
  this.timeout(60_000);
  let scenario: Scenario;
  let line: DeviceLine;
  let stopped: Replica;
  let other: Replica;
  let status: Follower<Status>;
  let leases: Follower<Lease>;
  let bad: OpensslCaller;

  before(async () => {
    scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
    const { kube, bigIp, configFile, folder } = scenario;
    line = await DeviceLine.to(bigIp.url);
    const lineConfigFile = join(folder, 'line.yaml');
    await writeFile(lineConfigFile, (await readFile(configFile, 'utf8')).replace(bigIp.url, line.url));
    status = new Follower(
      kube,
      {
        kind: kinds.configMap,
        selection: { namespace: 'mesh-edge', fieldSelector: 'metadata.name=bigip-mesh-status' },
      },
      (object) => parse((object['data'] as { edge: string }).edge) as Status,
    );
    leases = new Follower(kube, { kind: kinds.lease, selection: { namespace: 'mesh-edge' } }, (object) => ({
      name: object.metadata.name,
      holder: (object['spec'] as { holderIdentity: string }).holderIdentity,
    }));
    stopped = await startReplica(lineConfigFile);
    await status.first(({ syncedAt }) => syncedAt !== undefined);
    other = await startReplica(configFile);
    await leases.when((all) => all.filter(({ name }) => name.startsWith('bigip-mesh-agent.')).length === 2);
    bad = await OpensslCaller.create({
      folder,
      name: 'bad',
      port: scenario.listen.port,
      trustBundlePem: scenario.meshCa.trustBundle.toPem(),
      svid: await scenario.meshCa.mint(badCallerId),
    });
  });

  after(async () => {
    for (const { process, ended } of [stopped, other]) {
      process.kill('SIGKILL');
      await ended;
    }
    line.close();
    await status.close();
    await leases.close();
    await scenario.close();
  });

  it('leave the device to the one that leads, as long as it does', () => {
    assert.match(stopped.logged(), /"device":"edge".*"leads"/);
    assert.doesNotMatch(other.logged(), /"leads"/);
  });

  it('change leaders when the Lease is over, and the new one enforces what is asked for then', async () => {
    const { bigIp } = scenario;
    const [{ holder }] = (await leases.when((all) => all.some(isOfDevice))).filter(isOfDevice) as [Lease];
    bigIp.forgetRequests();
    const isOpened = (): boolean => bigIp.requests.some(({ path }) => path === '/mgmt/tm/transaction');
    const lineStopped = line.stopWhen(isOpened);
    await edit({ allow: `${goodCallerId}\n${badCallerId}\n` });
    await lineStopped;
    stopped.process.kill('SIGSTOP');

    await edit({ allow: goodCallerId, deny: badCallerId });
    await leases.first((lease) => isOfDevice(lease) && lease.holder !== holder && lease.holder !== '');
    await status.first(({ writtenBy, services }) => {
      return writtenBy !== holder && services.echo.allowlist?.deny === 1;
    });
    assert.equal((await bad.say('hi')).heard, '');
  });

  it('write one at a time: nothing that the stopped one was about to write is carried out', async () => {
    const { bigIp } = scenario;
    assert.equal(commits().length, 1, 'of the new leader');
    bigIp.forgetRequests();
    stopped.process.kill('SIGCONT');
    line.goOn();
    // It says so when all that was under way has ended.
    await until(() => /"leads no more"/.test(stopped.logged()));
    assert.deepEqual(
      commits().filter(({ status: code }) => code < 400),
      [],
    );
    assert.equal((await bad.say('hi')).heard, '');
  });

  it('carry out one edit once, afterwards', async () => {
    const { bigIp } = scenario;
    bigIp.forgetRequests();
    await edit({ allow: `${goodCallerId}\n${badCallerId}\n` });
    await status.first(({ services }) => services.echo.allowlist?.allow === 2);
    assert.equal((await bad.say('hi')).heard, 'HI\n');
    assert.equal(commits().length, 1);
  });

  it('end both on SIGTERM, and leave nobody in their Leases', async () => {
    for (const { process, ended } of [stopped, other]) {
      process.kill('SIGTERM');
      const { exitCode, stderr } = await ended;
      assert.equal(exitCode, 0, stderr);
    }
    const left = await leases.when((all) => all.length === 1 && all[0]?.holder === '');
    assert.deepEqual(left, [{ name: 'bigip-mesh-agent-edge', holder: '' }]);
  });

  const isOfDevice = ({ name }: Lease): boolean => name === 'bigip-mesh-agent-edge';

  const commits = (): readonly { readonly status: number }[] =>
    scenario.bigIp.requests.filter(
      ({ method, path }) => method === 'PATCH' && path.startsWith('/mgmt/tm/transaction/'),
    );

  async function startReplica(configFile: string): Promise<Replica> {
    const { kubeconfigFile } = scenario;
    const files = ['-f', configFile, '--kubeconfig', kubeconfigFile];
    const places = ['--namespace', 'mesh-edge', '--http', '127.0.0.1:0', '--lease-duration', '3'];
    const child = startBigipMesh(['controller', ...files, ...places]);
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const ended = finished(child);
    await lineOf(child, /^ready /m);
    return { process: child, ended, logged: () => stderr };
  }

  async function edit(data: Readonly<Record<string, string>>): Promise<void> {
    const { kube } = scenario;
    const before = await kube.get({ kind: kinds.configMap, namespace: 'default', name: allowlistName });
    assert.ok(before !== undefined);
    await kube.replace(kinds.configMap, { ...before, data });
  }
});
