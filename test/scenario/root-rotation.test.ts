import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';

import { Agent } from '../../src/agent.js';
import { systemClock } from '../../src/clock.js';
import type { Clock } from '../../src/clock.js';
import { parseConfig } from '../../src/config/load-config.js';
import { MeshCa } from '../../src/demo/mesh-ca.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { badCallerId, goodCallerId } from '../../src/demo/surroundings.js';
import type { AgentError } from '../../src/errors.js';
import { kinds } from '../../src/kube/kinds.js';
import { silentLogger } from '../../src/log.js';
import { isEmptyPlan } from '../../src/reconcile/plan.js';
import type { ReconcileReport, ReconcileStep } from '../../src/reconcile/run-once.js';
import { certificateFingerprint } from '../../src/spiffe/svid.js';
import { MeshCaServer } from '../support/mesh-ca-server.js';
import { OpensslCaller } from '../support/openssl-caller.js';
import { reviewByKubeApi } from '../support/token-review.js';

const quietMs = 30_000;
/** More often than evidence needs a look. */
const lookMs = quietMs / 8;

/** Where a process can end in the middle of a reconcile. */
const crashes = [
  'before the commit',
  'before the save',
  'before the proof',
  'before the proof is noted',
] as const;
type Crash = (typeof crashes)[number];

describe('a rotation of the mesh root', function () {
  this.timeout(60_000);
  let scenario: Scenario;
  let now: number;
  /** Stands still between the test's own steps, and lets everybody sleep as long as he wants to. */
  const clock: Clock = {
    now: () => new Date(now),
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
  };
  let agent: Agent;
  let identity: string;
  let next: MeshCa;
  let stranger: MeshCa;
  let trustBundlePem: string;
  let names = 0;
  const held: TLSSocket[] = [];

  beforeEach(async () => {
    // TLS looks at the real time, and certificates are good from two minutes before they are made: the story may begin
    // that long ago, and end that far ahead.
    now = Date.now() - 100_000;
    scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
    next = await MeshCa.create({ now: clock.now(), cluster: 'next' });
    stranger = await MeshCa.create({ now: clock.now(), cluster: 'stranger' });
    trustBundlePem = scenario.meshCa.rootPem + next.rootPem;
    identity = `source: ca-secret\n  rootRotation: {quietPeriod: ${quietMs}ms}`;
    agent = await openAgent();
  });
  afterEach(async () => {
    for (const connection of held.splice(0)) {
      connection.end();
      await once(connection, 'close');
    }
    await agent.close();
    await scenario.close();
  });

  async function openAgent(): Promise<Agent> {
    const text = (await readFile(scenario.configFile, 'utf8')).replace('source: ca-secret', identity);
    const config = parseConfig(text, 'config.yaml');
    const { kubeconfigFile: kubeconfig } = scenario;
    const { signal } = new AbortController();
    return Agent.open({ config, kubeconfig, clock, logger: silentLogger(), signal });
  }

  /** As the process that takes over does it: nothing is remembered but what is on the device. */
  async function restart(): Promise<void> {
    await agent.close();
    agent = await openAgent();
  }

  async function reconcile(
    options: { renew?: boolean; crash?: Crash; mode?: 'plan'; isOneShot?: boolean } = {},
  ): Promise<ReconcileReport> {
    const [device] = agent.config.devices;
    assert.ok(device);
    const failures: AgentError[] = [];
    let commits = 0;
    const { crash } = options;
    const stopped = (at: Crash, isReached: boolean): void => {
      if (isReached && crash === at) throw new Error(`crash ${at}`);
    };
    const report = await agent.reconcile(
      device,
      {
        mode: options.mode ?? 'apply',
        renew: new Set(options.renew === true ? ['echo'] : []),
        ...(options.isOneShot === true
          ? {}
          : { onServiceFailure: (_service: string, error: AgentError) => void failures.push(error) }),
        beforeCommit: () => {
          commits += 1;
          stopped('before the commit', commits === 1);
          stopped('before the proof is noted', isVerified);
        },
      },
      (step: ReconcileStep) => {
        isVerified = step === 'verify' || step === 'register';
        stopped('before the save', step === 'save');
        stopped('before the proof', step === 'verify');
      },
    );
    assert.deepEqual(failures.map(String), []);
    return report;
  }
  let isVerified = false;

  /** Everything that can happen to a step of the rotation, and then the step itself by the next process. */
  async function throughEveryCrash(
    step: (options: { crash?: Crash }) => Promise<ReconcileReport>,
    check: () => Promise<void>,
    points: readonly Crash[] = crashes.slice(0, -1),
  ): Promise<ReconcileReport> {
    for (const crash of points) {
      await step({ crash }).catch((error: unknown) => assert.equal(String(error), `Error: crash ${crash}`));
      await check();
      await restart();
    }
    const report = await step({});
    await check();
    assert.ok(isEmptyPlan((await reconcile({ mode: 'plan' })).plan), 'comes to rest');
    return report;
  }

  async function caller(ca: MeshCa, spiffeId = goodCallerId): Promise<OpensslCaller> {
    const { folder, listen } = scenario;
    const svid = await ca.mint(spiffeId);
    names += 1;
    return OpensslCaller.create({ folder, name: `caller${names}`, port: listen.port, trustBundlePem, svid });
  }

  async function getsIn(ca: MeshCa, spiffeId?: string): Promise<boolean> {
    return (await (await caller(ca, spiffeId)).say('hi')).heard === 'HI\n';
  }

  /** Opens a connection that is to outlive the rotation. */
  async function hold(ca: MeshCa): Promise<void> {
    const svid = await ca.mint(goodCallerId);
    const connection = connect({
      host: scenario.listen.address,
      port: scenario.listen.port,
      ca: trustBundlePem,
      cert: svid.renderLeafPem() + svid.renderChainPem(),
      key: svid.renderKeyPem().reveal(),
      checkServerIdentity: () => undefined,
    });
    held.push(connection);
    await once(connection, 'secureConnect');
    assert.equal(await say(connection), 'HI\n');
  }

  async function say(connection: TLSSocket): Promise<string> {
    connection.write('hi\n');
    const [heard] = (await once(connection, 'data')) as [Buffer];
    return heard.toString();
  }

  /** Who must come in whatever happens, who must not, and connections that live on. */
  const expectCallers =
    (inside: readonly MeshCa[], outside: readonly MeshCa[]) => async (): Promise<void> => {
      for (const ca of inside) {
        assert.equal(await getsIn(ca), true);
        assert.equal(await getsIn(ca, badCallerId), false);
      }
      for (const ca of [...outside, stranger]) assert.equal(await getsIn(ca), false);
      for (const connection of held) assert.equal(await say(connection), 'HI\n');
    };

  async function publish(...cas: readonly MeshCa[]): Promise<void> {
    const ref = { kind: kinds.configMap, namespace: 'istio-system', name: 'istio-ca-root-cert' };
    const before = await scenario.kube.get(ref);
    assert.ok(before);
    const data = { 'root-cert.pem': cas.map(({ rootPem }) => rootPem).join('') };
    await scenario.kube.replace(kinds.configMap, { ...before, data });
  }

  async function signWith(ca: MeshCa): Promise<void> {
    const ref = { kind: kinds.secret, namespace: 'istio-system', name: 'cacerts' };
    const before = await scenario.kube.get(ref);
    assert.ok(before);
    const entries = Object.entries(ca.cacertsData().reveal());
    const data = Object.fromEntries(entries.map(([key, value]) => [key, value.toString('base64')]));
    await scenario.kube.replace(kinds.secret, { ...before, data });
  }

  const fingerprint = (ca: MeshCa): string => certificateFingerprint(ca.rootCertificate);
  const stateOf = ({ desire }: ReconcileReport, ca: MeshCa) =>
    desire.roots.find(({ sha256 }) => sha256 === fingerprint(ca));
  const stageOf = (report: ReconcileReport, ca: MeshCa): string | undefined => stateOf(report, ca)?.stage;
  const leafRoot = ({ desire }: ReconcileReport): string | undefined =>
    desire.services[0]?.pair.facts['root'];

  /** Looks as often as evidence needs it; time goes on between. */
  async function wait(ms: number): Promise<ReconcileReport> {
    let report = await reconcile();
    for (let waited = 0; waited < ms; waited += lookMs) {
      now += lookMs;
      report = await reconcile();
    }
    return report;
  }

  it('lets nobody out and nobody in that should not, whatever step a crash interrupts', async () => {
    const { meshCa: old } = scenario;
    const first = await reconcile();
    assert.equal(stageOf(first, old), 'accepted');
    await expectCallers([old], [next])();
    await hold(old);

    // Learn, add, prove.
    await publish(old, next);
    const added = await throughEveryCrash(reconcile, expectCallers([old], []), crashes);
    assert.match(stateOf(added, next)?.sentence ?? '', /was proven on the wire/);
    assert.equal(stageOf(added, next), 'accepted');
    assert.equal(leafRoot(added), fingerprint(old));
    await expectCallers([old, next], [])();
    await hold(next);

    // Move the leaf.
    await signWith(next);
    const moved = await throughEveryCrash(
      (options) => reconcile({ ...options, renew: true }),
      expectCallers([old, next], []),
    );
    assert.equal(leafRoot(moved), fingerprint(next));

    // Nobody names the old root any more.
    await publish(next);
    const retiring = await throughEveryCrash(reconcile, expectCallers([old, next], []));
    assert.equal(stageOf(retiring, old), 'retiring');

    // Somebody still needs it: time alone does nothing.
    await wait(quietMs / 2);
    assert.equal(await getsIn(old), true);
    const needed = await wait(lookMs);
    assert.equal(stageOf(needed, old), 'retiring');
    assert.match(stateOf(needed, old)?.sentence ?? '', /callers of echo still need it, or may/);

    // Nobody does, in spite of a restart in the middle.
    await wait(quietMs / 2);
    await restart();
    const waited = await wait(quietMs / 2 - lookMs);
    assert.equal(stageOf(waited, old), 'retiring', stateOf(waited, old)?.sentence);
    await expectCallers([next], [])();
    now += lookMs;
    await assert.rejects(reconcile({ crash: 'before the commit' }), /crash/);
    await restart();
    const pruned = await reconcile();
    assert.equal(stageOf(pruned, old), 'removed', stateOf(pruned, old)?.sentence);
    await expectCallers([next], [old])();
    const after = await reconcile();
    assert.deepEqual(
      after.desire.roots.map(({ sha256 }) => sha256),
      [fingerprint(next)],
    );
    assert.ok(isEmptyPlan(after.plan));
  });

  it('serves no certificate under a root before the mesh publishes it, and lets callers under it in', async () => {
    const { meshCa: old } = scenario;
    const istiod = await startIstiod();
    try {
      await reconcile();
      istiod.signWith(next, [old, next]);
      const waiting = await reconcile({ renew: true });
      assert.match(waiting.desire.services[0]?.withheld ?? '', /does not publish to callers yet/);
      assert.equal(leafRoot(waiting), fingerprint(old));
      assert.equal(stageOf(waiting, next), 'accepted');
      await expectCallers([old, next], [])();

      await restart();
      const later = await reconcile();
      assert.ok(isEmptyPlan(later.plan), 'what the mesh CA said is remembered without asking again');
      assert.equal(leafRoot(later), fingerprint(old));

      await publish(old, next);
      const moved = await reconcile({ renew: true });
      assert.equal(leafRoot(moved), fingerprint(next));
      await expectCallers([old, next], [])();
    } finally {
      await istiod.close();
    }
  });

  it('learns of a new root also from the callers of a proof', async () => {
    const { meshCa: old } = scenario;
    const istiod = await startIstiod();
    try {
      await reconcile({ isOneShot: true });
      await restart();
      istiod.signWith(next, [next]);
      const learned = await reconcile({ isOneShot: true });
      assert.equal(stageOf(learned, next), 'accepted');
      assert.equal(leafRoot(learned), fingerprint(old));
      await expectCallers([old, next], [])();
    } finally {
      await istiod.close();
    }
  });

  it('lets a root go at once when the operator says so, though the mesh still publishes it', async () => {
    const { meshCa: old } = scenario;
    await reconcile();
    await publish(old, next);
    await signWith(next);
    await reconcile();
    await reconcile({ renew: true });
    await expectCallers([old, next], [])();
    identity = `source: ca-secret\n  rootRotation: {remove: ["${fingerprint(old)}"]}`;
    await restart();
    const removed = await reconcile();
    assert.equal(stageOf(removed, old), 'removed');
    await expectCallers([next], [old])();
    assert.ok(isEmptyPlan((await reconcile()).plan), 'and it does not come back');
  });

  it('changes nothing while the roots cannot be read', async () => {
    const { meshCa: old } = scenario;
    await publish(old, next);
    await reconcile();
    const ref = { kind: kinds.configMap, namespace: 'istio-system', name: 'istio-ca-root-cert' };
    const live = await scenario.kube.get(ref);
    assert.ok(live);
    for (const text of ['', 'no certificate at all']) {
      const current = await scenario.kube.get(ref);
      await scenario.kube.replace(kinds.configMap, {
        ...live,
        metadata: current?.metadata ?? live.metadata,
        data: { 'root-cert.pem': text },
      });
      await assert.rejects(reconcile(), /MESH_ERR_|root/);
      await expectCallers([old, next], [])();
    }
    await scenario.kube.delete(ref, { uid: live.metadata.uid ?? '' });
    await assert.rejects(reconcile(), /root/);
    await expectCallers([old, next], [])();
  });

  /** Signs for the mesh, as its CA's key is out of reach. */
  async function startIstiod(): Promise<MeshCaServer> {
    const { kube, meshCa } = scenario;
    const istiod = await MeshCaServer.start({ ca: meshCa, clock, reviewToken: reviewByKubeApi(kube) });
    await kube.create(kinds.serviceAccount, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { namespace: 'default', name: 'bigip' },
    });
    identity = `source: istiod\n  istiod: {address: "${istiod.address}"}`;
    await restart();
    return istiod;
  }
});
