import { strict as assert } from 'node:assert';

import type { KubeObject } from '../../../src/kube/object.js';
import { renderDrainedSlice } from '../../../src/mesh/forms/endpoint-slice-form.js';
import { registeredService } from '../../../src/mesh/registered-service.js';
import type { RegisteredService, RegistrationForm } from '../../../src/mesh/registered-service.js';
import { renderRegistration } from '../../../src/mesh/registration.js';
import { describeProblem } from '../../../src/mesh/validation/problem.js';
import { IstioValidator } from '../../../src/mesh/validation/validate.js';
import { serviceConfig } from './service-config.js';

const echo = (form: RegistrationForm, more: Partial<RegisteredService> = {}): RegisteredService => ({
  form,
  name: 'echo',
  host: 'bigip.default.svc.cluster.local',
  namespace: 'default',
  serviceAccount: 'edge',
  spiffeId: 'spiffe://cluster.local/ns/default/sa/edge',
  addresses: ['198.51.100.20'],
  port: 9000,
  ...more,
});

/** What is rendered, without the mark that changes with it. */
function render(service: RegisteredService): unknown[] {
  return renderRegistration(service).map(({ object }) => {
    const { 'bigip-mesh.io/rendered': _, ...annotations } = object.metadata.annotations ?? {};
    return { ...object, metadata: { ...object.metadata, annotations } };
  });
}

const owner = { 'app.kubernetes.io/managed-by': 'bigip-mesh-agent', 'bigip-mesh.io/service': 'echo' };
const metadata = (name: string, more: object = {}, annotations: object = {}): object => ({
  name,
  namespace: 'default',
  labels: { ...owner, ...more },
  annotations,
});
const serviceAccount = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadata('edge') };
const ports = [{ name: 'tcp', port: 9000, targetPort: 9000, protocol: 'TCP', appProtocol: 'tcp' }];
const entry = (name: string, of: string, address: string): object => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'WorkloadEntry',
  metadata: metadata(name, {}, { 'proxy.istio.io/health-checks-enabled': 'true' }),
  spec: { address, labels: { 'bigip-mesh.io/endpoint-of': of }, serviceAccount: 'edge' },
});

describe('the form workload-entry', () => {
  it('is a Service that selects WorkloadEntries', () => {
    assert.deepEqual(render(echo('workload-entry')), [
      serviceAccount,
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: metadata('bigip'),
        spec: { type: 'ClusterIP', selector: { 'bigip-mesh.io/endpoint-of': 'bigip' }, ports },
      },
      entry('bigip-198.51.100.20', 'bigip', '198.51.100.20'),
    ]);
  });
});

describe('the form service-entry', () => {
  it('is a ServiceEntry of the mesh that selects WorkloadEntries, with a virtual IP', () => {
    assert.deepEqual(render(echo('service-entry', { host: 'db.example.com' })), [
      serviceAccount,
      entry('echo-198.51.100.20', 'echo', '198.51.100.20'),
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'ServiceEntry',
        metadata: metadata('echo'),
        spec: {
          hosts: ['db.example.com'],
          addresses: ['198.51.100.20'],
          ports: [{ number: 9000, name: 'tcp', protocol: 'TCP' }],
          location: 'MESH_INTERNAL',
          resolution: 'STATIC',
          workloadSelector: { labels: { 'bigip-mesh.io/endpoint-of': 'echo' } },
          subjectAltNames: ['spiffe://cluster.local/ns/default/sa/edge'],
        },
      },
    ]);
  });

  it('has an entry and a virtual IP for each address, IPv6 too', () => {
    const objects = renderRegistration(echo('service-entry', { addresses: ['192.0.2.1', '2001:db8::1'] }));
    assert.deepEqual(
      objects.map(({ object }) => object.metadata.name),
      ['edge', 'echo-192.0.2.1', 'echo-2001-db8-0-0-0-0-0-1', 'echo'],
    );
    const spec = objects[3]?.object['spec'] as { addresses: unknown } | undefined;
    assert.deepEqual(spec?.addresses, ['192.0.2.1', '2001:db8::1']);
  });
});

describe('the form endpoint-slice', () => {
  const slice = (name: string, addressType: string, addresses: string[]): object => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: metadata(name, {
      'kubernetes.io/service-name': 'bigip',
      'endpointslice.kubernetes.io/managed-by': 'bigip-mesh-agent',
    }),
    addressType,
    ports: [{ name: 'tcp', port: 9000, protocol: 'TCP', appProtocol: 'tcp' }],
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  });

  it('is a Service without a selector, its slice, and first the rule that demands mutual TLS and the identity', () => {
    assert.deepEqual(render(echo('endpoint-slice')), [
      serviceAccount,
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'DestinationRule',
        metadata: metadata('bigip'),
        spec: {
          host: 'bigip.default.svc.cluster.local',
          trafficPolicy: {
            tls: {
              mode: 'ISTIO_MUTUAL',
              subjectAltNames: ['spiffe://cluster.local/ns/default/sa/edge'],
            },
          },
        },
      },
      slice('bigip-bigip-ipv4', 'IPv4', ['198.51.100.20']),
      { apiVersion: 'v1', kind: 'Service', metadata: metadata('bigip'), spec: { type: 'ClusterIP', ports } },
    ]);
  });

  it('has a slice for each family of addresses, and a Service of both', () => {
    const objects = render(
      echo('endpoint-slice', { addresses: ['192.0.2.1', '2001:db8::1', '192.0.2.2'] }),
    ) as KubeObject[];
    assert.deepEqual(objects.slice(2, 4), [
      slice('bigip-bigip-ipv4', 'IPv4', ['192.0.2.1', '192.0.2.2']),
      slice('bigip-bigip-ipv6', 'IPv6', ['2001:db8::1']),
    ]);
    const spec = objects[4]?.['spec'] as { ipFamilyPolicy: string } | undefined;
    assert.equal(spec?.ipFamilyPolicy, 'PreferDualStack');
  });

  it('drains a slice in place, keeps what is its own and drops what is not', () => {
    const live = slice('bigip-bigip-ipv4', 'IPv4', ['192.0.2.1']) as KubeObject;
    const labels = { ...live.metadata.labels, theirs: 'x' };
    const drained = renderDrainedSlice({ ...live, metadata: { ...live.metadata, uid: 'u', labels } }, 'why');
    assert.deepEqual(drained, {
      ...live,
      metadata: { ...live.metadata, uid: 'u', annotations: { 'bigip-mesh.io/drained': 'why' } },
      endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: false } }],
    });
    assert.equal(renderDrainedSlice(drained ?? live, 'why'), undefined);
  });
});

describe('every form', () => {
  const forms = ['workload-entry', 'service-entry', 'endpoint-slice'] as const;
  const validator = new IstioValidator();

  for (const form of forms) {
    it(`renders objects of ${form} that nobody refuses or warns of`, () => {
      const addresses = ['198.51.100.20', '2001:db8::', '::1'];
      const problems = renderRegistration(echo(form, { addresses }))
        .filter(({ kind }) => validator.knows(kind))
        .flatMap(({ object }) => validator.validate(JSON.parse(JSON.stringify(object))));
      assert.deepEqual(problems.map(describeProblem), []);
    });

    it(`refuses an address of one machine in ${form}`, () => {
      assert.throws(() => renderRegistration(echo(form, { addresses: ['fe80::1%eth0'] })), {
        code: 'MESH_ERR_CONFIG_INVALID',
      });
    });
  }

  for (const form of ['workload-entry', 'endpoint-slice'] as const) {
    it(`refuses a host that is no Service in ${form}`, () => {
      for (const host of ['db.example.com', 'bigip.other.svc.cluster.local']) {
        assert.throws(() => renderRegistration(echo(form, { host })), { code: 'MESH_ERR_CONFIG_INVALID' });
      }
    });
  }

  it('is asked for in the config file, and none asks for nothing', () => {
    for (const registration of forms) {
      const service = registeredService(serviceConfig('default', registration), 'example.org');
      assert.equal(service?.form, registration);
      assert.equal(service.spiffeId, 'spiffe://example.org/ns/default/sa/edge');
    }
    assert.equal(registeredService(serviceConfig('default', 'none'), 'example.org'), undefined);
    assert.throws(() => registeredService(serviceConfig('default', 'workload-entry'), 'Not A Domain'), {
      code: 'MESH_ERR_CONFIG_INVALID',
    });
  });
});
