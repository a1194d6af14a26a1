import { strict as assert } from 'node:assert';

import type { ServiceConfig } from '../../../src/config/schema.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { registeredService } from '../../../src/mesh/registered-service.js';
import { renderRegistration } from '../../../src/mesh/registration.js';
import { policyNamespaces, policyScope } from '../../../src/reconcile/policy-scope.js';

const facts = {
  trustDomain: 'cluster.local',
  trustDomainAliases: ['old', 'old'],
  rootNamespace: 'istio-system',
};

function service(registration: ServiceConfig['registration']): ServiceConfig {
  return {
    name: 'echo',
    host: 'bigip.default.svc.cluster.local',
    identity: { namespace: 'default', serviceAccount: 'bigip' },
    listen: { address: '192.0.2.1', port: 9000 },
    registration,
  } as ServiceConfig;
}

/** The labels of a WorkloadEntry's workload, as Istio puts them together. */
function workloadLabels({ metadata, spec }: KubeObject & { spec?: { labels?: object } }): object {
  return { ...spec?.labels, ...metadata.labels };
}

describe('what policies can be for', () => {
  for (const form of ['workload-entry', 'service-entry'] as const) {
    it(`has the labels and the object that registration ${form} makes`, () => {
      const registered = registeredService(service(form), 'cluster.local');
      assert.ok(registered !== undefined);
      const objects = renderRegistration(registered).map(({ object }) => object);
      const scope = policyScope(service(form), facts);
      const entries = objects.filter(({ kind }) => kind === 'WorkloadEntry');
      assert.equal(entries.length, 1);
      for (const entry of entries) assert.deepEqual(workloadLabels(entry), scope.labels);
      const callable = objects.filter(({ kind }) => kind === 'Service' || kind === 'ServiceEntry');
      assert.deepEqual(
        callable.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
        scope.objects.map(({ kind, name }) => `${kind} ${name}`),
      );
    });
  }

  it('is the Service of the host where there is one in the namespace of the identity', () => {
    assert.deepEqual(policyScope(service('none'), facts).objects, [
      { group: '', kind: 'Service', name: 'bigip' },
    ]);
    const elsewhere = { ...service('none'), host: 'bigip.other.svc.cluster.local' };
    assert.deepEqual(policyScope(elsewhere, facts).objects, []);
  });

  it('is in the namespace of the service and in the root namespace, which may be the same', () => {
    assert.deepEqual(policyNamespaces(service('none'), facts), ['default', 'istio-system']);
    assert.deepEqual(policyNamespaces(service('none'), { rootNamespace: 'default' }), ['default']);
    assert.deepEqual(policyScope(service('none'), facts).trustDomains, ['cluster.local', 'old']);
  });
});
