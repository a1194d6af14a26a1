import { strict as assert } from 'node:assert';

import { EventRecorder } from '../../../src/controller/event-recorder.js';
import type { ConfigMapEvent } from '../../../src/controller/event-recorder.js';
import { holdConfigMap } from '../../../src/controller/held-config-map.js';
import { refusalEvents } from '../../../src/controller/report-events.js';
import type { KubeClient } from '../../../src/kube/client.js';
import { kinds } from '../../../src/kube/kinds.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { silentLogger } from '../../../src/log.js';
import { FakeClock } from '../../support/fake-clock.js';
import { startTestKubeApi } from '../../support/kube-api.js';
import type { TestKubeApi } from '../../support/kube-api.js';

const { signal } = new AbortController();

describe('Events on allowlist ConfigMaps', () => {
  let api: TestKubeApi;
  let namespace: string;
  let clock: FakeClock;
  let recorder: EventRecorder;

  before(async () => {
    api = await startTestKubeApi();
  });
  after(() => api.close());

  beforeEach(async () => {
    namespace = await api.createNamespace();
    clock = new FakeClock();
    recorder = newRecorder(api.kube);
  });

  function newRecorder(kube: Pick<KubeClient, 'create'>): EventRecorder {
    return new EventRecorder({ kube, instance: 'pod-1', clock, logger: silentLogger() });
  }

  async function refused(data: Readonly<Record<string, string>>): Promise<ConfigMapEvent[]> {
    const metadata = { name: 'callers', namespace };
    const object: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
    const live = await api.kube.apply(kinds.configMap, object, { force: true });
    return refusalEvents(holdConfigMap(namespace, live, undefined));
  }

  const record = async (events: readonly ConfigMapEvent[], by = recorder): Promise<void> => {
    for (const event of events) await by.record(event, signal);
  };
  const told = async (): Promise<readonly KubeObject[]> =>
    (await api.kube.list(kinds.event, { namespace })).items;

  it('name the key, the line and the reason, and point to the ConfigMap', async () => {
    await record(await refused({ allow: 'spiffe://cluster.local/ns/a/sa/b\nnonsense' }));
    const [event, ...others] = await told();
    assert.ok(event !== undefined && others.length === 0);
    assert.equal(event['note'], 'allow line 2: it does not start with spiffe:// (lower-case)');
    assert.equal(event['reason'], 'AllowlistRefused');
    assert.equal(event['type'], 'Warning');
    assert.equal(event['reportingController'], 'bigip-mesh.io/agent');
    assert.equal(event['eventTime'], '2030-01-01T00:00:00.000000Z');
    const regarding = event['regarding'] as { kind: string; name: string; uid: string };
    assert.deepEqual([regarding.kind, regarding.name], ['ConfigMap', 'callers']);
    const live = await api.kube.get({ kind: kinds.configMap, namespace, name: 'callers' });
    assert.equal(regarding.uid, live?.metadata.uid);
  });

  it('say of a deny line that the entries of before stay', async () => {
    await record(await refused({ deny: 'nonsense' }));
    assert.match(
      String((await told())[0]?.['note']),
      /^deny line 1: .*; the deny entries of before stay in force/,
    );
  });

  it('are not told twice, not after an edit elsewhere in the ConfigMap and not by another replica', async () => {
    await record(await refused({ allow: 'nonsense' }));
    await record(await refused({ allow: 'nonsense\nspiffe://cluster.local/ns/a/sa/b' }));
    await record(await refused({ allow: 'nonsense' }), newRecorder(api.kube));
    assert.equal((await told()).length, 1);
    await record(await refused({ allow: 'other nonsense' }));
    assert.equal((await told()).length, 2);
  });

  it('are told again after an hour, when the API server has forgotten them', async () => {
    const created: string[] = [];
    const by = newRecorder({
      create: (_kind, object) => {
        created.push(object.metadata.name);
        return Promise.resolve(object);
      },
    });
    const events = await refused({ allow: 'nonsense' });
    await record(events, by);
    await clock.advance(3_599_999);
    await record(events, by);
    assert.equal(created.length, 1);
    await clock.advance(1);
    await record(events, by);
    assert.deepEqual(created, [created[0], created[0]]);
  });

  it('stay few when a whole list is in the wrong format', async () => {
    const events = await refused({
      allow: Array.from({ length: 500 }, (_, index) => `- ${index}`).join('\n'),
    });
    assert.equal(events.length, 11);
    assert.equal(events.at(-1)?.note, 'and 490 more lines, keys or rules');
  });

  it('fit where the API server stores them', async () => {
    const [event] = await refused({ allow: `spiffe://${'x'.repeat(3000)}` });
    assert.ok(event !== undefined);
    await recorder.record({ ...event, note: 'n'.repeat(3000) }, signal);
    assert.equal(String((await told())[0]?.['note']).length, 1024);
  });

  it('of an outage are told when it is over, once and with the time at which they happened', async () => {
    let isAway = true;
    const by = new EventRecorder({
      kube: api.kube,
      instance: 'pod-1',
      isAway: () => isAway,
      clock,
      logger: silentLogger(),
    });
    const events = await refused({ allow: 'nonsense\nother nonsense' });
    await record([...events, ...events], by);
    assert.equal((await told()).length, 0);
    await clock.advance(600_000);
    isAway = false;
    await by.flush(signal);
    await by.flush(signal);
    assert.deepEqual(
      (await told()).map((event) => event['eventTime']),
      ['2030-01-01T00:00:00.000000Z', '2030-01-01T00:00:00.000000Z'],
    );
  });

  it('of a long outage are the latest, and no more than memory is meant for', async () => {
    let isAway = true;
    const by = new EventRecorder({
      kube: api.kube,
      instance: 'pod-1',
      isAway: () => isAway,
      clock,
      logger: silentLogger(),
    });
    const [event] = await refused({ allow: 'nonsense' });
    assert.ok(event !== undefined);
    for (let index = 0; index < 250; index += 1) {
      await by.record({ ...event, subject: `${index}`, note: `${index}` }, signal);
    }
    isAway = false;
    await by.flush(signal);
    const notes = new Set((await told()).map((one) => one['note']));
    assert.ok(notes.size === 200 && notes.has('249') && !notes.has('49'), String(notes.size));
  });

  it('that cannot be written stop nothing, and are tried again', async () => {
    const stranger = await api.clientFor('no-such-token');
    const by = newRecorder(stranger);
    const events = await refused({ allow: 'nonsense' });
    await record(events, by);
    assert.equal((await told()).length, 0);
    await record(events);
    assert.equal((await told()).length, 1);
  });
});
