import { strict as assert } from 'node:assert';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parseAllDocuments } from 'yaml';

import type { KubeClient } from '../../../src/kube/client.js';
import { kinds } from '../../../src/kube/kinds.js';
import type { KubeKind, KubeObject } from '../../../src/kube/object.js';
import { applyHealth } from '../../../src/mesh/apply-health.js';
import { applyRegistration, removeRegistration, removeStale } from '../../../src/mesh/apply-registration.js';
import { findMeshFacts, readPublishedRoots } from '../../../src/mesh/mesh-facts.js';
import { ObjectJudge } from '../../../src/mesh/object-judge.js';
import type { RegisteredService } from '../../../src/mesh/registered-service.js';
import { renderRegistration } from '../../../src/mesh/registration.js';
import { FakeClock } from '../../support/fake-clock.js';
import { startDouble } from '../../support/kube-api.js';
import { repositoryRoot } from '../../support/shared-data.js';

const plurals: Readonly<Record<string, string>> = {
  Role: 'roles',
  RoleBinding: 'rolebindings',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
};

function kindOf({ apiVersion, kind, metadata }: KubeObject): KubeKind {
  const own = Object.values(kinds).find((known) => known.kind === kind && known.apiVersion === apiVersion);
  return (
    own ?? { apiVersion, kind, plural: plurals[kind] ?? '', namespaced: metadata.namespace !== undefined }
  );
}

describe('the permissions in deploy/manifests/rbac.yaml', () => {
  let api: Awaited<ReturnType<typeof startDouble>>;
  let agent: KubeClient;
  const service: RegisteredService = {
    form: 'workload-entry',
    name: 'echo',
    host: 'bigip.default.svc.cluster.local',
    namespace: 'default',
    serviceAccount: 'bigip',
    spiffeId: 'spiffe://cluster.local/ns/default/sa/bigip',
    addresses: ['192.0.2.1'],
    port: 9000,
  };

  before(async () => {
    api = await startDouble();
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'istio-system' } };
    await api.kube.create(kinds.namespace, namespace);
    const file = await readFile(join(repositoryRoot, 'deploy/manifests/rbac.yaml'), 'utf8');
    for (const document of parseAllDocuments(file)) {
      const object = document.toJS() as KubeObject;
      await api.kube.apply(kindOf(object), object, { force: true });
    }
    const serviceAccount = { namespace: 'mesh-edge', name: 'bigip-mesh-agent' };
    const request = { serviceAccount, audiences: [], expirationSeconds: 600 };
    const { token } = await api.kube.createTokenRequest(request);
    agent = await api.clientFor(token.reveal());
  });
  after(() => api.close());

  it('are enough to read what the mesh says of itself', async () => {
    assert.equal(await findMeshFacts(agent, 'istio-system'), undefined);
    assert.equal(await readPublishedRoots(agent, 'istio-system'), undefined);
  });

  it('are enough to register, to move, to heal and to deregister', async () => {
    const clock = new FakeClock();
    const judge = new ObjectJudge(agent);
    await applyRegistration(agent, service, renderRegistration(service), { judge });
    const moved = { ...service, addresses: ['192.0.2.2'] };
    const { stale } = await applyRegistration(agent, moved, renderRegistration(moved), { judge });
    assert.equal((await removeStale(agent, stale)).length, 1);
    const health = { healthy: true, reason: 'Proven', message: 'm' };
    assert.equal((await applyHealth(agent, service, health, { clock })).length, 1);
    assert.equal((await removeRegistration(agent, service)).length, 3);
  });

  it('end at the namespaces that they name', async () => {
    const elsewhere = { ...service, namespace: 'kube-public', host: 'bigip.kube-public.svc.cluster.local' };
    const judge = new ObjectJudge(agent);
    await assert.rejects(applyRegistration(agent, elsewhere, renderRegistration(elsewhere), { judge }), {
      code: 'MESH_ERR_KUBE_FORBIDDEN',
    });
    const secret = { kind: kinds.secret, namespace: 'istio-system', name: 'other' };
    await assert.rejects(agent.get(secret), { code: 'MESH_ERR_KUBE_FORBIDDEN' });
  });
});
