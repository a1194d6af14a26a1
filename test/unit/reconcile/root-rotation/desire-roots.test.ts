import { strict as assert } from 'node:assert';
import { parseConfig } from '../../../../src/config/load-config.js';
import { MeshCa } from '../../../../src/demo/mesh-ca.js';
import { renderScenarioConfig } from '../../../../src/demo/surroundings.js';
import { AgentError } from '../../../../src/errors.js';
import { renderDataGroups } from '../../../../src/irule/data-groups.js';
import type { DataGroupRecord, RetiringRoots } from '../../../../src/irule/data-groups.js';
import type { ObservedDevice } from '../../../../src/reconcile/observed.js';
import {
  isCounted,
  keptRootSettings,
  withRootSettings,
} from '../../../../src/reconcile/root-rotation/counting.js';
import { desireRoots } from '../../../../src/reconcile/root-rotation/desire-roots.js';
import type { CounterReading } from '../../../../src/reconcile/root-rotation/evidence.js';
import { HeardRoots } from '../../../../src/reconcile/root-rotation/heard-roots.js';
import { rolesOf } from '../../../../src/reconcile/root-rotation/plan-roots.js';
import type { RootRecord } from '../../../../src/reconcile/root-rotation/root-record.js';
import { TrustBundle } from '../../../../src/spiffe/trust-bundle.js';
import { FakeClock } from '../../../support/fake-clock.js';

const allowlist = { allow: [], deny: [], mode: 'enforce' } as const;

describe('the roots that a device should have', () => {
  let known: RootRecord[];
  let sources: TrustBundle;
  let clock: FakeClock;
  let asked: number;

  before(async () => {
    clock = new FakeClock();
    const cas = [
      await MeshCa.create({ now: clock.now(), cluster: 'a' }),
      await MeshCa.create({ now: clock.now(), cluster: 'b' }),
    ];
    known = cas.map(({ rootCertificate: certificate, trustBundle }, index) => ({
      certificate,
      fingerprint256: trustBundle.roots[0]?.fingerprint256 ?? '',
      stage: index === 0 ? 'retiring' : 'accepted',
      since: clock.now(),
      isAnswered: false,
    }));
    const certificates = cas.slice(1).map(({ rootCertificate }) => rootCertificate);
    sources = TrustBundle.of([{ origin: 'the ConfigMap', certificates, isPublished: true }]);
  });
  beforeEach(() => {
    asked = 0;
  });

  const settingsOf = (roots?: RetiringRoots): DataGroupRecord[] => [
    ...renderDataGroups(allowlist, ['cluster.local'], roots === undefined ? {} : { roots }).settings,
  ];
  const observe = (records: readonly DataGroupRecord[]): ObservedDevice => ({
    tmosVersion: '17.1.0',
    partitionExists: true,
    objects: [{ kind: 'ltm/data-group/internal', name: 'echo_settings', members: { records } }],
    ledger: undefined,
    epoch: 1,
  });

  async function retiringRoot(
    observed: ObservedDevice,
    read: () => Promise<CounterReading>,
  ): Promise<RootRecord | undefined> {
    const text = renderScenarioConfig({
      url: 'https://192.0.2.10',
      certificateFile: '/ca.pem',
      listen: { address: '198.51.100.20', port: 9000 },
      echoPort: 9,
    });
    const config = parseConfig(text, 'config.yaml');
    const [deviceConfig] = config.devices;
    const [service] = config.services;
    assert.ok(deviceConfig && service);
    const pair = {
      certName: '',
      keyName: '',
      cert: 'kept',
      key: 'kept',
      chain: undefined,
      facts: { root: known[1]?.fingerprint256 ?? '' },
    } as const;
    const place = { config, deviceConfig, observed, sources, known, services: [{ config: service, pair }] };
    const readCounters = (): Promise<CounterReading> => {
      asked += 1;
      return read();
    };
    const { signal } = new AbortController();
    const plan = await desireRoots(place, { heardRoots: new HeardRoots(), readCounters, clock }, signal);
    assert.equal(plan.records.length, 2, 'nothing goes');
    return plan.records.find(({ stage }) => stage === 'retiring');
  }
  const reading = (service: string): CounterReading => ({
    unit: 'one',
    services: new Map([[service, { admitted: 1, retiring: 0 }]]),
  });

  it('begin with the evidence when the rule of every service counts', async () => {
    const root = await retiringRoot(observe(settingsOf(rolesOf(known))), () =>
      Promise.resolve(reading('echo')),
    );
    assert.equal(asked, 1);
    assert.deepEqual(root?.evidence?.from, clock.now());
  });

  it('do not take counters for evidence that do not count yet, or count for other roots', async () => {
    const other = { retiring: rolesOf(known).staying, staying: rolesOf(known).retiring };
    for (const records of [[], settingsOf(), settingsOf(other)]) {
      const root = await retiringRoot(observe(records), () => Promise.resolve(reading('echo')));
      assert.equal(root?.evidence, undefined);
    }
    assert.equal(asked, 0);
  });

  it('stay as they are while the counters cannot be read, or lack a service', async () => {
    const observed = observe(settingsOf(rolesOf(known)));
    const failing = () => Promise.reject(new AgentError('MESH_ERR_DEVICE_BUSY', 'busy', 'wait'));
    assert.equal((await retiringRoot(observed, failing))?.evidence, undefined);
    const lacking = () => Promise.resolve(reading('another'));
    assert.equal((await retiringRoot(observed, lacking))?.evidence, undefined);
    assert.equal(asked, 2);
  });

  it('are told to the rule beside everything else, and an edit of an allowlist leaves that alone', () => {
    const roots = rolesOf(known);
    const plain = renderDataGroups(allowlist, ['cluster.local']);
    const counting = withRootSettings(plain, roots);
    assert.deepEqual(
      counting.settings.filter(({ name }) => !/^(retiring|root)/.test(name)),
      plain.settings,
    );
    assert.ok(counting.settings.some(({ name }) => name === 'retiring'));
    assert.deepEqual(keptRootSettings(plain, 'echo', observe(counting.settings)), counting);
    assert.deepEqual(keptRootSettings(plain, 'echo', observe([])), plain);
    assert.equal(isCounted(roots, ['echo'], observe(counting.settings)), true);
    assert.equal(isCounted(roots, ['echo', 'ping'], observe(counting.settings)), false);
    assert.deepEqual(withRootSettings(counting, { retiring: [], staying: roots.staying }), plain);
  });
});
