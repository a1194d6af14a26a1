import { strict as assert } from 'node:assert';

import type { Agent } from '../../../src/agent.js';
import { parseConfig } from '../../../src/config/load-config.js';
import { DeviceReconciler } from '../../../src/controller/device-reconciler.js';
import type { ConfigMapEvent } from '../../../src/controller/event-recorder.js';
import { EventRecorder } from '../../../src/controller/event-recorder.js';
import { HeldAllowlists } from '../../../src/controller/held-allowlists.js';
import { Metrics } from '../../../src/controller/metrics.js';
import { StatusWriter } from '../../../src/controller/status-config-map.js';
import { AgentError } from '../../../src/errors.js';
import { kinds } from '../../../src/kube/kinds.js';
import { silentLogger } from '../../../src/log.js';
import type { ReconcileReport } from '../../../src/reconcile/run-once.js';
import { serviceAccountSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { FakeClock } from '../../support/fake-clock.js';
import { startDouble } from '../../support/kube-api.js';

const config = parseConfig(
  `apiVersion: bigip-mesh.io/v1
kind: AgentConfig
identity: {source: ca-secret, renewAt: 0.5}
devices:
  - name: edge
    urls: ["https://192.0.2.10"]
    credentials: {files: {username: /u, password: /p}}
    tls: {caFile: /ca.pem}
services:
  - name: echo
    device: edge
    identity: {namespace: default, serviceAccount: bigip}
    host: bigip.default.svc.cluster.local
    listen: {address: 192.0.2.20, port: 9000}
    backends: ["192.0.2.30:9000"]
    allowlist: {selector: {matchLabels: {app: echo}}}
`,
  'config.yaml',
);
const away = new AgentError('MESH_ERR_DEVICE_UNREACHABLE', 'edge does not answer', 'look');
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
  let reconciler: DeviceReconciler;

  beforeEach(async () => {
    api = await startDouble();
    const { kube } = api;
    const metadata = { name: 'callers', namespace: 'default', labels: { app: 'echo' } };
    await kube.create(kinds.configMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: {} });
    clock = new FakeClock();
    metrics = new Metrics();
    stop = new AbortController();
    const ports = { kube, clock, random: () => 0.5, logger: silentLogger() };
    allowlists = new HeldAllowlists({ ...ports, services: config.services, onChange: () => undefined });
    watching = Promise.all(allowlists.informers.map((informer) => informer.run(stop.signal)));
    await Promise.all(allowlists.informers.map(({ synced }) => synced));
    events = [];
    const recorder = new EventRecorder({ kube, instance: 'one', clock, logger: silentLogger() });
    const record = recorder.record.bind(recorder);
    recorder.record = (event, recordSignal) => {
      events.push(event);
      return record(event, recordSignal);
    };
    reconcile = () => Promise.resolve(report());
    reconciler = new DeviceReconciler({
      ...ports,
      agent: {
        config,
        refreshMeshFacts: () => Promise.resolve(),
        reconcile: (...call) => reconcile(...call),
      },
      allowlists,
      metrics,
      events: recorder,
      status: new StatusWriter({ kube, namespace: 'default', writtenBy: 'one', logger: silentLogger() }),
      beforeCommit: () => undefined,
    });
  });
  afterEach(async () => {
    stop.abort(new Error('the test is over'));
    await watching;
    await api.close();
  });

  /** A reconcile with nothing to change, of a certificate that is valid for this long from now on. */
  function report(hours = 24): ReconcileReport {
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
    const proof = { passed: true, servedFingerprint: 'ab', checks: [], unproven: [] };
    return {
      device: 'edge',
      plan: { createPartition: false, changes: [], blockers: [], unlisted: [], epoch: 1, ledger: undefined },
      desire: { services: [{ ...desired, isNewPair: false }] } as unknown as ReconcileReport['desire'],
      proofs: new Map([['echo', proof]]),
    };
  }

  it('is due again after five minutes', async () => {
    const result = await reconciler.work('edge', undefined, signal);
    assert.deepEqual(result, { outcome: 'done', againAfterMs: 300_000 });
  });

  it('is due when a certificate is, if that is sooner', async () => {
    reconcile = () => Promise.resolve(report(0.1));
    const result = await reconciler.work('edge', undefined, signal);
    assert.ok(result.outcome === 'done');
    // Half of six minutes, pulled forward by at most a tenth.
    assert.ok(result.againAfterMs > 0.45 * 360_000 && result.againAfterMs <= 0.5 * 360_000);
  });

  it('does not ask without a pause for a certificate that stays due', async () => {
    const due = report(0.1);
    await clock.advance(3_600_000);
    reconcile = () => Promise.resolve(due);
    const result = await reconciler.work('edge', undefined, signal);
    assert.deepEqual(result, { outcome: 'done', againAfterMs: 10_000 });
  });

  it('counts a reconcile that found nothing to change', async () => {
    await reconciler.work('edge', undefined, signal);
    assert.match(await metrics.render(), /^bigip_mesh_reconcile_no_op_total\{device="edge"\} 1$/m);
    assert.doesNotMatch(await metrics.render(), /^bigip_mesh_converge_duration_seconds_count\{/m);
  });

  it('measures from the first call for it until it is proven', async () => {
    const since = clock.now();
    reconcile = () => Promise.reject(away);
    assert.deepEqual(await reconciler.work('edge', since, signal), { outcome: 'failed' });
    await clock.advance(4000);
    reconcile = () => Promise.resolve(report());
    await reconciler.work('edge', since, signal);
    assert.match(await metrics.render(), /^bigip_mesh_converge_duration_seconds_sum\{device="edge"\} 4$/m);
  });

  it('says of a device that is away that it is', async () => {
    reconcile = () => Promise.reject(away);
    await reconciler.work('edge', undefined, signal);
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
    await reconciler.work('edge', undefined, signal);
    await clock.advance(29_999);
    await reconciler.work('edge', undefined, signal);
    assert.deepEqual(events, []);
    await clock.advance(1);
    await reconciler.work('edge', undefined, signal);
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
    await reconciler.work('edge', undefined, signal);
    assert.equal(events.length, 1);
  });

  it('takes a defect of its own for a failure of this device, and does not show its text', async () => {
    reconcile = () => Promise.reject(new TypeError('hunter2'));
    assert.deepEqual(await reconciler.work('edge', undefined, signal), { outcome: 'failed' });
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
      assert.deepEqual(await reconciler.work('edge', undefined, interrupted.signal), { outcome: 'failed' });
      const status = { kind: kinds.configMap, namespace: 'default', name: 'bigip-mesh-status' };
      assert.equal(await api.kube.get(status), undefined);
      assert.deepEqual(events, []);
    });
  }
});
