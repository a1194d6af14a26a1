import { strict as assert } from 'node:assert';

import type { KubeClient } from '../../../src/kube/client.js';
import { kinds } from '../../../src/kube/kinds.js';
import type { KubeKind } from '../../../src/kube/object.js';
import { applyHealth, drainSlices } from '../../../src/mesh/apply-health.js';
import { applyRegistration, removeRegistration, removeStale } from '../../../src/mesh/apply-registration.js';
import { ObjectJudge } from '../../../src/mesh/object-judge.js';
import { registrationPermissions } from '../../../src/mesh/permissions.js';
import type { PermissionRule } from '../../../src/mesh/permissions.js';
import type { RegisteredService, RegistrationForm } from '../../../src/mesh/registered-service.js';
import { renderRegistration } from '../../../src/mesh/registration.js';
import { FakeClock } from '../../support/fake-clock.js';
import { startDouble } from '../../support/kube-api.js';

const rbac = (kind: string, plural: string, namespaced: boolean): KubeKind => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind,
  plural,
  namespaced,
});
const role = rbac('Role', 'roles', true);
const roleBinding = rbac('RoleBinding', 'rolebindings', true);
const clusterRole = rbac('ClusterRole', 'clusterroles', false);
const clusterRoleBinding = rbac('ClusterRoleBinding', 'clusterrolebindings', false);

const forms = ['workload-entry', 'service-entry', 'endpoint-slice'] as const;

/** Every single permission of a rule, so that one can be left out at a time. */
function singles(rules: readonly PermissionRule[]): PermissionRule[] {
  return rules.flatMap((rule) => rule.verbs.map((verb) => ({ ...rule, verbs: [verb] })));
}

describe('the permissions of a registration', () => {
  let api: Awaited<ReturnType<typeof startDouble>>;
  const { signal } = new AbortController();
  const clock = new FakeClock('2030-01-01T00:00:00Z');

  before(async () => {
    api = await startDouble();
  });
  after(() => api.close());

  const serviceOf = (namespace: string, form: RegistrationForm): RegisteredService => ({
    form,
    name: 'echo',
    host: `bigip.${namespace}.svc.cluster.local`,
    namespace,
    serviceAccount: 'edge',
    spiffeId: `spiffe://cluster.local/ns/${namespace}/sa/edge`,
    addresses: ['192.0.2.1'],
    port: 9000,
  });

  const clientWith = async (
    namespace: string,
    inNamespace: readonly PermissionRule[],
    inCluster: readonly PermissionRule[],
  ): Promise<KubeClient> => {
    const account = { kind: 'ServiceAccount', name: 'agent', namespace };
    const bind = async (
      kind: KubeKind,
      binding: KubeKind,
      rules: readonly PermissionRule[],
    ): Promise<void> => {
      const name = `agent-${namespace}`;
      const metadata = { name, ...(kind.namespaced ? { namespace } : {}) };
      const { apiVersion } = kind;
      await api.kube.create(kind, { apiVersion, kind: kind.kind, metadata, rules });
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: kind.kind, name };
      await api.kube.create(binding, {
        apiVersion,
        kind: binding.kind,
        metadata,
        roleRef,
        subjects: [account],
      });
    };
    await api.kube.create(kinds.serviceAccount, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'agent', namespace },
    });
    await bind(role, roleBinding, inNamespace);
    await bind(clusterRole, clusterRoleBinding, inCluster);
    const serviceAccount = { namespace, name: 'agent' };
    const { token } = await api.kube.createTokenRequest({
      serviceAccount,
      audiences: [],
      expirationSeconds: 600,
    });
    return api.clientFor(token.reveal());
  };

  /** All that a registration does in its life: made, mended, drained, healed, moved, removed. */
  const live = async (kube: KubeClient, service: RegisteredService): Promise<void> => {
    const put = async (wanted: RegisteredService): Promise<void> => {
      const judge = new ObjectJudge(kube);
      const { stale } = await applyRegistration(kube, wanted, renderRegistration(wanted), { judge });
      await applyHealth(kube, wanted, { healthy: true, reason: 'Proven', message: 'm' }, { clock });
      await removeStale(kube, stale);
    };
    await put(service);
    for (const { kind, object } of renderRegistration(service)) {
      const metadata = { ...object.metadata, annotations: {} };
      await api.kube.apply(kind, { ...object, metadata }, { force: true });
    }
    await put(service);
    await drainSlices(kube, service, 'the proof failed', signal);
    await put({ ...service, addresses: ['2001:db8::1'] });
    await removeRegistration(kube, service);
    assert.deepEqual(await left(service.namespace), []);
  };
  const left = async (namespace: string): Promise<string[]> => {
    const lists = await Promise.all(
      [
        kinds.workloadEntry,
        kinds.endpointSlice,
        kinds.serviceEntry,
        kinds.service,
        kinds.destinationRule,
      ].map((kind) => api.kube.list(kind, { namespace })),
    );
    return lists.flatMap(({ items }) => items.map(({ metadata }) => metadata.name));
  };

  for (const form of forms) {
    it(`of the form ${form} are enough for all that it does`, async () => {
      const namespace = await api.createNamespace();
      const service = serviceOf(namespace, form);
      const { inNamespace, inCluster } = registrationPermissions([service]);
      assert.deepEqual([...inNamespace.keys()], [namespace]);
      await live(await clientWith(namespace, inNamespace.get(namespace) ?? [], inCluster), service);
    });

    it(`of the form ${form} have none that is not used`, async () => {
      const sample = registrationPermissions([serviceOf('sample', form)]).inNamespace.get('sample') ?? [];
      const idle: string[] = [];
      for (const [index, left] of singles(sample).entries()) {
        const namespace = await api.createNamespace();
        const service = serviceOf(namespace, form);
        const rules = singles(registrationPermissions([service]).inNamespace.get(namespace) ?? []);
        const kube = await clientWith(namespace, rules.toSpliced(index, 1), []);
        const failure = await live(kube, service).then(
          () => undefined,
          (error: unknown) => error as { code?: string },
        );
        if (failure?.code !== 'MESH_ERR_KUBE_FORBIDDEN') idle.push(`${left.verbs[0]} ${left.resources[0]}`);
      }
      assert.deepEqual(idle, []);
    });

    it(`of the form ${form} do without the definitions`, async () => {
      const namespace = await api.createNamespace();
      const service = serviceOf(namespace, form);
      const { inNamespace } = registrationPermissions([service]);
      await live(await clientWith(namespace, inNamespace.get(namespace) ?? [], []), service);
    });
  }

  it('of two forms are enough to move from one to the other', async () => {
    const namespace = await api.createNamespace();
    const both = [serviceOf(namespace, 'workload-entry'), serviceOf(namespace, 'endpoint-slice')] as const;
    const { inNamespace, inCluster } = registrationPermissions(both);
    const kube = await clientWith(namespace, inNamespace.get(namespace) ?? [], inCluster);
    for (const service of [...both, both[0]]) {
      const judge = new ObjectJudge(kube);
      const { stale } = await applyRegistration(kube, service, renderRegistration(service), { judge });
      await removeStale(kube, stale);
    }
    assert.deepEqual(await left(namespace), ['bigip-192.0.2.1', 'bigip']);
  });

  it('name the definitions of the kinds that are used', () => {
    const { inCluster } = registrationPermissions([serviceOf('a', 'endpoint-slice')]);
    assert.deepEqual(inCluster, [
      {
        apiGroups: ['apiextensions.k8s.io'],
        resources: ['customresourcedefinitions'],
        resourceNames: ['destinationrules.networking.istio.io'],
        verbs: ['get'],
      },
    ]);
    assert.deepEqual(registrationPermissions([]), { inNamespace: new Map(), inCluster: [] });
  });

  it('are given by namespace', () => {
    const { inNamespace } = registrationPermissions([
      serviceOf('b', 'workload-entry'),
      serviceOf('a', 'service-entry'),
    ]);
    assert.deepEqual([...inNamespace.keys()], ['a', 'b']);
    const resources = inNamespace.get('a')?.flatMap((rule) => rule.resources);
    assert.equal(resources?.includes('services'), false);
  });
});
