import { strict as assert } from 'node:assert';
import { readFile, writeFile } from 'node:fs/promises';
import { Agent } from '../../../src/agent.js';
import { systemClock } from '../../../src/clock.js';
import { loadConfig } from '../../../src/config/load-config.js';
import { editAllowlist } from '../../../src/demo/edit-allowlist.js';
import { startScenario } from '../../../src/demo/scenario.js';
import type { Scenario } from '../../../src/demo/scenario.js';
import { badCallerId, goodCallerId } from '../../../src/demo/surroundings.js';
import { IControlClient } from '../../../src/icontrol/client.js';
import { DeviceError } from '../../../src/icontrol/errors.js';
import { silentLogger } from '../../../src/log.js';
import { tmosBranches } from '../../../src/mock/tmos-version.js';
import type { TmosBranch } from '../../../src/mock/tmos-version.js';
import { isEmptyPlan } from '../../../src/reconcile/plan.js';
import type { ReconcileReport } from '../../../src/reconcile/run-once.js';
import { uploadMark } from '../../../src/reconcile/upload-mark.js';
import { Secret } from '../../../src/secret.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';

const { signal } = new AbortController();

describe('a reconcile against the mock BIG-IP', function () {
  this.timeout(30_000);
  let scenario: Scenario;
  let agent: Agent;

  async function start(tmosVersion?: TmosBranch): Promise<void> {
    scenario = await startScenario({
      clock: systemClock,
      logger: silentLogger(),
      ...(tmosVersion === undefined ? {} : { tmosVersion }),
    });
    agent = await openAgent();
  }

  /** TMOS 13 takes no profile without an RSA pair. */
  async function useRsaKeys(): Promise<void> {
    const config = await readFile(scenario.configFile, 'utf8');
    await writeFile(scenario.configFile, config.replace('ttl: 24h', 'ttl: 24h\n  keyType: rsa-2048'));
    await agent.close();
    agent = await openAgent();
  }

  async function openAgent(): Promise<Agent> {
    const config = await loadConfig(scenario.configFile);
    const { kubeconfigFile: kubeconfig } = scenario;
    return Agent.open({ config, kubeconfig, clock: systemClock, logger: silentLogger(), signal });
  }

  afterEach(async () => {
    await agent.close();
    await scenario.close();
  });

  function reconcile(mode: 'plan' | 'apply', by = agent): Promise<ReconcileReport> {
    const [device] = by.config.devices;
    assert.ok(device !== undefined);
    return by.reconcile(device, { mode });
  }

  const changes = ({ plan }: ReconcileReport): string[] =>
    plan.changes.map((change) =>
      [change.action, change.object.name, ...(change.action === 'modify' ? change.members : [])].join(' '),
    );

  for (const version of tmosBranches) {
    it(`comes to rest on TMOS ${version}: plan after apply is empty`, async () => {
      await start(version);
      if (version === '13.1') await useRsaKeys();
      assert.equal((await reconcile('apply')).proofs.get('echo')?.passed, true);
      const after = await reconcile('plan');
      assert.deepEqual(changes(after), []);
      assert.ok(isEmptyPlan(after.plan));
    });
  }

  it('says what to change when TMOS 13 refuses a profile without an RSA pair', async () => {
    await start('13.1');
    await assert.rejects(reconcile('apply'), (error: DeviceError) => {
      assert.equal(error.deviceCode, '010717e3');
      assert.match(error.nextStep, /RSA/);
      return true;
    });
  });

  it('puts back what was changed by hand, and nothing else', async () => {
    await start();
    await reconcile('apply');
    const epochs = (await reconcile('plan')).plan.epoch;
    // Somebody takes the rule off the virtual server, with the agent's own credentials.
    await handEdit('/mgmt/tm/ltm/virtual/~mesh~echo', { rules: [] });
    assert.deepEqual(changes(await reconcile('plan')), ['modify echo rules']);
    assert.equal((await reconcile('apply')).proofs.get('echo')?.passed, true);
    assert.equal((await reconcile('plan')).plan.epoch, epochs + 1);
  });

  it('lets one of two writers who read the same state fail as a whole', async () => {
    await start();
    await reconcile('apply');
    await editAllowlist(scenario.kube, [goodCallerId, badCallerId], signal);
    const other = await openAgent();
    try {
      const outcomes = await Promise.allSettled([reconcile('apply'), reconcile('apply', other)]);
      const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
      for (const { reason } of failed) assert.ok(reason instanceof DeviceError, String(reason));
      assert.ok(failed.length <= 1);
      assert.deepEqual(changes(await reconcile('plan')), []);
    } finally {
      await other.close();
    }
  });

  it('takes a commit whose answer was lost for what it was', async () => {
    await start();
    scenario.bigIp.faults.inject({
      fault: 'drop-after',
      method: 'PATCH',
      path: '/mgmt/tm/transaction',
      times: 1,
    });
    assert.equal((await reconcile('apply')).proofs.get('echo')?.passed, true);
    assert.deepEqual(changes(await reconcile('plan')), []);
  });

  it('leaves no upload and no login behind, also when the commit is refused', async () => {
    await start();
    scenario.bigIp.faults.inject({
      fault: 'provisioning',
      method: 'PATCH',
      path: '/mgmt/tm/transaction',
      times: 1,
    });
    await assert.rejects(reconcile('apply'), { code: 'MESH_ERR_DEVICE_BUSY' });
    const uploads = scenario.bigIp.requests.filter(({ path }) =>
      path.startsWith('/mgmt/shared/file-transfer'),
    );
    const removals = scenario.bigIp.requests.filter(({ path }) => path === '/mgmt/tm/util/unix-rm');
    assert.ok(uploads.length > 0);
    assert.ok(removals.length > 0);
    await agent.close();
    const last = scenario.bigIp.requests.at(-1);
    assert.equal(last?.method, 'DELETE');
    assert.match(last.path, /^\/mgmt\/shared\/authz\/tokens\//);
  });

  it('reports no success when the device goes on serving the old certificate', async () => {
    await start();
    await reconcile('apply');
    scenario.bigIp.faults.inject({ fault: 'old-certificate' });
    const [device] = agent.config.devices;
    assert.ok(device !== undefined);
    await assert.rejects(agent.reconcile(device, { mode: 'apply', renew: new Set(['echo']) }), {
      code: 'MESH_ERR_PROOF_FAILED',
      message: /another certificate of .* is served/,
    });
  });

  it('puts its rule back when somebody replaces it under its mark', async () => {
    await start();
    await reconcile('apply');
    await handEdit('/mgmt/tm/ltm/rule/~mesh~spiffe_allowlist', {
      apiAnonymous: '# bigip-mesh-agent\nwhen CLIENT_ACCEPTED { set x 1 }',
    });
    assert.deepEqual(changes(await reconcile('plan')), ['modify spiffe_allowlist apiAnonymous']);
  });

  it('keeps a caller out at once by its own deny list only', async () => {
    await start();
    await reconcile('apply');
    const [echo] = agent.config.services;
    const caller = parseSpiffeId(goodCallerId);
    assert.ok(echo !== undefined && caller.ok);
    const list = '/mgmt/tm/ltm/data-group/internal/~mesh~echo_deny';
    await handEdit(list, { description: "somebody's" });
    await assert.rejects(agent.deny(echo, caller.value), { code: 'MESH_ERR_PLAN_BLOCKED' });
    await handEdit(list, { description: 'bigip-mesh-agent service=echo' });
    assert.deepEqual(changes(await reconcile('plan')), []);
    await agent.deny(echo, caller.value);
    assert.deepEqual(changes(await reconcile('plan')), ['modify echo_deny records']);
  });

  it('removes uploads that a ledger of before has left, and those of other partitions never', async () => {
    await start();
    await reconcile('apply');
    // Somebody removed the ledger since: its successor counts from the beginning.
    const orphan = `mesh-${uploadMark('mesh', 99)}0123456789abcdef`;
    const foreign = `mesh-${uploadMark('edge', 1)}0123456789abcdef`;
    const hand = openHand();
    for (const name of [orphan, foreign]) {
      await hand.request({
        method: 'POST',
        path: `/mgmt/shared/file-transfer/uploads/${name}`,
        body: Buffer.from('a key'),
        headers: { 'Content-Type': 'application/octet-stream', 'Content-Range': '0-4/5' },
      });
    }
    const restarted = await openAgent();
    try {
      await reconcile('apply', restarted);
      assert.deepEqual(await hand.uploads.list(), [foreign]);
    } finally {
      await restarted.close();
      await hand.close();
    }
  });

  async function handEdit(path: string, body: object): Promise<void> {
    const hand = openHand();
    await hand.resources.modify(path, { ...body });
    await hand.close();
  }

  function openHand(): IControlClient {
    return new IControlClient({
      url: scenario.bigIp.url,
      credentials: () => Promise.resolve({ username: 'admin', password: new Secret('correct horse') }),
      tls: { fingerprint256: scenario.bigIp.fingerprint256 },
      clock: systemClock,
      logger: silentLogger(),
    });
  }
});
