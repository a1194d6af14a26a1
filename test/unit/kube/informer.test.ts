import { strict as assert } from 'node:assert';

import type { KubeClient } from '../../../src/kube/client.js';
import { Informer } from '../../../src/kube/informer.js';
import { kinds } from '../../../src/kube/kinds.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { silentLogger } from '../../../src/log.js';
import { FakeClock } from '../../support/fake-clock.js';
import { startDouble } from '../../support/kube-api.js';
import { until } from '../../support/until.js';

const namespace = 'default';
const labelSelector = 'app=echo';

/** Tells which waits were asked for. */
class RecordingClock extends FakeClock {
  readonly asked: number[] = [];

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.asked.push(ms);
    return super.sleep(ms, signal);
  }
}

describe('an informer', () => {
  let api: Awaited<ReturnType<typeof startDouble>>;
  let kube: KubeClient;
  let clock: RecordingClock;
  let stop: AbortController;
  let running: Promise<void>;
  let informer: Informer<string>;
  let changes: number;

  beforeEach(async () => {
    api = await startDouble();
    kube = api.kube;
    clock = new RecordingClock();
    stop = new AbortController();
    changes = 0;
    informer = new Informer({
      kube,
      kind: kinds.configMap,
      selection: { namespace, labelSelector },
      hold: (object) => `${object.metadata.name}=${(object['data'] as { key: string }).key}`,
      onChange: () => (changes += 1),
      clock,
      random: () => 0,
      logger: silentLogger(),
    });
  });

  afterEach(async () => {
    stop.abort(new Error('the test is over'));
    await running;
    assert.equal(clock.sleeping, 0, 'nothing is left asleep');
    await api.close();
  });

  const start = (): void => {
    running = informer.run(stop.signal);
  };
  const configMap = (name: string, key = '1'): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace, labels: { app: 'echo' } },
    data: { key },
  });
  const create = (name: string, key?: string): Promise<KubeObject> =>
    kube.create(kinds.configMap, configMap(name, key));
  const remove = async (name: string): Promise<void> => {
    const object = await kube.get({ kind: kinds.configMap, namespace, name });
    await kube.delete({ kind: kinds.configMap, namespace, name }, { uid: object?.metadata.uid ?? '' });
  };
  const held = (): readonly string[] => {
    const known = informer.list();
    return known.state === 'known' ? known.value : [known.state];
  };
  const watches = (): number =>
    api.double.requests.filter(({ query }) => query.get('watch') === 'true').length;
  const lists = (): number => api.double.requests.filter(isList).length;
  /** A watch that just ended is not begun again at once. */
  const settle = (): Promise<void> => clock.advance(5000);

  it('knows nothing before the first list, and that is not the same as knowing of nothing', async () => {
    assert.deepEqual(informer.list(), { state: 'unknown' });
    assert.deepEqual(informer.get('a'), { state: 'unknown' });
    start();
    await informer.synced;
    assert.deepEqual(informer.list(), { state: 'known', value: [] });
    assert.deepEqual(informer.get('a'), { state: 'absent' });
  });

  it('holds what was there, in the order of names, and what comes, changes and goes', async () => {
    await create('b');
    await create('a');
    start();
    await informer.synced;
    assert.deepEqual(held(), ['a=1', 'b=1']);
    await until(() => watches() === 1);
    await create('c');
    await until(() => held().length === 3);
    const before = await kube.get({ kind: kinds.configMap, namespace, name: 'a' });
    assert.ok(before !== undefined);
    await kube.replace(kinds.configMap, { ...before, data: { key: '2' } });
    await until(() => held()[0] === 'a=2');
    await remove('b');
    await until(() => held().length === 2);
    assert.deepEqual(held(), ['a=2', 'c=1']);
    assert.equal(changes, 4);
    assert.equal(lists(), 1);
  });

  it('lets go of an object that loses its label', async () => {
    const made = await create('a');
    start();
    await until(() => watches() === 1);
    await kube.replace(kinds.configMap, { ...made, metadata: { ...made.metadata, labels: {} } });
    await until(() => held().length === 0);
    assert.deepEqual(informer.get('a'), { state: 'absent' });
  });

  it('keeps what it saw while the server cannot be reached, and waits longer each time', async () => {
    await create('a');
    start();
    await until(() => watches() === 1);
    await settle();
    const takeBack = api.double.inject({ action: { kind: 'status', code: 503 } });
    api.double.dropConnections();
    const waitsMs = [1000, 2000, 4000, 8000];
    for (const [index, waitMs] of waitsMs.entries()) {
      await until(() => clock.asked.includes(waitMs));
      assert.equal(lists(), index + 1);
      await clock.advance(waitMs - 1);
      assert.equal(lists(), index + 1, `no list before ${waitMs} ms`);
      assert.deepEqual(held(), ['a=1']);
      await clock.advance(1);
      await until(() => lists() === index + 2);
    }
    assert.equal(informer.problem?.code, 'MESH_ERR_KUBE_UNREACHABLE');
    await until(() => clock.asked.includes(16_000));
    takeBack();
    await clock.advance(16_000);
    await until(() => informer.problem === undefined);
    assert.deepEqual(held(), ['a=1']);
  });

  it('is not synced by a list that failed', async () => {
    api.double.inject({ action: { kind: 'status', code: 403 }, times: 1 });
    let isSynced = false;
    void informer.synced.then(() => (isSynced = true));
    start();
    await until(() => clock.asked.includes(1000));
    assert.equal(informer.problem?.code, 'MESH_ERR_KUBE_FORBIDDEN');
    assert.equal(isSynced, false);
    assert.deepEqual(informer.list(), { state: 'unknown' });
    await clock.advance(1000);
    await informer.synced;
    assert.deepEqual(held(), []);
  });

  it('lists again at once when the server no longer holds its version, and misses nothing', async () => {
    await create('a');
    await create('b');
    start();
    await until(() => watches() === 1);
    await settle();
    // What the selection does not see moves the version on, and then the past is forgotten.
    await kube.create(kinds.configMap, { ...configMap('c'), metadata: { name: 'c', namespace } });
    api.double.compact();
    api.double.endWatches();
    await until(() => watches() === 3);
    assert.equal(lists(), 2);
    await remove('a');
    await until(() => held().length === 1);
    assert.deepEqual(held(), ['b=1']);
  });

  it('goes on from where it was when the server ends the watch in good order', async () => {
    start();
    await until(() => watches() === 1);
    await settle();
    api.double.endWatches();
    await until(() => watches() === 2);
    await create('a');
    await until(() => held()[0] === 'a=1');
    assert.equal(lists(), 1);
  });

  it('does not begin anew at once when the server ends each watch at once', async () => {
    start();
    await until(() => watches() === 1);
    api.double.endWatches();
    await until(() => clock.asked.includes(1000));
    assert.equal(watches(), 1);
    await clock.advance(1000);
    await until(() => watches() === 2);
  });

  it('sees by a list at times what a silent watch lost', async () => {
    await create('a');
    // The watch stays open and tells nothing.
    api.double.inject({
      action: { kind: 'silence' },
      matches: ({ query }) => query.get('watch') === 'true',
      times: 1,
    });
    start();
    await until(() => watches() === 1);
    await remove('a');
    await create('b');
    assert.deepEqual(held(), ['a=1']);
    await clock.advance(0.9 * 600_000 - 1);
    assert.deepEqual(held(), ['a=1']);
    await clock.advance(1);
    await until(() => held()[0] === 'b=1');
    assert.equal(changes, 2);
  });

  it('gives what it held of the very same object, and not of a namesake', async () => {
    const befores: Array<string | undefined> = [];
    informer = new Informer({
      kube,
      kind: kinds.configMap,
      selection: { namespace, labelSelector },
      hold: ({ metadata }, before: string | undefined) => {
        befores.push(before);
        return `${metadata.name} of ${metadata.uid}`;
      },
      onChange: () => undefined,
      clock,
      random: () => 0,
      logger: silentLogger(),
    });
    const first = await create('a');
    start();
    await until(() => watches() === 1);
    await kube.replace(kinds.configMap, { ...first, data: { key: '2' } });
    await until(() => befores.length === 2);
    await remove('a');
    const second = await create('a');
    await until(() => befores.length === 3);
    assert.deepEqual(befores, [undefined, `a of ${first.metadata.uid}`, undefined]);
    assert.notEqual(first.metadata.uid, second.metadata.uid);
  });
});

function isList({ method, path, query }: { method: string; path: string; query: URLSearchParams }): boolean {
  return method === 'GET' && path.endsWith('/configmaps') && query.get('watch') !== 'true';
}
