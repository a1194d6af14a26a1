import { strict as assert } from 'node:assert';

import type { ServiceConfig } from '../../../src/config/schema.js';
import { kinds } from '../../../src/kube/kinds.js';
import { conditionsOf, renderHealthStatus } from '../../../src/mesh/health-condition.js';
import type { Condition } from '../../../src/mesh/health-condition.js';
import { MeshRegistrar } from '../../../src/mesh/registrar.js';
import { FakeClock } from '../../support/fake-clock.js';
import { startDouble } from '../../support/kube-api.js';

type Api = Awaited<ReturnType<typeof startDouble>>;

const entry = (conditions: Condition[]): Parameters<typeof renderHealthStatus>[0] => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'WorkloadEntry',
  metadata: { name: 'a', namespace: 'n', uid: 'u' },
  status: { conditions },
});

describe('the registrar', () => {
  let api: Api;
  let clock: FakeClock;
  let registrar: MeshRegistrar;
  let config: ServiceConfig;
  const { signal } = new AbortController();

  before(async () => {
    api = await startDouble();
  });
  after(() => api.close());
  beforeEach(async () => {
    clock = new FakeClock('2030-01-01T00:00:00Z');
    registrar = new MeshRegistrar({ kube: api.kube, clock, trustDomain: () => 'cluster.local' });
    const namespace = await api.createNamespace();
    config = {
      name: 'echo',
      device: 'edge',
      identity: { namespace, serviceAccount: 'edge' },
      host: `bigip.${namespace}.svc.cluster.local`,
      listen: { address: '192.0.2.1', port: 9000 },
      backends: [],
      protocol: 'tcp',
      allowlist: { selector: { matchLabels: {} }, fromAuthorizationPolicies: false },
      registration: 'workload-entry',
    };
  });

  const healthy = async (): Promise<Condition | undefined> => {
    const { namespace } = config.identity;
    const ref = { kind: kinds.workloadEntry, namespace, name: 'bigip-192.0.2.1' };
    const entry = await api.kube.get(ref);
    return entry === undefined ? undefined : conditionsOf(entry).find(({ type }) => type === 'Healthy');
  };

  it('makes a proven service healthy', async () => {
    await registrar.register({ config }, signal);
    assert.deepEqual(await healthy(), {
      type: 'Healthy',
      status: 'True',
      reason: 'Proven',
      message: 'the device was proven on the wire',
      lastProbeTime: '2030-01-01T00:00:00Z',
      lastTransitionTime: '2030-01-01T00:00:00Z',
    });
  });

  it('writes nothing while a service stays proven', async () => {
    await registrar.register({ config }, signal);
    await clock.advance(60_000);
    const before = api.double.requests.length;
    await registrar.register({ config }, signal);
    const methods = new Set(api.double.requests.slice(before).map(({ method }) => method));
    assert.deepEqual([...methods], ['GET']);
  });

  it('drains a service whose proof failed, and heals it later', async () => {
    await registrar.register({ config }, signal);
    await clock.advance(60_000);
    await registrar.drain({ config }, 'the bad caller was let in', signal);
    const drained = await healthy();
    assert.deepEqual(
      [drained?.status, drained?.['reason'], drained?.['message'], drained?.['lastTransitionTime']],
      ['False', 'ProofFailed', 'the bad caller was let in', '2030-01-01T00:01:00Z'],
    );
    await registrar.register({ config }, signal);
    assert.equal((await healthy())?.status, 'True');
  });

  it('drains nothing that was never registered', async () => {
    await registrar.drain({ config }, 'anything', signal);
    assert.equal(await healthy(), undefined);
  });

  it('names what it changed, and nothing the second time', async () => {
    assert.equal((await registrar.register({ config }, signal)).applied.length, 3);
    assert.deepEqual(await registrar.register({ config }, signal), { applied: [], removed: [] });
  });

  it('deregisters all of it', async () => {
    await registrar.register({ config }, signal);
    const removed = await registrar.deregister({ config }, signal);
    assert.equal(removed.length, 3);
    assert.equal(await healthy(), undefined);
  });
});

describe('the health status of an entry', () => {
  const health = { healthy: true, reason: 'Proven', message: 'm' };
  it('carries the conditions of others along', () => {
    const theirs = { type: 'Reconciled', status: 'True' };
    const status = renderHealthStatus(entry([theirs]), health, new Date('2030-01-01T00:00:00Z'));
    assert.deepEqual(status === undefined ? [] : conditionsOf(status).map(({ type }) => type), [
      'Reconciled',
      'Healthy',
    ]);
  });

  it('keeps the time of the transition while only the reason changes', () => {
    const before = { type: 'Healthy', status: 'True', reason: 'Registered', lastTransitionTime: 'then' };
    const status = renderHealthStatus(entry([before]), health, new Date('2030-01-01T00:00:00Z'));
    assert.equal(status === undefined ? '' : conditionsOf(status)[0]?.['lastTransitionTime'], 'then');
  });

  it('is for the very entry that was read', () => {
    const status = renderHealthStatus(entry([]), health, new Date());
    assert.deepEqual(status?.metadata, { name: 'a', namespace: 'n', uid: 'u' });
  });
});
