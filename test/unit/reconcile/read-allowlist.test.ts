import { strict as assert } from 'node:assert';

import type { ServiceConfig } from '../../../src/config/schema.js';
import { kinds } from '../../../src/kube/kinds.js';
import type { KubeKind } from '../../../src/kube/object.js';
import { admissionLack, readAllowlist, strictAllowlists } from '../../../src/reconcile/read-allowlist.js';
import { startDouble } from '../../support/kube-api.js';

const meshFacts = { trustDomain: 'cluster.local', trustDomainAliases: [], rootNamespace: 'istio-system' };
const { signal } = new AbortController();
const id = (account: string): string => `spiffe://cluster.local/ns/a/sa/${account}`;

function service(fromAuthorizationPolicies: boolean): ServiceConfig {
  return {
    name: 'echo',
    host: 'bigip.default.svc.cluster.local',
    identity: { namespace: 'default', serviceAccount: 'bigip' },
    listen: { address: '192.0.2.1', port: 9000 },
    allowlist: { selector: { matchLabels: { app: 'echo' } }, fromAuthorizationPolicies },
    registration: 'none',
  } as Partial<ServiceConfig> as ServiceConfig;
}

describe('reading an allowlist once', () => {
  let api: Awaited<ReturnType<typeof startDouble>>;

  beforeEach(async () => {
    api = await startDouble();
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'istio-system' } };
    await api.kube.create(kinds.namespace, namespace);
  });
  afterEach(() => api.close());

  async function create(kind: KubeKind, name: string, content: object, namespace = 'default'): Promise<void> {
    const labels = { app: 'echo' };
    const { apiVersion } = kind;
    await api.kube.create(kind, {
      apiVersion,
      kind: kind.kind,
      metadata: { name, namespace, labels },
      ...content,
    });
  }
  const strict = (policies = true) =>
    strictAllowlists(api.kube, meshFacts).read(service(policies), undefined, signal);

  it('adds up ConfigMaps and policies, and looks at no policy where the service takes none', async () => {
    await create(kinds.configMap, 'one', { data: { allow: id('x') } });
    await create(kinds.configMap, 'two', { data: { allow: id('y') } });
    const rules = [{ from: [{ source: { principals: ['cluster.local/ns/a/sa/z'] } }] }];
    await create(kinds.authorizationPolicy, 'three', { spec: { rules } }, 'istio-system');
    const texts = async (policies: boolean) =>
      (await strict(policies)).allowlist.allow.map(({ text }) => text);
    assert.deepEqual(await texts(true), [id('x'), id('y'), id('z')]);
    assert.deepEqual(await texts(false), [id('x'), id('y')]);
    assert.deepEqual((await readAllowlist(api.kube, service(true), meshFacts, signal)).policies, {
      allow: 1,
      deny: 0,
      dryRun: 0,
    });
  });

  it('refuses a rule that a device cannot enforce, and goes on with one that means nothing to Istio either', async () => {
    await create(kinds.authorizationPolicy, 'http', {
      spec: { rules: [{ to: [{ operation: { methods: ['GET'] } }] }] },
    });
    assert.deepEqual((await strict()).allowlist.allow, []);
    await create(kinds.authorizationPolicy, 'sni', {
      spec: { rules: [{ when: [{ key: 'connection.sni', values: ['x'] }] }] },
    });
    await assert.rejects(strict(), {
      code: 'MESH_ERR_ALLOWLIST_INVALID',
      message:
        /^allowlist of echo: AuthorizationPolicy default\/sni, rules\[0\]\.when\[0\] \(connection\.sni\): /,
      nextStep: /mend the AuthorizationPolicy/,
    });
  });

  for (const [code, expected] of [
    [403, 'MESH_ERR_KUBE_FORBIDDEN'],
    [404, 'MESH_ERR_KUBE_NOT_SERVED'],
  ] as const) {
    it(`fails when policies cannot be read (${code}), whatever the ConfigMaps say`, async () => {
      await create(kinds.configMap, 'one', { data: { allow: id('x') } });
      api.double.inject({
        action: { kind: 'status', code },
        matches: ({ path }) => path.includes('authorizationpolicies'),
      });
      await assert.rejects(strict(), { code: expected });
      await strict(false);
    });
  }

  it('names twenty lines of a ConfigMap that is wrong as a whole, and how many more there are', async () => {
    const allow = Array.from({ length: 10_000 }, (_, index) => `{"entry": ${index}}`).join('\n');
    await create(kinds.configMap, 'wrong', { data: { allow } });
    await assert.rejects(strict(false), (error: Error) => {
      const lines = error.message.split('\n');
      assert.equal(lines.length, 21);
      assert.match(lines[20] ?? '', /and 9980 more$/);
      return true;
    });
  });

  it('reads a ConfigMap that is as large as one can be', async () => {
    const line = (index: number): string => id(`account-${String(index).padStart(6, '0')}`);
    const count = Math.floor((1024 * 1024 - 1000) / (line(0).length + 1));
    const allow = Array.from({ length: count }, (_, index) => line(index))
      .join('\r\n')
      .slice(0, 1024 * 1024 - 1000);
    await create(kinds.configMap, 'large', { data: { allow: allow.slice(0, allow.lastIndexOf('\r\n')) } });
    const { allowlist } = await strict(false);
    assert.ok(allowlist.allow.length > 20_000, String(allowlist.allow.length));
  });

  it('says of an empty list why it admits nobody', () => {
    assert.equal(admissionLack(0, 0, undefined), 'no ConfigMap is its allowlist: nobody gets in');
    assert.equal(admissionLack(0, 1, undefined), 'nothing admits anybody: nobody gets in');
    assert.equal(admissionLack(1, 1, undefined), undefined);
    const none = { allow: 0, deny: 1, dryRun: 1 };
    assert.equal(admissionLack(0, 0, none), 'no ALLOW policy is for it: nobody gets in');
    assert.equal(
      admissionLack(1, 1, none),
      'no ALLOW policy is for it: only callers of its ConfigMaps get in',
    );
    assert.equal(admissionLack(0, 0, { ...none, allow: 1 }), 'nothing admits anybody: nobody gets in');
  });
});
