import { strict as assert } from 'node:assert';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent } from '../../src/agent.js';
import { systemClock } from '../../src/clock.js';
import type { Clock } from '../../src/clock.js';
import { loadConfig } from '../../src/config/load-config.js';
import { requireSupported } from '../../src/config/supported.js';
import { DeviceLog } from '../../src/demo/device-log.js';
import { startEchoService } from '../../src/demo/echo-service.js';
import type { EchoService } from '../../src/demo/echo-service.js';
import { editAllowlist } from '../../src/demo/edit-allowlist.js';
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
import { silentLogger } from '../../src/log.js';
import { TclDataPlane } from '../../src/mock/data-plane/tcl-data-plane.js';
import { startMockPair } from '../../src/mock/ha/mock-pair.js';
import type { MockPair } from '../../src/mock/ha/mock-pair.js';
import type { MockBigIp } from '../../src/mock/mock-big-ip.js';
import type { ReconcileReport } from '../../src/reconcile/run-once.js';
import { Secret } from '../../src/secret.js';
import { HurriedClock } from '../support/hurried-clock.js';
import { OpensslCaller } from '../support/openssl-caller.js';
import { ManagementClient } from '../unit/mock/management-client.js';

const { signal } = new AbortController();

describe('an HA pair as one device', function () {
  this.timeout(60_000);
  let folder: string;
  let echo: EchoService;
  let kubeApi: KubeApi;
  let kube: KubeClient;
  let meshCa: MeshCa;
  let port: number;
  let pair: MockPair;
  let agent: Agent;
  const logs = [new DeviceLog(), new DeviceLog()];
  const file = (name: string): string => join(folder, name);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bigip-mesh-'));
    echo = await startEchoService();
    port = await findFreePort();
    meshCa = await MeshCa.create({ now: systemClock.now() });
    kubeApi = await startKubeApi();
    await writeFile(file('kubeconfig.yaml'), kubeApi.kubeconfig());
    kube = new KubeClient({ path: file('kubeconfig.yaml') });
    await seedCluster(kube, meshCa);
    const unit = (index: number) => ({
      listen: { host: '127.0.0.1', port: 0 },
      hostname: `bigip${index + 1}.example.com`,
      dataPlane: new TclDataPlane({
        hostname: `bigip${index + 1}`,
        clock: systemClock,
        logger: silentLogger(),
        log: (line) => logs[index]?.write(line),
      }),
    });
    pair = await startMockPair({
      units: [unit(0), unit(1)],
      users: [{ name: deviceUser.name, password: new Secret(deviceUser.password) }],
      clock: systemClock,
      logger: silentLogger(),
    });
    await writeFile(file('units.pem'), pair.units.map(({ certificatePem }) => certificatePem).join(''));
    const [first, second] = pair.units;
    const config = renderScenarioConfig({
      url: first.url,
      certificateFile: file('units.pem'),
      listen: { address: '127.0.0.1', port },
      echoPort: echo.port,
    });
    await writeFile(
      file('config.yaml'),
      config.replace(`["${first.url}"]`, `["${first.url}", "${second.url}"]`),
    );
    agent = await openAgent();
  });

  after(async () => {
    await agent.close();
    await pair.close();
    await kube.close();
    await kubeApi.close();
    await echo.close();
    await rm(folder, { recursive: true });
  });

  beforeEach(() => pair.units.forEach((unit) => unit.forgetRequests()));

  async function openAgent(clock: Clock = systemClock): Promise<Agent> {
    const config = await loadConfig(file('config.yaml'));
    requireSupported(config);
    return Agent.open({
      config,
      kubeconfig: file('kubeconfig.yaml'),
      clock,
      logger: silentLogger(),
      signal,
    });
  }
  function reconcile(mode: 'plan' | 'apply' = 'apply'): Promise<ReconcileReport> {
    const [device] = agent.config.devices;
    assert.ok(device !== undefined);
    return agent.reconcile(device, { mode });
  }
  async function heardBy(spiffeId: string): Promise<string> {
    const caller = await OpensslCaller.create({
      folder,
      name: 'caller',
      port,
      trustBundlePem: meshCa.trustBundle.toPem(),
      svid: await meshCa.mint(spiffeId),
    });
    return (await caller.say('hi')).heard;
  }
  /** Without logins, which every unit needs, and a look at the upload folder, which is a POST. */
  function writes({ requests }: MockBigIp): string[] {
    return requests
      .filter(({ method, path }) => method !== 'GET' && !path.startsWith('/mgmt/shared/auth'))
      .filter(({ path }) => path !== '/mgmt/tm/util/unix-ls')
      .map(({ method, path }) => `${method} ${path.replace(/\?.*/, '')}`);
  }
  const unit = (index: 0 | 1): MockBigIp => pair.units[index];
  async function withClient<T>(index: 0 | 1, use: (client: ManagementClient) => Promise<T>): Promise<T> {
    const client = new ManagementClient(unit(index));
    await client.login(deviceUser.name, deviceUser.password);
    try {
      return await use(client);
    } finally {
      client.close();
    }
  }
  async function objectNames(index: 0 | 1, kind: string): Promise<string[]> {
    const path = `/mgmt/tm/${kind}?$filter=partition%20eq%20mesh`;
    const { items } = (await withClient(index, (client) => client.get(path))).json as {
      items?: Array<{ name: string }>;
    };
    return (items ?? []).map(({ name }) => name);
  }
  const syncStatus = async (): Promise<string> =>
    (await withClient(1, (client) => client.get('/mgmt/tm/cm/sync-status'))).text;
  const allowed = async (index: 0 | 1): Promise<string[]> => {
    const path = '/mgmt/tm/ltm/data-group/internal/~mesh~echo_allow';
    const { records } = (await withClient(index, (client) => client.get(path))).json as {
      records?: Array<{ name: string }>;
    };
    return (records ?? []).map(({ name }) => name).filter((name) => name.startsWith('spiffe:'));
  };

  it('is written on the active unit alone, saved and synchronised once, and proven', async () => {
    const report = await reconcile();
    assert.equal(report.proofs.get('echo')?.passed, true);
    const [first, second] = pair.units;
    assert.equal(writes(first).filter((write) => write === 'POST /mgmt/tm/transaction').length, 1);
    assert.equal(writes(first).filter((write) => write === 'POST /mgmt/tm/sys/config').length, 1);
    assert.equal(writes(first).filter((write) => write === 'POST /mgmt/tm/cm').length, 1);
    assert.deepEqual(writes(second), ['POST /mgmt/tm/sys/config']);
    for (const kind of ['ltm/virtual', 'ltm/rule', 'sys/file/ssl-key', 'ltm/data-group/internal']) {
      assert.deepEqual(await objectNames(1, kind), await objectNames(0, kind));
    }
    assert.equal(await heardBy(goodCallerId), 'HI\n');
  });

  it('has nothing left to do, and is not synchronised for nothing', async () => {
    await reconcile();
    assert.deepEqual([writes(unit(0)), writes(unit(1))], [[], []]);
  });

  it('is left in order by a process that has not seen it saved', async () => {
    await agent.close();
    agent = await openAgent();
    await reconcile();
    assert.deepEqual(writes(unit(0)), ['POST /mgmt/tm/sys/config']);
    assert.deepEqual(writes(unit(1)), ['POST /mgmt/tm/sys/config']);
  });

  it('survives a reboot of the other unit, which has saved what it was sent', async () => {
    await unit(1).reboot();
    assert.deepEqual(await objectNames(1, 'ltm/virtual'), ['echo']);
  });

  it('is written on the other unit after a failover', async () => {
    await pair.failOver();
    assert.equal(await heardBy(badCallerId), '');
    await editAllowlist(kube, [goodCallerId, badCallerId], signal);
    const report = await reconcile();
    assert.equal(report.proofs.get('echo')?.passed, true);
    assert.deepEqual(writes(unit(0)), ['POST /mgmt/tm/sys/config']);
    assert.ok(writes(unit(1)).includes('POST /mgmt/tm/cm'));
    assert.equal(await heardBy(badCallerId), 'HI\n');
    assert.ok((await logs[1]?.find(`allowing: ${badCallerId}`)) !== undefined);
    assert.deepEqual(await allowed(0), await allowed(1));
  });

  it('is not overwritten where the other unit has changes, but who was revoked stays out', async () => {
    const theirs = { name: 'theirs', partition: 'Common', type: 'string' };
    const made = await withClient(0, (client) => client.post('/mgmt/tm/ltm/data-group/internal', theirs));
    assert.equal(made.status, 200);
    await editAllowlist(kube, [goodCallerId], signal);
    pair.units.forEach((each) => each.forgetRequests());
    await assert.rejects(reconcile(), {
      code: 'MESH_ERR_DEVICE_SYNC_CONFLICT',
      message: /bigip1\.example\.com has changes/,
    });
    assert.equal(await heardBy(badCallerId), '');
    assert.equal(await heardBy(goodCallerId), 'HI\n');
    assert.ok(!writes(unit(1)).includes('POST /mgmt/tm/cm'));
    assert.deepEqual(writes(unit(0)), []);
    const path = '/mgmt/tm/ltm/data-group/internal/~Common~theirs';
    assert.equal((await withClient(0, (client) => client.get(path))).status, 200);
  });

  it('is refused as a whole where there is more to do than that', async () => {
    await withClient(1, (client) => client.delete('/mgmt/tm/ltm/virtual/~mesh~echo'));
    pair.units.forEach((each) => each.forgetRequests());
    await assert.rejects(reconcile(), { code: 'MESH_ERR_DEVICE_SYNC_CONFLICT' });
    assert.deepEqual([writes(unit(0)), writes(unit(1))], [[], []]);
  });

  it('is repaired once a person has decided which unit is right', async () => {
    const decided = await withClient(0, (client) =>
      client.post('/mgmt/tm/cm', { command: 'run', utilCmdArgs: 'config-sync to-group Sync_Failover_Group' }),
    );
    assert.equal(decided.status, 200);
    // The answer only says that it has begun.
    while (!(await syncStatus()).includes('Sync_Failover_Group (In Sync)')) continue;
    await reconcile();
    assert.deepEqual(await allowed(1), [goodCallerId]);
    assert.deepEqual(await allowed(0), [goodCallerId]);
    assert.equal(await heardBy(badCallerId), '');
  });

  it('goes on with one unit stopped: the other serves and is proven, and what is missing is said', async () => {
    await agent.close();
    agent = await openAgent(new HurriedClock());
    await unit(0).close();
    await editAllowlist(kube, [goodCallerId, badCallerId], signal);
    await assert.rejects(reconcile(), {
      consequence: 'transient',
      message: /has it, the other unit may not: .*Sync_Failover_Group is "Disconnected"/,
    });
    assert.equal(await heardBy(badCallerId), 'HI\n');
    const { items } = await kube.list(kinds.workloadEntry, { namespace: 'default' });
    assert.equal(items.length, 1);
  });
});
