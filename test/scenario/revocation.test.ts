import { strict as assert } from 'node:assert';
import { readFile } from 'node:fs/promises';

import { Agent } from '../../src/agent.js';
import { systemClock } from '../../src/clock.js';
import { parseConfig } from '../../src/config/load-config.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { badCallerId, deviceUser, goodCallerId } from '../../src/demo/surroundings.js';
import { IControlClient } from '../../src/icontrol/client.js';
import type { RequestRecord } from '../../src/icontrol/request.js';
import { kinds } from '../../src/kube/kinds.js';
import { silentLogger } from '../../src/log.js';
import { isEmptyPlan } from '../../src/reconcile/plan.js';
import type { ReconcileReport } from '../../src/reconcile/run-once.js';
import { Secret } from '../../src/secret.js';
import type { Svid } from '../../src/spiffe/svid.js';
import { OpensslCaller } from '../support/openssl-caller.js';
import { RevokingCa } from '../support/revoking-ca.js';

const crlPath = '/mgmt/tm/sys/file/ssl-crl';
const profilePath = '/mgmt/tm/ltm/profile/client-ssl/~mesh~echo_clientssl';
const mapRef = { kind: kinds.configMap, namespace: 'istio-system', name: 'istio-ca-crl' };

describe('revocation by the CRLs of the mesh', function () {
  this.timeout(60_000);
  let scenario: Scenario;
  let agent: Agent;
  let ca: RevokingCa;
  let good: Svid;
  let revoked: Svid;
  let started: Date;
  let names = 0;
  const requests: RequestRecord[] = [];

  beforeEach(async () => {
    started = new Date();
    scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
    ca = await RevokingCa.create(started);
    await signWith(ca);
    [good, revoked] = await Promise.all([ca.mint(goodCallerId), ca.mint(goodCallerId)]);
    agent = await openAgent();
    requests.length = 0;
  });
  afterEach(async () => {
    await agent.close();
    await scenario.close();
  });

  async function openAgent(): Promise<Agent> {
    const config = parseConfig(await readFile(scenario.configFile, 'utf8'), 'config.yaml');
    return Agent.open({
      config,
      kubeconfig: scenario.kubeconfigFile,
      clock: systemClock,
      logger: silentLogger(),
      signal: new AbortController().signal,
      onRequest: (_device, request) => requests.push(request),
    });
  }

  /** The next process: it knows nothing but what is on the device. */
  async function restart(): Promise<void> {
    await agent.close();
    agent = await openAgent();
  }

  async function signWith(authority: RevokingCa): Promise<void> {
    const { kube } = scenario;
    const secretRef = { kind: kinds.secret, namespace: 'istio-system', name: 'cacerts' };
    const rootsRef = { kind: kinds.configMap, namespace: 'istio-system', name: 'istio-ca-root-cert' };
    const [secret, roots] = [await kube.get(secretRef), await kube.get(rootsRef)];
    assert.ok(secret && roots);
    const entries = Object.entries(authority.cacertsData().reveal());
    const data = Object.fromEntries(entries.map(([key, value]) => [key, value.toString('base64')]));
    await kube.replace(kinds.secret, { ...secret, data });
    await kube.replace(kinds.configMap, { ...roots, data: { 'root-cert.pem': authority.rootPem } });
  }

  /** @param data of istio-ca-crl; a text stands for its one key */
  async function publish(data: string | Readonly<Record<string, string>>): Promise<void> {
    const content = typeof data === 'string' ? { 'ca-crl.pem': data } : data;
    const before = await scenario.kube.get(mapRef);
    const { namespace, name } = mapRef;
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data: content };
    await (before === undefined
      ? scenario.kube.create(kinds.configMap, object)
      : scenario.kube.replace(kinds.configMap, { ...before, data: content }));
  }

  /** Minutes from the start of the test, in the past. */
  const minute = (number: number): Date => new Date(started.getTime() + (number - 60) * 60_000);

  function lists(leaves: readonly Svid[], at = minute(0), revokedCas: readonly RevokingCa[] = []): string {
    return (
      ca.listPem('root', {
        thisUpdate: at,
        revoked: revokedCas.map(({ intermediate }) => intermediate.certificate),
      }) + ca.listPem('intermediate', { thisUpdate: at, revoked: leaves.map(({ leaf }) => leaf) })
    );
  }

  async function reconcile(mode: 'apply' | 'plan' = 'apply'): Promise<ReconcileReport> {
    const [device] = agent.config.devices;
    assert.ok(device);
    requests.length = 0;
    const report = await agent.reconcile(device, {
      mode,
      onServiceFailure: (_service, error) => {
        throw error;
      },
    });
    if (mode === 'apply') assert.equal(report.proofs.get('echo')?.passed, true);
    return report;
  }

  async function getsIn(svid: Svid): Promise<boolean> {
    names += 1;
    const caller = await OpensslCaller.create({
      folder: scenario.folder,
      name: `caller${names}`,
      port: scenario.listen.port,
      trustBundlePem: ca.rootPem,
      svid,
    });
    const { heard } = await caller.say('hi');
    assert.ok(heard === '' || heard === 'HI\n', heard);
    return heard === 'HI\n';
  }

  async function expectCallers(): Promise<void> {
    assert.equal(await getsIn(good), true);
    assert.equal(await getsIn(revoked), false);
  }

  /** The device, as whoever else has its password sees it. */
  async function withDevice<T>(use: (client: IControlClient) => Promise<T>): Promise<T> {
    const { url, fingerprint256 } = scenario.bigIp;
    const credentials = { username: deviceUser.name, password: new Secret(deviceUser.password) };
    const client = new IControlClient({
      url,
      credentials: () => Promise.resolve(credentials),
      tls: { fingerprint256 },
      clock: systemClock,
      logger: silentLogger(),
    });
    try {
      return await use(client);
    } finally {
      await client.close();
    }
  }

  const onDevice = () =>
    withDevice(async ({ resources }) => {
      const profile = await resources.get(profilePath);
      const files = await resources.list(crlPath, { partition: 'mesh' });
      assert.ok(profile);
      return { profile, files: files.map((file) => String(file['name'])) };
    });

  const refusalsOf = ({ desire }: ReconcileReport): string[] =>
    desire.revocation.refusals.map(({ code, message }) => `${code} ${message}`);

  it('refuses a caller whose certificate is revoked, and lets the others in', async () => {
    await reconcile();
    assert.equal(await getsIn(revoked), true);
    await publish(lists([revoked]));
    const report = await reconcile();
    assert.deepEqual([...report.desire.revocation.refusals, ...report.desire.revocation.warnings], []);
    await expectCallers();
    const { profile, files } = await onDevice();
    assert.deepEqual(files, [report.desire.revocation.file]);
    assert.equal(profile['crlFile'], `/mesh/${files[0]}`);
    assert.equal(profile['allowExpiredCrl'], 'enabled');
  });

  it('refuses whoever is under a revoked intermediate', async () => {
    const other = await ca.withNewIntermediate('other');
    const caller = await other.mint(goodCallerId);
    const both = lists([], minute(0), [other]) + other.listPem('intermediate', { thisUpdate: minute(0) });
    await reconcile();
    assert.equal(await getsIn(caller), true);
    // Nobody but that intermediate's own callers has shown it to anybody; its own list is not taken.
    await publish(both);
    const report = await reconcile();
    assert.match(refusalsOf(report).join(), /CRL_REFUSED .*CN=other is of a CA that is not known/);
    assert.equal(await getsIn(good), true);
    assert.equal(await getsIn(caller), false);
  });

  it('is one transaction with the profile, comes to rest, and costs no further request then', async () => {
    await reconcile();
    await publish(lists([revoked]));
    const plan = await reconcile('plan');
    assert.deepEqual(
      plan.plan.changes.map(({ action, object }) => `${action} ${object.kind}`),
      ['create sys/file/ssl-crl', 'modify ltm/profile/client-ssl'],
    );
    await reconcile();
    const transactions = requests.filter(
      ({ method, path }) => method === 'POST' && path === '/mgmt/tm/transaction',
    );
    assert.equal(transactions.length, 1);
    const again = await reconcile();
    assert.ok(isEmptyPlan(again.plan));
    assert.deepEqual(
      requests.map(({ method }) => method),
      Array(7).fill('GET'),
    );
    assert.ok(requests.every(({ path }) => !path.startsWith(crlPath)));
    await restart();
    assert.ok(isEmptyPlan((await reconcile('plan')).plan));
  });

  it('brings a newer list, and keeps the file of the older one for a while', async () => {
    await publish(lists([revoked], minute(0)));
    const first = await reconcile();
    await publish(lists([revoked, good], minute(1)));
    await reconcile();
    assert.equal(await getsIn(good), false);
    const { files } = await onDevice();
    assert.equal(files.length, 2);
    assert.ok(files.includes(first.desire.revocation.file ?? ''));
    assert.ok(isEmptyPlan((await reconcile('plan')).plan));
  });

  it('keeps what is in force while nothing better can be read, also for the next process', async () => {
    await publish(lists([revoked]));
    const { file } = (await reconcile()).desire.revocation;
    const stranger = await RevokingCa.create(started, 'stranger');
    const texts: ReadonlyArray<[text: string | Readonly<Record<string, string>>, reason: RegExp]> = [
      ['junk', /no PEM block/],
      ['', /is empty, which may be a mistake/],
      [{ other: 'x' }, /is empty, which may be a mistake/],
      [stranger.listPem('root'), /CN=stranger root is of a CA that is not known/],
      [ca.listPem('root', { privateKey: ca.intermediate.privateKey }), /signature/],
      [lists([], minute(-1)), /is older than the one in force/],
      [lists([], new Date(Date.now() + 3_600_000)), /not in force before/],
    ];
    for (const [text, reason] of texts) {
      await publish(text);
      const report = await reconcile();
      assert.match(refusalsOf(report).join(), /^MESH_ERR_CRL_REFUSED /);
      assert.match(refusalsOf(report).join(), reason);
      assert.equal(report.desire.revocation.file, file);
      assert.ok(isEmptyPlan(report.plan));
    }
    await restart();
    assert.equal((await reconcile()).desire.revocation.file, file);
    await expectCallers();
    const recover = scenario.kubeApi.inject({
      matches: ({ path }) => path.endsWith('/configmaps/istio-ca-crl'),
      action: { kind: 'status', code: 403 },
    });
    const report = await reconcile();
    recover();
    assert.match(refusalsOf(report).join(), /^MESH_ERR_CRL_UNKNOWN /);
    assert.equal(report.desire.revocation.file, file);
    await expectCallers();
  });

  it('ends when the ConfigMap is gone', async () => {
    await publish(lists([revoked]));
    await reconcile();
    const { metadata } = (await scenario.kube.get(mapRef)) ?? {};
    await scenario.kube.delete(mapRef, { uid: metadata?.uid ?? '' });
    const report = await reconcile();
    assert.equal(report.desire.revocation.file, undefined);
    assert.equal(await getsIn(revoked), true);
    const { profile } = await onDevice();
    assert.equal(profile['crlFile'], 'none');
    assert.equal(profile['allowExpiredCrl'], 'disabled');
    assert.ok(isEmptyPlan((await reconcile('plan')).plan));
  });

  it('goes on after the list has expired, and says so', async () => {
    const [at, nextUpdate] = [minute(0), minute(30)];
    await publish(
      ca.listPem('root', { thisUpdate: at, nextUpdate }) +
        ca.listPem('intermediate', { thisUpdate: at, nextUpdate, revoked: [revoked.leaf] }),
    );
    const report = await reconcile();
    assert.match(report.desire.revocation.warnings.join(), /should have had a successor/);
    await expectCallers();
  });

  it('takes the good lists of a text, unless they would leave a CA of the services without one', async () => {
    await publish(lists([], minute(0)));
    await reconcile();
    const broken = '-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n';
    await publish(broken + lists([revoked], minute(1)));
    assert.match(refusalsOf(await reconcile()).join(), /list 1: it is no CRL/);
    await expectCallers();
    const forged = ca.listPem('intermediate', { thisUpdate: minute(2), privateKey: ca.root.privateKey });
    await publish(ca.listPem('root', { thisUpdate: minute(2) }) + forged);
    assert.match(refusalsOf(await reconcile()).join(), /signature/);
    await expectCallers();
  });

  it('is put back when somebody takes it out of the profile, or replaces what is in the file', async () => {
    await publish(lists([revoked]));
    const { file = '' } = (await reconcile()).desire.revocation;
    await withDevice(({ resources }) => resources.modify(profilePath, { crlFile: 'none' }));
    assert.equal(await getsIn(revoked), true);
    await reconcile();
    await expectCallers();
    await withDevice(({ resources, uploads }) =>
      uploads.withFiles([new Secret(lists([]))], ([upload]) =>
        resources.modify(`${crlPath}/~mesh~${file}`, { sourcePath: upload?.sourcePath ?? '' }),
      ),
    );
    assert.equal(await getsIn(revoked), true);
    await restart();
    await reconcile();
    await expectCallers();
  });

  it('fails a one-shot run after everything was done, when a list is not taken', async () => {
    const [device] = agent.config.devices;
    assert.ok(device);
    await publish('junk');
    await assert.rejects(agent.reconcile(device, { mode: 'apply' }), { code: 'MESH_ERR_CRL_REFUSED' });
    assert.equal(await getsIn(good), true);
    assert.equal(await getsIn(await ca.mint(badCallerId)), false);
  });
});
