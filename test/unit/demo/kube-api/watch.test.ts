import { strict as assert } from 'node:assert';

import type { KubeClient } from '../../../../src/kube/client.js';
import { kinds } from '../../../../src/kube/kinds.js';
import type { KubeObject } from '../../../../src/kube/object.js';
import type { WatchEvent } from '../../../../src/kube/watch.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { startDouble, startTestKubeApi } from '../../../support/kube-api.js';
import type { TestKubeApi } from '../../../support/kube-api.js';

type Told = [type: string, what: string];

/** What an event says, short enough to compare. */
function told(event: WatchEvent): Told {
  if (event.type === 'ended') return [event.type, event.reason];
  if (event.type === 'bookmark') return [event.type, event.resourceVersion];
  return [event.type, event.object.metadata.name];
}

async function take(events: AsyncGenerator<WatchEvent, void>, count: number): Promise<Told[]> {
  const taken: Told[] = [];
  while (taken.length < count) {
    const next = await events.next();
    if (next.done === true) break;
    taken.push(told(next.value));
  }
  return taken;
}

describe('watching', () => {
  let api: TestKubeApi;
  let kube: KubeClient;
  let namespace: string;

  before(async () => {
    api = await startTestKubeApi();
    kube = api.kube;
  });
  after(() => api.close());
  beforeEach(async () => {
    namespace = await api.createNamespace();
  });

  const configMap = (name: string, labels: Record<string, string> = {}): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace, labels },
  });
  const ours = 'kind=ours';

  it('tells every change since the list, in order', async () => {
    const { resourceVersion } = await kube.list(kinds.configMap, { namespace, labelSelector: ours });
    const created = await kube.create(kinds.configMap, configMap('a', { kind: 'ours' }));
    await kube.create(kinds.configMap, configMap('b', { kind: 'theirs' }));
    const selection = { namespace, labelSelector: ours };
    const events = kube.watch(kinds.configMap, selection, { resourceVersion });
    assert.deepEqual(await take(events, 1), [['added', 'a']]);
    await kube.replace(kinds.configMap, { ...created, data: { k: 'v' } });
    const { uid = '' } = created.metadata;
    await kube.delete({ kind: kinds.configMap, namespace, name: 'a' }, { uid });
    assert.deepEqual(await take(events, 2), [
      ['modified', 'a'],
      ['deleted', 'a'],
    ]);
    await events.return();
  });

  it('shows what begins to match as added, and what stops as deleted', async () => {
    const { resourceVersion } = await kube.list(kinds.configMap, { namespace });
    const events = kube.watch(kinds.configMap, { namespace, labelSelector: ours }, { resourceVersion });
    const plain = await kube.create(kinds.configMap, configMap('a'));
    const labelled = await kube.replace(kinds.configMap, {
      ...plain,
      metadata: { ...plain.metadata, labels: { kind: 'ours' } },
    });
    await kube.replace(kinds.configMap, { ...labelled, metadata: { ...labelled.metadata, labels: {} } });
    assert.deepEqual(await take(events, 2), [
      ['added', 'a'],
      ['deleted', 'a'],
    ]);
    await events.return();
  });

  it('goes on without a gap after the server ended it', async () => {
    const { resourceVersion } = await kube.list(kinds.configMap, { namespace });
    await kube.create(kinds.configMap, configMap('a'));
    const first = kube.watch(kinds.configMap, { namespace }, { resourceVersion, watchSeconds: 1 });
    let version = '';
    for await (const event of first) {
      if (event.type === 'ended' && event.reason === 'closed') version = event.resourceVersion;
    }
    await kube.create(kinds.configMap, configMap('b'));
    const second = kube.watch(kinds.configMap, { namespace }, { resourceVersion: version });
    assert.deepEqual(await take(second, 1), [['added', 'b']]);
    await second.return();
  });

  it('ends with the reason of the signal', async () => {
    const { resourceVersion } = await kube.list(kinds.configMap, { namespace });
    const stop = new AbortController();
    const options = { resourceVersion, signal: stop.signal };
    const events = kube.watch(kinds.configMap, { namespace }, options);
    const next = events.next();
    stop.abort(new Error('enough'));
    await assert.rejects(next, { message: 'enough' });
  });
});

describe('a watch of the double', () => {
  it('sends bookmarks each minute and one at its end', async () => {
    const clock = new FakeClock();
    const api = await startDouble({ clock });
    try {
      const { resourceVersion } = await api.kube.list(kinds.configMap);
      const options = { resourceVersion, watchSeconds: 90 };
      const events = api.kube.watch(kinds.configMap, {}, options);
      const told = take(events, 3);
      while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(60_000);
      while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(30_000);
      assert.deepEqual(await told, [
        ['bookmark', resourceVersion],
        ['bookmark', resourceVersion],
        ['ended', 'closed'],
      ]);
    } finally {
      await api.close();
    }
  });

  it('is told that a version is too old', async () => {
    const api = await startDouble();
    try {
      const { resourceVersion } = await api.kube.list(kinds.configMap);
      const metadata = { name: 'a', namespace: 'default' };
      await api.kube.create(kinds.configMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
      api.double.compact();
      const old = api.kube.watch(kinds.configMap, {}, { resourceVersion });
      assert.deepEqual(await take(old, 9), [['ended', 'expired']]);
    } finally {
      await api.close();
    }
  });

  it('says that it broke when the connection is cut', async () => {
    const api = await startDouble();
    try {
      const { resourceVersion } = await api.kube.list(kinds.configMap);
      const metadata = { name: 'a', namespace: 'default' };
      const events = api.kube.watch(kinds.configMap, {}, { resourceVersion });
      const first = take(events, 1);
      await api.kube.create(kinds.configMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
      assert.deepEqual(await first, [['added', 'a']]);
      const rest = take(events, 9);
      api.double.dropConnections();
      assert.deepEqual(await rest, [['ended', 'failed']]);
    } finally {
      await api.close();
    }
  });
});
