import { strict as assert } from 'node:assert';

import type { KubeClient } from '../../../../src/kube/client.js';
import { kinds } from '../../../../src/kube/kinds.js';
import type { KubeKind, KubeObject } from '../../../../src/kube/object.js';
import { startTestKubeApi } from '../../../support/kube-api.js';
import type { TestKubeApi } from '../../../support/kube-api.js';

const rbac = 'rbac.authorization.k8s.io/v1';
const role: KubeKind = { apiVersion: rbac, kind: 'Role', plural: 'roles', namespaced: true };
const roleBinding: KubeKind = {
  apiVersion: rbac,
  kind: 'RoleBinding',
  plural: 'rolebindings',
  namespaced: true,
};
const forbidden = { code: 'MESH_ERR_KUBE_FORBIDDEN' };

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const rule = (verbs: string[], more: Partial<Rule> = {}): Rule => ({
  apiGroups: [''],
  resources: ['configmaps'],
  verbs,
  ...more,
});

/** Who may do what, on the double and on a real server alike. */
describe('access to a Kubernetes API server', () => {
  let api: TestKubeApi;
  let namespace: string;

  before(async () => {
    api = await startTestKubeApi();
  });
  after(() => api.close());
  beforeEach(async () => {
    namespace = await api.createNamespace();
  });

  const configMap = (name: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace },
  });
  const refOf = (name: string): { kind: KubeKind; namespace: string; name: string } => ({
    kind: kinds.configMap,
    namespace,
    name,
  });

  /** A client of a service account that has these permissions in its namespace and no other ones. */
  const agentWith = async (rules: readonly Rule[]): Promise<KubeClient> => {
    const metadata = { name: 'agent', namespace };
    await api.kube.create(kinds.serviceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata });
    const probe = rule(['get'], { resourceNames: ['probe'] });
    await api.kube.create(role, { apiVersion: rbac, kind: 'Role', metadata, rules: [...rules, probe] });
    await api.kube.create(roleBinding, {
      apiVersion: rbac,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'agent' },
      subjects: [{ kind: 'ServiceAccount', name: 'agent', namespace }],
    });
    const request = { serviceAccount: metadata, audiences: [], expirationSeconds: 600 };
    const { token } = await api.kube.createTokenRequest(request);
    const agent = await api.clientFor(token.reveal());
    // A real server's authorizer learns of roles by a watch of its own, a moment later.
    for (let attempt = 0; attempt < 200; attempt += 1) {
      if ((await agent.get(refOf('probe')).catch(() => null)) !== null) break;
    }
    return agent;
  };
  it('is refused to strangers', async () => {
    const stranger = await api.clientFor('nobody');
    await assert.rejects(stranger.get(refOf('a')), { code: 'MESH_ERR_KUBE_UNAUTHORIZED' });
  });

  it('is granted verb by verb', async () => {
    const agent = await agentWith([rule(['get', 'create'])]);
    const created = await agent.create(kinds.configMap, configMap('a'));
    assert.ok(await agent.get(refOf('a')));
    await assert.rejects(agent.list(kinds.configMap, { namespace }), forbidden);
    await assert.rejects(agent.replace(kinds.configMap, created), forbidden);
    await assert.rejects(agent.delete(refOf('a'), { uid: created.metadata.uid ?? '' }), forbidden);
  });

  it('is refused with the name of the user, the verb and the object', async () => {
    const agent = await agentWith([]);
    await assert.rejects(agent.get(refOf('a')), {
      ...forbidden,
      message: new RegExp(
        `configmaps "a" is forbidden: User "system:serviceaccount:${namespace}:agent" cannot get resource ` +
          `"configmaps" in API group "" in the namespace "${namespace}"`,
      ),
    });
  });

  it('ends at the namespace', async () => {
    const agent = await agentWith([rule(['list'])]);
    await agent.list(kinds.configMap, { namespace });
    await assert.rejects(agent.list(kinds.configMap, { namespace: 'default' }), forbidden);
    await assert.rejects(agent.list(kinds.configMap), forbidden);
  });

  it('is granted for names, which lists can select by', async () => {
    const agent = await agentWith([rule(['get', 'list', 'watch'], { resourceNames: ['istio'] })]);
    assert.equal(await agent.get(refOf('istio')), undefined);
    await assert.rejects(agent.get(refOf('other')), forbidden);
    await agent.list(kinds.configMap, { namespace, fieldSelector: 'metadata.name=istio' });
    await assert.rejects(agent.list(kinds.configMap, { namespace }), forbidden);
  });

  it('is granted for apply as patch, and as create where there is nothing yet', async () => {
    const agent = await agentWith([rule(['patch'])]);
    await assert.rejects(agent.apply(kinds.configMap, configMap('a')), forbidden);
    await api.kube.create(kinds.configMap, configMap('a'));
    await agent.apply(kinds.configMap, configMap('a'));
  });

  it('is granted for a status apart from its object', async () => {
    const apiGroups = ['networking.istio.io'];
    const agent = await agentWith([rule(['patch'], { apiGroups, resources: ['workloadentries/status'] })]);
    const entry: KubeObject = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'WorkloadEntry',
      metadata: { name: 'we', namespace },
      spec: { address: '192.0.2.1' },
    };
    await api.kube.create(kinds.workloadEntry, entry);
    const status = { conditions: [{ type: 'Healthy', status: 'True' }] };
    await agent.applyStatus(kinds.workloadEntry, { ...entry, status });
    await assert.rejects(agent.apply(kinds.workloadEntry, entry), forbidden);
  });

  it('is granted for tokens apart from service accounts', async () => {
    const agent = await agentWith([
      rule(['create'], { resources: ['serviceaccounts/token'], resourceNames: ['agent'] }),
    ]);
    const request = { audiences: ['istio-ca'], expirationSeconds: 600 };
    const own = { namespace, name: 'agent' };
    assert.ok(await agent.createTokenRequest({ ...request, serviceAccount: own }));
    const metadata = { name: 'other', namespace };
    await api.kube.create(kinds.serviceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata });
    await assert.rejects(agent.createTokenRequest({ ...request, serviceAccount: metadata }), forbidden);
    await assert.rejects(agent.get({ kind: kinds.serviceAccount, ...own }), forbidden);
  });
});
