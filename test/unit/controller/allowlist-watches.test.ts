import { strict as assert } from 'node:assert';
import type { AllowlistEntry } from '../../../src/allowlist/allowlist.js';
import { parseAllowlist } from '../../../src/allowlist/parse-allowlist.js';
import type { ServiceConfig } from '../../../src/config/schema.js';
import { allowlistWatches, isAllowlistOf } from '../../../src/controller/allowlist-watches.js';
import { HeldAllowlists } from '../../../src/controller/held-allowlists.js';
import { kinds } from '../../../src/kube/kinds.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { silentLogger } from '../../../src/log.js';
import { edgeConfig } from '../../support/edge-config.js';
import { FakeClock } from '../../support/fake-clock.js';
import { startDouble } from '../../support/kube-api.js';

const [template] = edgeConfig().services;
assert.ok(template !== undefined);
const base = template;

function service(
  name: string,
  matchLabels: Readonly<Record<string, string>>,
  namespace = 'default',
): ServiceConfig {
  return {
    ...base,
    name,
    identity: { ...base.identity, namespace },
    allowlist: { ...base.allowlist, selector: { matchLabels } },
  };
}

const selectorsOf = (services: readonly ServiceConfig[]): string[] =>
  allowlistWatches(services).map(
    ({ selection }) => `${selection.namespace} ${selection.labelSelector ?? 'everything'}`,
  );

describe('the watches on allowlist ConfigMaps', () => {
  it('are one for a namespace and a label key, which selects what the services select and nothing else', () => {
    const services = [
      service('a', { app: 'a' }),
      service('b', { app: 'b' }),
      service('b2', { app: 'b' }),
      service('c', { app: 'c' }, 'other'),
      service('d', { team: 'd' }),
    ];
    assert.deepEqual(selectorsOf(services), ['default app in (a,b)', 'other app=c', 'default team=d']);
    assert.deepEqual(
      allowlistWatches(services).map((watch) => watch.services.map(({ name }) => name)),
      [['a', 'b', 'b2'], ['c'], ['d']],
    );
  });

  it('select by every label while no other service shares them', () => {
    assert.deepEqual(selectorsOf([service('a', { tier: 'db', app: 'a' })]), ['default app=a,tier=db']);
    assert.deepEqual(selectorsOf([service('a', { tier: 'db', app: 'a' }), service('b', { app: 'a' })]), [
      'default app in (a)',
    ]);
  });

  it('select whatever has the label, once the values are too many for a URL', () => {
    const services = Array.from({ length: 1000 }, (_, index) => service(`s${index}`, { app: `s${index}` }));
    assert.deepEqual(selectorsOf(services), ['default app']);
  });

  it('tell a ConfigMap by all labels of a selector', () => {
    const configMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'x', labels: { app: 'a', tier: 'db' } },
    };
    assert.ok(isAllowlistOf(configMap, service('a', { app: 'a' })));
    assert.ok(isAllowlistOf(configMap, service('a', { app: 'a', tier: 'db' })));
    assert.ok(!isAllowlistOf(configMap, service('a', { app: 'a', tier: 'web' })));
    assert.ok(!isAllowlistOf({ ...configMap, metadata: { name: 'x' } }, service('a', { app: 'a' })));
  });
});

describe('allowlists of services that share a watch', () => {
  const one = service('one', { app: 'one' });
  const two = service('two', { app: 'two' });
  const id = (account: string): string => `spiffe://cluster.local/ns/a/sa/${account}`;
  let api: Awaited<ReturnType<typeof startDouble>>;
  let stop: AbortController;
  let watching: Promise<unknown>;
  let held: HeldAllowlists;
  let told: string[];
  let tell: () => void;

  beforeEach(async () => {
    api = await startDouble();
    stop = new AbortController();
    told = [];
    tell = () => undefined;
    held = new HeldAllowlists({
      kube: api.kube,
      clock: new FakeClock(),
      random: () => 0.5,
      logger: silentLogger(),
      services: [one, two],
      meshFacts: () => ({
        trustDomain: 'cluster.local',
        trustDomainAliases: [],
        rootNamespace: 'istio-system',
      }),
      onChange: ({ name }) => {
        told.push(name);
        tell();
      },
    });
    await write({ allow: id('x'), deny: id('y') }, 'one');
    watching = Promise.all(held.informers.map((informer) => informer.run(stop.signal)));
    await Promise.all(held.informers.map(({ synced }) => synced));
    told = [];
  });
  afterEach(async () => {
    stop.abort(new Error('the test is over'));
    await watching;
    await api.close();
  });

  async function write(data: Readonly<Record<string, string>>, app: string, name = 'callers') {
    const ref = { kind: kinds.configMap, namespace: 'default', name };
    const before = await api.kube.get(ref);
    const metadata = { ...(before?.metadata ?? { namespace: 'default', name }), labels: { app } };
    const object: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
    await (before === undefined
      ? api.kube.create(kinds.configMap, object)
      : api.kube.replace(kinds.configMap, object));
  }

  /** Resolves with the services that were told, when it was as many. */
  async function toldOf(count: number, change: Promise<unknown>): Promise<string[]> {
    const all = new Promise<void>((resolve) => {
      tell = () => {
        if (told.length === count) resolve();
      };
    });
    await Promise.all([change, all]);
    return told.splice(0);
  }

  const texts = (entries: readonly AllowlistEntry[]): string[] => entries.map(({ text }) => text);
  const read = async (of: ServiceConfig, installed?: Readonly<Record<string, string>>) => {
    const { allowlist } = await held.read(
      of,
      installed && parseAllowlist({ namespace: 'default', name: 'installed', data: installed }).allowlist,
    );
    return { allow: texts(allowlist.allow), deny: texts(allowlist.deny) };
  };

  it('are held by one informer, and each service has its own', async () => {
    assert.equal(held.informers.length, 1);
    assert.deepEqual(await read(one), { allow: [id('x')], deny: [id('y')] });
    assert.deepEqual(await read(two), { allow: [], deny: [] });
  });

  it('tell of a change the services alone that it concerns', async () => {
    assert.deepEqual(await toldOf(1, write({ allow: id('z') }, 'two', 'more')), ['two']);
    assert.deepEqual(await toldOf(1, write({ allow: id('z') }, 'one')), ['one']);
  });

  it('go from one service to the other with the label, and both are told', async () => {
    assert.deepEqual(await toldOf(2, write({ allow: id('x') }, 'two')), ['one', 'two']);
    assert.deepEqual(await read(one), { allow: [], deny: [] });
    assert.deepEqual(await read(two), { allow: [id('x')], deny: [] });
  });

  it('lend no other service what they said before they became unreadable', async () => {
    const ref = { kind: kinds.configMap, namespace: 'default', name: 'callers' };
    const before = await api.kube.get(ref);
    assert.ok(before !== undefined);
    const { data: _, ...rest } = before;
    const moved = { ...rest, metadata: { ...before.metadata, labels: { app: 'two' } } };
    await toldOf(2, api.kube.replace(kinds.configMap, { ...moved, binaryData: { allow: '/w==' } }));
    assert.deepEqual(await read(two), { allow: [], deny: [] });
    assert.deepEqual(await read(two, { allow: id('kept') }), { allow: [id('kept')], deny: [] });
  });
});
