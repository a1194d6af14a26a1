import { strict as assert } from 'node:assert';

import type { Allowlist } from '../../../src/allowlist/allowlist.js';
import { parseAllowlist } from '../../../src/allowlist/parse-allowlist.js';
import { HeldAllowlists } from '../../../src/controller/held-allowlists.js';
import { kinds } from '../../../src/kube/kinds.js';
import type { KubeKind, KubeObject } from '../../../src/kube/object.js';
import { silentLogger } from '../../../src/log.js';
import { FakeClock } from '../../support/fake-clock.js';
import { startDouble } from '../../support/kube-api.js';
import { edgeConfig } from '../../support/edge-config.js';

const config = edgeConfig({ fromAuthorizationPolicies: true });
const [service] = config.services;
assert.ok(service !== undefined);
const echo = service;

const id = (account: string): string => `spiffe://cluster.local/ns/a/sa/${account}`;
const principal = (account: string): string => id(account).slice('spiffe://'.length);

function listOf(data: Readonly<Record<string, string>>): Allowlist {
  return parseAllowlist({ namespace: 'default', name: 'installed', data }).allowlist;
}

function texts({ allow, deny }: Allowlist): {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
} {
  return { allow: allow.map(({ text }) => text).toSorted(), deny: deny.map(({ text }) => text).toSorted() };
}

describe('held allowlists of ConfigMaps and AuthorizationPolicies', () => {
  let api: Awaited<ReturnType<typeof startDouble>>;
  let stop: AbortController;
  let watching: Promise<unknown>;
  let held: HeldAllowlists;
  let told: Array<() => void>;

  beforeEach(async () => {
    api = await startDouble();
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'istio-system' } };
    await api.kube.create(kinds.namespace, namespace);
    stop = new AbortController();
    watching = Promise.resolve();
    told = [];
  });
  afterEach(async () => {
    stop.abort(new Error('the test is over'));
    await watching;
    await api.close();
  });

  /** As a controller that starts: resolves when everything was read, or could not be. */
  async function start(): Promise<void> {
    held = new HeldAllowlists({
      kube: api.kube,
      clock: new FakeClock(),
      random: () => 0.5,
      logger: silentLogger(),
      services: config.services,
      meshFacts: () => ({
        trustDomain: 'cluster.local',
        trustDomainAliases: [],
        rootNamespace: 'istio-system',
      }),
      onChange: () => {
        for (const tell of told.splice(0)) tell();
      },
    });
    watching = Promise.all(held.informers.map((informer) => informer.run(stop.signal)));
    await Promise.all(held.informers.map(({ tried }) => tried));
  }

  const changed = (): Promise<void> => new Promise((resolve) => told.push(resolve));

  /** Resolves when the change was seen. */
  async function seen<T>(change: Promise<T>): Promise<T> {
    const [result] = await Promise.all([change, changed()]);
    return result;
  }

  async function write(
    kind: KubeKind,
    content: object,
    name: string,
    namespace = 'default',
  ): Promise<KubeObject> {
    const labels = { app: 'echo' };
    const { apiVersion } = kind;
    const object = { apiVersion, kind: kind.kind, metadata: { name, namespace, labels }, ...content };
    const before = await api.kube.get({ kind, namespace, name });
    if (before === undefined) return api.kube.create(kind, object);
    return api.kube.replace(kind, { ...object, metadata: before.metadata });
  }
  const configMap = (data: Readonly<Record<string, string>>, name = 'callers'): Promise<KubeObject> =>
    write(kinds.configMap, { data }, name);
  const policy = (spec: object, name = 'callers', namespace?: string): Promise<KubeObject> =>
    write(kinds.authorizationPolicy, { spec }, name, namespace);
  const allow = (...accounts: readonly string[]) => ({
    rules: [{ from: [{ source: { principals: accounts.map(principal) } }] }],
  });
  const remove = async (kind: KubeKind, name: string): Promise<void> => {
    const ref = { kind, namespace: 'default', name };
    await api.kube.delete(ref, { uid: (await api.kube.get(ref))?.metadata.uid ?? '' });
  };
  const forbid = (part: string, code = 403): (() => void) =>
    api.double.inject({ action: { kind: 'status', code }, matches: ({ path }) => path.includes(part) });

  it('add up, deny wins, and policies enforce', async () => {
    await configMap({ allow: `${id('x')}\n${id('z')}`, deny: id('bad'), mode: 'audit' });
    await policy(allow('y', 'bad'));
    await policy({ action: 'DENY', ...allow('z') }, 'not-z', 'istio-system');
    await start();
    const { allowlist, problem } = await held.read(echo, undefined);
    assert.deepEqual(texts(allowlist), { allow: [id('bad'), id('x'), id('y')], deny: [id('bad'), id('z')] });
    assert.equal(allowlist.mode, 'enforce');
    assert.equal(problem, undefined);
    assert.deepEqual(held.view(echo)?.policies, { allow: 1, deny: 1, dryRun: 0 });
    assert.deepEqual(
      held.view(echo)?.sources.map(({ kind, name }) => `${kind.kind} ${name}`),
      ['ConfigMap callers', 'AuthorizationPolicy callers', 'AuthorizationPolicy not-z'],
    );
  });

  it('admit nobody without an ALLOW policy, and say so', async () => {
    await policy({ action: 'DENY', ...allow('x') });
    await start();
    assert.deepEqual((await held.read(echo, listOf({ allow: id('x') }))).allowlist.allow, []);
    assert.equal(held.view(echo)?.lack, 'no ALLOW policy is for it: nobody gets in');
  });

  it('take an edit, a dry run and a deletion of a policy at once', async () => {
    await start();
    await seen(policy(allow('x', 'y')));
    const now = async () => texts((await held.read(echo, undefined)).allowlist).allow;
    assert.deepEqual(await now(), [id('x'), id('y')]);
    await seen(policy(allow('y')));
    assert.deepEqual(await now(), [id('y')]);
    await seen(remove(kinds.authorizationPolicy, 'callers'));
    assert.deepEqual(await now(), []);
  });

  it('name a rule that a device cannot enforce, on its policy', async () => {
    await policy({ rules: [{ from: [{ source: { ipBlocks: ['10.0.0.1'] } }] }] }, 'by-address');
    await policy({ rules: [{ to: [{ operation: { methods: ['GET'] } }] }] }, 'http', 'istio-system');
    await policy({ selector: { matchLabels: { app: 'other' } }, rules: 'x' }, 'for-others');
    await start();
    assert.deepEqual(
      held.view(echo)?.sources.map(({ name, refusals }) => [name, refusals.map((refusal) => refusal.policy)]),
      [
        ['by-address', ['by-address']],
        ['http', ['http']],
      ],
    );
  });

  for (const [what, code] of [
    ['may not be read', 403],
    ['are of a kind that the cluster does not serve', 404],
    ['fail to be read', 500],
  ] as const) {
    it(`are unknown, and not none, while policies ${what}`, async () => {
      await configMap({ allow: id('x') });
      forbid('authorizationpolicies', code);
      await start();
      await assert.rejects(held.read(echo, undefined), { code: 'MESH_ERR_ALLOWLIST_UNKNOWN' });
      const installed = listOf({ allow: `${id('x')}\n${id('y')}`, deny: id('z') });
      const { allowlist, problem } = await held.read(echo, installed);
      assert.deepEqual(texts(allowlist), { allow: [id('x'), id('y')], deny: [id('z')] });
      assert.equal(problem?.code, 'MESH_ERR_ALLOWLIST_UNKNOWN');
      assert.match(problem.message, /authorizationpolicies in/);
      assert.equal(held.view(echo)?.policies, undefined);
      assert.equal(held.view(echo)?.lack, undefined);
    });
  }

  it('let no revocation in a ConfigMap wait for policies that cannot be read, and admit nobody new meanwhile', async () => {
    await configMap({ allow: `${id('x')}\n${id('y')}` });
    forbid('authorizationpolicies');
    await start();
    const installed = listOf({ allow: [id('x'), id('y'), id('by-policy')].join('\n') });
    await held.read(echo, installed);
    await seen(configMap({ allow: `${id('y')}\n${id('new')}`, deny: id('by-policy') }));
    const { allowlist, problem } = await held.read(echo, installed);
    assert.deepEqual(texts(allowlist), { allow: [id('by-policy'), id('y')], deny: [id('by-policy')] });
    assert.ok(problem !== undefined);
  });

  it('let no revocation in a policy wait for ConfigMaps that cannot be read', async () => {
    await policy(allow('x', 'y'));
    forbid('configmaps');
    await start();
    const installed = listOf({ allow: [id('x'), id('y'), id('by-config-map')].join('\n') });
    await held.read(echo, installed);
    await seen(policy(allow('y')));
    const { allowlist } = await held.read(echo, installed);
    assert.deepEqual(texts(allowlist).allow, [id('by-config-map'), id('y')]);
  });

  it('keep the callers of an allow list that became no text, also after a restart, but not those revoked elsewhere', async () => {
    await configMap({ allow: id('x') }, 'one');
    await configMap({ allow: id('y') }, 'two');
    const binary = { binaryData: { allow: Buffer.from([0xff, 0xfe]).toString('base64') } };
    await start();
    await seen(write(kinds.configMap, binary, 'one'));
    const before = await held.read(echo, undefined);
    assert.deepEqual(texts(before.allowlist).allow, [id('x'), id('y')]);
    stop.abort(new Error('a restart'));
    await watching;
    stop = new AbortController();
    await start();
    const { allowlist } = await held.read(echo, before.allowlist);
    assert.deepEqual(texts(allowlist).allow, [id('x'), id('y')]);
    await seen(remove(kinds.configMap, 'two'));
    assert.deepEqual(texts((await held.read(echo, allowlist)).allowlist).allow, [id('x')]);
    await seen(configMap({ allow: '' }, 'one'));
    assert.deepEqual(texts((await held.read(echo, allowlist)).allowlist).allow, []);
  });

  it('notice that many callers go, and what was edited, once', async () => {
    const many = Array.from({ length: 20 }, (_, index) => id(`x${index}`));
    const installed = listOf({ allow: many.join('\n') });
    await configMap({ allow: many.join('\n') });
    await start();
    await held.read(echo, installed);
    assert.equal(held.takeRemoval(echo), undefined);
    await seen(configMap({ allow: many.slice(9).join('\n') }));
    await held.read(echo, installed);
    assert.equal(held.takeRemoval(echo), undefined);
    await seen(configMap({ allow: many.slice(10).join('\n') }));
    await held.read(echo, installed);
    const removal = held.takeRemoval(echo);
    assert.deepEqual([removal?.removed, removal?.before], [10, 20]);
    assert.deepEqual(
      removal?.changed.map(({ name }) => name),
      ['callers'],
    );
    assert.equal(held.takeRemoval(echo), undefined);
    await seen(remove(kinds.configMap, 'callers'));
    await held.read(echo, installed);
    assert.deepEqual(held.takeRemoval(echo), { removed: 20, before: 20, changed: [] });
  });
});
