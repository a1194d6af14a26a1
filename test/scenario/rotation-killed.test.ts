import { strict as assert } from 'node:assert';
import { Agent } from '../../src/agent.js';
import { loadConfig } from '../../src/config/load-config.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { silentLogger } from '../../src/log.js';
import type { ReconcileReport } from '../../src/reconcile/run-once.js';
import { bigipMesh, finished, startBigipMesh } from '../support/command.js';
import { DeviceContents } from '../support/device-contents.js';
import { MortalClock } from '../support/mortal-clock.js';
import { PausableClock } from '../support/pausable-clock.js';
import { until } from '../support/until.js';

/** Ten minutes after which a replaced pair goes, as far as the certificates' own margins allow to move the clock. */
const beforeMs = -9.5 * 60_000;
const afterMs = 60_000;

describe('a rotation that is killed', function () {
  this.timeout(30_000);
  let scenario: Scenario;
  let device: DeviceContents;
  const deviceClock = new PausableClock();
  let foreign: string[];

  before(async () => {
    // The mesh CA is older than the agent's first look at the time.
    deviceClock.moveOn(-3_600_000);
    scenario = await startScenario({ clock: deviceClock, logger: silentLogger() });
    deviceClock.moveOn(3_600_000);
    await run({ aheadMs: beforeMs });
    device = await DeviceContents.open(scenario.bigIp);
    const theirs = { partition: 'mesh', type: 'string', description: 'web team' };
    await device.client.post('/mgmt/tm/ltm/data-group/internal', {
      ...theirs,
      name: 'echo_0123456789ab.crt',
    });
    await device.client.upload('their-certificate.crt', 'somebody is about to use this');
    await device.client.upload('mesh-0123456789abcdef0123456789abcdef', 'an agent of another partition, too');
    foreign = await device.uploads();
    assert.equal(foreign.length, 2);
  });
  after(async () => {
    device.close();
    await scenario.close();
  });
  afterEach(() => scenario.bigIp.faults.clear());

  /** One reconcile by an agent of its own, as a command is. */
  async function run({
    aheadMs = beforeMs,
    clock = new MortalClock(aheadMs),
    renew = [] as readonly string[],
    onDropped = (): void => undefined,
  } = {}): Promise<ReconcileReport> {
    const agent = await Agent.open({
      config: await loadConfig(scenario.configFile),
      kubeconfig: scenario.kubeconfigFile,
      clock,
      logger: silentLogger(),
      signal: clock.signal,
      onRequest: (_device, { status }) => (status === undefined ? onDropped() : undefined),
    });
    try {
      const [edge] = agent.config.devices;
      assert.ok(edge !== undefined);
      return await agent.reconcile(edge, { mode: 'apply', renew: new Set(renew) });
    } finally {
      await agent.close();
    }
  }

  /** The device carries out so many requests of a rotation, and never hears of that agent again. */
  async function killAfter(requests: number): Promise<void> {
    const { faults } = scenario.bigIp;
    faults.inject({ fault: 'drop-after', skip: requests - 1, times: 1 });
    faults.inject({ fault: 'drop-before', skip: requests });
    const clock = new MortalClock(beforeMs);
    await assert.rejects(run({ clock, renew: ['echo'], onDropped: () => clock.kill() }));
    faults.clear();
  }

  /** What is on the device belongs together and to nobody else, and nothing lies about. */
  async function assertTidy(): Promise<void> {
    const { cert, key, chain } = await device.pair('echo');
    assert.equal(cert.replace('.crt', ''), key.replace('.key', ''));
    const files = await device.files();
    for (const name of [cert, key, chain]) assert.ok(files.includes(name), name);
    assert.deepEqual(await device.uploads(), foreign);
    const dataGroups = await device.names('ltm/data-group/internal');
    assert.ok(dataGroups.includes('echo_0123456789ab.crt'), 'what somebody else made is gone');
  }

  it('leaves nothing behind, whichever request was the last one; the next run goes on from there', async () => {
    scenario.bigIp.forgetRequests();
    await run({ renew: ['echo'] });
    const { requests: sent } = scenario.bigIp;
    const writes = sent.flatMap(({ method }, index) => (method === 'GET' ? [] : [index + 1]));
    const commit =
      1 + sent.findIndex(({ method, path }) => method === 'PATCH' && /transaction\/\d+$/.test(path));
    // Login, token, two uploads, transaction, two of the ledger, key, certificate, profile, commit, tidying, saving.
    assert.ok(writes.length >= 13, String(writes.length));
    // Between the first and the last command of a transaction, one is like another.
    const queued = writes.filter((request) =>
      /^\/mgmt\/tm\/(ltm|sys\/file)/.test(sent[request - 1]?.path ?? ''),
    );
    const told = writes.filter((request) => !queued.slice(1, -1).includes(request));
    let leftBehind = 0;
    for (const requests of told.slice(0, -1)) {
      const before = await device.pair('echo');
      await killAfter(requests);
      leftBehind += (await device.uploads()).length - foreign.length;
      const { proofs } = await run();
      assert.equal(proofs.get('echo')?.passed, true, `killed after request ${requests}`);
      await assertTidy();
      const { cert } = await device.pair('echo');
      assert.ok((await device.files()).includes(before.cert), `${before.cert} was served until now`);
      assert.equal(cert === before.cert, requests < commit, `killed after request ${requests}`);
    }
    assert.ok(leftBehind > 0, 'no kill left an upload behind, so nothing was shown');
  });

  it('leaves the one pair in use when the time of the replaced ones is over, and no transaction or login', async () => {
    assert.ok((await device.files()).length > 4);
    await run({ aheadMs: afterMs });
    const { cert, key, chain } = await device.pair('echo');
    const [bundle] = (await device.files()).filter((name) => name.startsWith('trust_bundle_'));
    assert.deepEqual(await device.files(), [chain, cert, bundle, key].toSorted(byKind));
    await assertTidy();
    // The device gives open transactions two minutes, and tokens the half hour that they were extended to.
    deviceClock.moveOn(31 * 60_000);
    await device.client.login('admin', 'correct horse');
    assert.equal(await device.transactions(), 0);
    assert.equal(await device.tokens(), 0);
  });

  for (const [where, path] of [
    ['with its files sent and nothing changed', '/mgmt/tm/transaction'],
    ['with its change committed and its files still there', '/mgmt/tm/util/unix-rm'],
  ] as const) {
    it(`as a process, ${where}, is finished by the next run`, async () => {
      const files = ['-f', scenario.configFile, '--kubeconfig', scenario.kubeconfigFile];
      scenario.bigIp.faults.inject({ fault: 'latency', ms: 600_000, path, method: 'POST' });
      const child = startBigipMesh(['rotate', 'echo', ...files]);
      const ended = finished(child);
      await until(() => scenario.bigIp.faults.list().some(({ struck }) => struck > 0));
      child.kill('SIGKILL');
      assert.equal((await ended).exitCode, null);
      scenario.bigIp.faults.clear();
      assert.equal((await device.uploads()).length, foreign.length + 2);
      const { exitCode, stderr } = await bigipMesh(['apply', ...files]);
      assert.equal(exitCode, 0, stderr);
      await assertTidy();
    });
  }

  /** As `files` gives them: certificates in order, then keys. */
  function byKind(a: string | undefined = '', b: string | undefined = ''): number {
    return Number(a.endsWith('.key')) - Number(b.endsWith('.key')) || (a < b ? -1 : 1);
  }
});
