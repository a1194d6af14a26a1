import { strict as assert } from 'node:assert';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import type { Agent } from '../../../src/agent.js';
import { DeviceReconciler } from '../../../src/controller/device-reconciler.js';
import type { ConfigMapEvent } from '../../../src/controller/event-recorder.js';
import { EventRecorder } from '../../../src/controller/event-recorder.js';
import { HeldAllowlists } from '../../../src/controller/held-allowlists.js';
import { Metrics } from '../../../src/controller/metrics.js';
import { StatusWriter } from '../../../src/controller/status-config-map.js';
import { AgentError } from '../../../src/errors.js';
import { kinds } from '../../../src/kube/kinds.js';
import { silentLogger } from '../../../src/log.js';
import type { MeshFacts } from '../../../src/mesh/mesh-facts.js';
import type { Proof } from '../../../src/proof/proof.js';
import { desiredObjects } from '../../../src/reconcile/desired.js';
import type { ReconcileReport } from '../../../src/reconcile/run-once.js';
import { serviceAccountSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { FakeClock } from '../../support/fake-clock.js';
import { startDouble } from '../../support/kube-api.js';
import { openFence } from '../../support/open-fence.js';
import { edgeConfig } from '../../support/edge-config.js';

const config = edgeConfig();
const away = new AgentError('MESH_ERR_DEVICE_UNREACHABLE', 'edge does not answer', 'look');
const facts: MeshFacts = {
  trustDomain: 'cluster.local',
  trustDomainAliases: [],
  rootNamespace: 'istio-system',
};
const passing: Proof = {
  passed: true,
  servedFingerprint: 'ab',
  connections: 4,
  protocols: [],
  checks: [],
  unproven: [],
};
const failing: Proof = { ...passing, passed: false };
const notProven = new AgentError('MESH_ERR_PROOF_FAILED', 'echo does not answer', 'look');
const { signal } = new AbortController();

describe('the work on one device', () => {
  let api: Awaited<ReturnType<typeof startDouble>>;
  let clock: FakeClock;
  let metrics: Metrics;
  let allowlists: HeldAllowlists;
  let watching: Promise<unknown>;
  let stop: AbortController;
  let events: ConfigMapEvent[];
  let reconcile: Agent['reconcile'];
  let prove: () => Promise<Proof>;
  let settle: () => Promise<void>;
  let reconciler: DeviceReconciler;
  let doubts: number;
  /** Services that a proof was called for. */
  let called: string[];

  beforeEach(async () => {
    api = await startDouble();
    const { kube } = api;
    const metadata = { name: 'callers', namespace: 'default', labels: { app: 'echo' } };
    await kube.create(kinds.configMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: {} });
    clock = new FakeClock();
    metrics = new Metrics();
    stop = new AbortController();
    const ports = { kube, clock, random: () => 0.5, logger: silentLogger() };
    allowlists = new HeldAllowlists({
      ...ports,
      services: config.services,
      meshFacts: () => facts,
      onChange: () => undefined,
    });
    watching = Promise.all(allowlists.informers.map((informer) => informer.run(stop.signal)));
    await Promise.all(allowlists.informers.map(({ synced }) => synced));
    events = [];
    const recorder = new EventRecorder({ kube, instance: 'one', clock, logger: silentLogger() });
    const record = recorder.record.bind(recorder);
    recorder.record = (event, recordSignal) => {
      events.push(event);
      return record(event, recordSignal);
    };
    doubts = 0;
    called = [];
    reconcile = () => Promise.resolve(report());
    prove = () => Promise.resolve(passing);
    settle = () => Promise.resolve();
    reconciler = new DeviceReconciler({
      ...ports,
      agent: {
        config,
        refreshMeshFacts: () => Promise.resolve(),
        reconcile: (...call) => reconcile(...call),
        prove: () => prove(),
        settle: () => settle(),
      },
      allowlists,
      metrics,
      events: recorder,
      status: new StatusWriter({
        kube,
        namespace: 'default',
        writtenBy: 'one',
        devices: ['edge'],
        logger: silentLogger(),
      }),
      fence: openFence,
      doubt: () => (doubts += 1),
      prove: ({ name }) => called.push(name),
    });
    reconciler.begin('edge');
  });
  afterEach(async () => {
    stop.abort(new Error('the test is over'));
    await watching;
    await api.close();
  });

  /** A reconcile with nothing to change, of a certificate that is valid for this long from now on. */
  function report(hours = 24, parts: Partial<ReconcileReport> = {}): ReconcileReport {
    const seconds = clock.now().getTime() / 1000;
    const spiffeId = serviceAccountSpiffeId({
      trustDomain: 'cluster.local',
      namespace: 'default',
      serviceAccount: 'bigip',
    });
    const [service] = config.services;
    assert.ok(spiffeId.ok && service !== undefined);
    const facts = { 'not-before': String(seconds), 'not-after': String(seconds + hours * 3600) };
    const pair = { certName: 'c', keyName: 'k', cert: 'kept', key: 'kept', chain: undefined, facts } as const;
    const allowlist = { allow: [], deny: [], mode: 'enforce' } as const;
    const desired = { config: service, spiffeId: spiffeId.value, allowlist, trustDomains: [], pair };
    const records = { allow: [{ name: 'spiffe://a/ns/b/sa/c', data: '' }], deny: [], settings: [] };
    const device = {
      partition: 'mesh',
      tmosVersion: '17.1.0',
      ruleText: 'when CLIENT_ACCEPTED {}',
      trustBundle: { name: 'trust_bundle_000000000000.crt', file: { checksum: 'SHA1:1:0' } },
      roots: [],
      services: [{ config: service, pair, records }],
    };
    return {
      device: 'edge',
      plan: { createPartition: false, changes: [], blockers: [], unlisted: [], epoch: 1, ledger: undefined },
      desire: {
        device,
        services: [{ ...desired, isNewPair: false }],
        revocation: { file: undefined, nextUpdate: undefined, lists: [], refusals: [], warnings: [] },
      } as unknown as ReconcileReport['desire'],
      proofs: new Map([['echo', passing]]),
      notApplied: new Set(),
      ...parts,
    };
  }

  /** A reconcile that changed these members of an object, to what the report desires of it. */
  function changing(name: string, members: readonly string[]): ReconcileReport {
    const known = report();
    const object = desiredObjects(known.desire.device).find((desired) => desired.name === name);
    assert.ok(object !== undefined, name);
    const change = { action: 'modify', object, observed: object, members, details: [] } as const;
    return { ...known, plan: { ...known.plan, changes: [change] } };
  }

  it('is due again after five minutes', async () => {
    const result = await reconciler.reconcile('edge', undefined, signal);
    assert.deepEqual(result, { outcome: 'done', againAfterMs: 300_000 });
  });

  it('is due when a certificate is, if that is sooner', async () => {
    reconcile = () => Promise.resolve(report(0.1));
    const result = await reconciler.reconcile('edge', undefined, signal);
    assert.ok(result.outcome === 'done');
    // Half of six minutes, pulled forward by at most a tenth.
    assert.ok(result.againAfterMs > 0.45 * 360_000 && result.againAfterMs <= 0.5 * 360_000);
  });

  it('does not ask without a pause for a certificate that stays due', async () => {
    const due = report(0.1);
    await clock.advance(3_600_000);
    reconcile = () => Promise.resolve(due);
    const result = await reconciler.reconcile('edge', undefined, signal);
    assert.deepEqual(result, { outcome: 'done', againAfterMs: 10_000 });
  });

  it('counts a reconcile that found nothing to change', async () => {
    await reconciler.reconcile('edge', undefined, signal);
    assert.match(await metrics.render(), /^bigip_mesh_reconcile_no_op_total\{device="edge"\} 1$/m);
    assert.doesNotMatch(await metrics.render(), /^bigip_mesh_converge_duration_seconds_count\{/m);
  });

  it('measures from the first call for it until it is proven', async () => {
    const since = clock.now();
    reconcile = () => Promise.reject(away);
    assert.deepEqual(await reconciler.reconcile('edge', since, signal), { outcome: 'failed' });
    await clock.advance(4000);
    reconcile = () => Promise.resolve(report());
    await reconciler.reconcile('edge', since, signal);
    assert.match(await metrics.render(), /^bigip_mesh_converge_duration_seconds_sum\{device="edge"\} 4$/m);
  });

  it('says of a device that is away that it is', async () => {
    reconcile = () => Promise.reject(away);
    await reconciler.reconcile('edge', undefined, signal);
    const text = await metrics.render();
    assert.match(text, /^bigip_mesh_device_reachable\{device="edge"\} 0$/m);
    assert.match(text, /^bigip_mesh_service_healthy\{device="edge",service="echo"\} 0$/m);
    assert.match(
      text,
      /^bigip_mesh_reconcile_failures_total\{device="edge",code="MESH_ERR_DEVICE_UNREACHABLE"\} 1$/m,
    );
    assert.doesNotMatch(text, /^bigip_mesh_last_sync_timestamp_seconds\{/m);
  });

  it('tells operators of a failure when it lasts, and at once when it does not pass by itself', async () => {
    reconcile = () => Promise.reject(away);
    await reconciler.reconcile('edge', undefined, signal);
    await clock.advance(29_999);
    await reconciler.reconcile('edge', undefined, signal);
    assert.deepEqual(events, []);
    await clock.advance(1);
    await reconciler.reconcile('edge', undefined, signal);
    assert.deepEqual(
      events.map(({ reason, note }) => [reason, note]),
      [
        [
          'ServiceFailed',
          'service echo on device edge: edge does not answer; look (MESH_ERR_DEVICE_UNREACHABLE)',
        ],
      ],
    );
    events.length = 0;
    reconcile = () => Promise.reject(new AgentError('MESH_ERR_PLAN_BLOCKED', 'stands in the way', 'move it'));
    await reconciler.reconcile('edge', undefined, signal);
    assert.equal(events.length, 1);
  });

  it('takes a defect of its own for a failure of this device, and does not show its text', async () => {
    reconcile = () => Promise.reject(new TypeError('hunter2'));
    assert.deepEqual(await reconciler.reconcile('edge', undefined, signal), { outcome: 'failed' });
    assert.match(String(events[0]?.note), /MESH_ERR_BUG/);
    assert.doesNotMatch(JSON.stringify(events), /hunter2/);
  });

  for (const [name, end] of [
    ['that was interrupted', (interrupted: AbortController) => interrupted.abort(new Error('SIGTERM'))],
    ['that may not write any more', () => undefined],
  ] as const) {
    it(`tells nothing of a reconcile ${name}`, async () => {
      const interrupted = new AbortController();
      reconcile = () => {
        end(interrupted);
        return Promise.reject(
          interrupted.signal.aborted
            ? (interrupted.signal.reason as Error)
            : new AgentError('MESH_ERR_NOT_LEADER', 'another one leads', 'look'),
        );
      };
      assert.deepEqual(await reconciler.reconcile('edge', undefined, interrupted.signal), {
        outcome: 'failed',
      });
      const status = { kind: kinds.configMap, namespace: 'default', name: 'bigip-mesh-status' };
      assert.equal(await api.kube.get(status), undefined);
      assert.deepEqual(events, []);
    });
  }

  describe('when somebody changed the device by hand', () => {
    const drifts = async (): Promise<string[]> => {
      const { items } = await api.kube.list(kinds.event, { namespace: 'default' });
      return items
        .filter((event) => event['reason'] === 'DriftRepaired')
        .map((event) => `${(event['regarding'] as { name: string }).name}: ${String(event['note'])}`);
    };

    it('tells which members of which object were put back, on the ConfigMap of the service, and counts it', async () => {
      await reconciler.reconcile('edge', undefined, signal);
      reconcile = () => Promise.resolve(changing('echo_pool', ['monitor', 'members']));
      await reconciler.reconcile('edge', undefined, signal);
      assert.deepEqual(await drifts(), [
        'callers: on device edge, ltm/pool echo_pool: monitor, members changed by somebody else; put back',
      ]);
      assert.match(
        await metrics.render(),
        /^bigip_mesh_drift_repaired_total\{device="edge",kind="ltm\/pool"\} 1$/m,
      );
    });

    it('tells it of what services share on the status', async () => {
      await reconciler.reconcile('edge', undefined, signal);
      reconcile = () => Promise.resolve(changing('spiffe_allowlist', ['apiAnonymous']));
      await reconciler.reconcile('edge', undefined, signal);
      assert.match(
        (await drifts())[0] ?? '',
        /^bigip-mesh-status: .*ltm\/rule spiffe_allowlist: apiAnonymous/,
      );
    });

    it('tells it each time anew', async () => {
      await reconciler.reconcile('edge', undefined, signal);
      reconcile = () => Promise.resolve(changing('echo_pool', ['monitor']));
      await reconciler.reconcile('edge', undefined, signal);
      await clock.advance(1000);
      await reconciler.reconcile('edge', undefined, signal);
      assert.equal((await drifts()).length, 2);
    });

    it('does not call a change of before it began to lead, or of its own, drift', async () => {
      reconcile = () => Promise.resolve(changing('echo_pool', ['monitor']));
      await reconciler.reconcile('edge', undefined, signal);
      const changed = changing('echo_pool', ['monitor']);
      const [change] = changed.plan.changes;
      assert.ok(change?.action === 'modify');
      const object = { ...change.object, members: { ...change.object.members, monitor: '/Common/other' } };
      const changes = [{ ...change, object }];
      reconcile = () => Promise.resolve({ ...changed, plan: { ...changed.plan, changes } });
      await reconciler.reconcile('edge', undefined, signal);
      assert.deepEqual(await drifts(), []);
    });

    it('does not say so of a service that could not be put back', async () => {
      await reconciler.reconcile('edge', undefined, signal);
      const refused = { ...changing('echo_pool', ['monitor']), notApplied: new Set(['echo']) };
      reconcile = () => Promise.resolve(refused);
      await reconciler.reconcile('edge', undefined, signal);
      assert.deepEqual(await drifts(), []);
    });
  });

  describe('between reconciles', () => {
    const [echo] = config.services;
    assert.ok(echo !== undefined);
    const status = async (): Promise<string> => {
      const ref = { kind: kinds.configMap, namespace: 'default', name: 'bigip-mesh-status' };
      return ((await api.kube.get(ref))?.['data'] as { edge: string } | undefined)?.edge ?? '';
    };

    it('proves each service that the first reconcile did not', async () => {
      reconcile = () => Promise.resolve(report(24, { proofs: new Map() }));
      await reconciler.reconcile('edge', undefined, signal);
      assert.deepEqual(called, ['echo']);
      assert.doesNotMatch(await status(), /syncedAt/);
      assert.deepEqual(await reconciler.prove(echo, signal), { outcome: 'done', againAfterMs: 300_000 });
      assert.match(await status(), /syncedAt/);
      await reconciler.reconcile('edge', undefined, signal);
      assert.deepEqual(called, ['echo']);
    });

    it('proves nothing before the device was read, and nothing that the device does not have', async () => {
      let proofs = 0;
      prove = () => {
        proofs += 1;
        return Promise.resolve(passing);
      };
      await reconciler.prove(echo, signal);
      reconcile = () => Promise.resolve(report(24, { proofs: new Map(), notApplied: new Set(['echo']) }));
      await reconciler.reconcile('edge', undefined, signal);
      await reconciler.prove(echo, signal);
      assert.equal(proofs, 0);
      assert.deepEqual(called, []);
    });

    it('looks at the device once when a proof fails, and tries the proof again by itself', async () => {
      await reconciler.reconcile('edge', undefined, signal);
      prove = () => Promise.resolve(failing);
      settle = () => Promise.reject(notProven);
      assert.deepEqual(await reconciler.prove(echo, signal), { outcome: 'failed' });
      assert.deepEqual(await reconciler.prove(echo, signal), { outcome: 'failed' });
      assert.equal(doubts, 1);
      assert.match(await status(), /MESH_ERR_PROOF_FAILED/);
      assert.match(await metrics.render(), /^bigip_mesh_service_healthy\{device="edge",service="echo"\} 0$/m);
      reconcile = () => Promise.resolve(report(24, { proofs: new Map() }));
      await reconciler.reconcile('edge', undefined, signal);
      assert.match(await status(), /MESH_ERR_PROOF_FAILED/, 'a reconcile that proves nothing mends nothing');
      settle = () => Promise.resolve();
      prove = () => Promise.resolve(passing);
      assert.equal((await reconciler.prove(echo, signal)).outcome, 'done');
      assert.doesNotMatch(await status(), /MESH_ERR_PROOF_FAILED/);
    });

    it('takes a proof for nothing when the device was changed meanwhile', async () => {
      await reconciler.reconcile('edge', undefined, signal);
      let isSettled = false;
      settle = () => {
        isSettled = true;
        return Promise.reject(notProven);
      };
      prove = async () => {
        await reconciler.reconcile('edge', undefined, signal);
        return failing;
      };
      assert.equal((await reconciler.prove(echo, signal)).outcome, 'done');
      assert.equal(isSettled, false);
      assert.equal(doubts, 0);
    });

    it('measures an edit until it is proven, when that took a second try', async () => {
      const since = clock.now();
      const failed = report(24, { proofs: new Map([['echo', failing]]) });
      reconcile = (_device, { onServiceFailure }) => {
        onServiceFailure?.('echo', notProven);
        return Promise.resolve(failed);
      };
      const result = await reconciler.reconcile('edge', since, signal);
      assert.equal(result.outcome, 'done', 'the device is as it should be');
      assert.deepEqual(called, ['echo']);
      assert.doesNotMatch(await metrics.render(), /^bigip_mesh_converge_duration_seconds_count\{/m);
      await clock.advance(3000);
      await reconciler.prove(echo, signal);
      assert.match(await metrics.render(), /^bigip_mesh_converge_duration_seconds_sum\{device="edge"\} 3$/m);
    });
  });

  it('can be followed by a tracer', async () => {
    const seen: unknown[] = [];
    const end = (message: unknown): void => void seen.push(message);
    subscribe('tracing:bigip-mesh:reconcile:asyncEnd', end);
    try {
      await reconciler.reconcile('edge', clock.now(), signal);
    } finally {
      unsubscribe('tracing:bigip-mesh:reconcile:asyncEnd', end);
    }
    assert.deepEqual(JSON.parse(JSON.stringify(seen)), [
      {
        device: 'edge',
        calledForAt: '2030-01-01T00:00:00.000Z',
        outcome: { changes: [], drift: [], failures: [] },
      },
    ]);
  });
});
