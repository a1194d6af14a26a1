import { strict as assert } from 'node:assert';

import { assert as check, ipV4, ipV6, oneof, property } from 'fast-check';

import type { KubeObject } from '../../../src/kube/object.js';
import type { RegisteredService } from '../../../src/mesh/registered-service.js';
import { renderRegistration } from '../../../src/mesh/registration.js';
import { parseServiceHost } from '../../../src/mesh/service-host.js';
import { workloadEntryName } from '../../../src/mesh/workload-entry-name.js';

const echo: RegisteredService = {
  form: 'workload-entry',
  name: 'echo',
  host: 'bigip.default.svc.cluster.local',
  namespace: 'default',
  serviceAccount: 'edge',
  spiffeId: 'spiffe://cluster.local/ns/default/sa/edge',
  addresses: ['198.51.100.20'],
  port: 9000,
};

const render = (service: RegisteredService): KubeObject[] =>
  renderRegistration(service).map(({ object }) => object);

const marksOf = (service: RegisteredService): unknown[] =>
  render(service).map(({ metadata }) => metadata.annotations?.['bigip-mesh.io/rendered']);
const entryName = (address: string): string => workloadEntryName('b', address);

describe('the registration of a mesh service', () => {
  it('is a service account, a Service and an entry for the address', () => {
    assert.deepEqual(
      render(echo).map(({ apiVersion, kind, metadata }) => [
        apiVersion,
        kind,
        metadata.namespace,
        metadata.name,
      ]),
      [
        ['v1', 'ServiceAccount', 'default', 'edge'],
        ['v1', 'Service', 'default', 'bigip'],
        ['networking.istio.io/v1', 'WorkloadEntry', 'default', 'bigip-198.51.100.20'],
      ],
    );
  });

  it('names the port and its protocol, so that no sidecar waits to guess it', () => {
    const { spec } = render(echo)[1] as unknown as { spec: { type: string; ports: unknown } };
    assert.equal(spec.type, 'ClusterIP');
    assert.deepEqual(spec.ports, [
      { name: 'tcp', port: 9000, targetPort: 9000, protocol: 'TCP', appProtocol: 'tcp' },
    ]);
  });

  it('selects its own entries by a label that is not the mark of the owner', () => {
    const [, service, entry] = render(echo) as unknown as [
      unknown,
      { spec: { selector: object }; metadata: { labels: object } },
      { spec: { labels: object }; metadata: { labels: object } },
    ];
    assert.deepEqual(service.spec.selector, { 'bigip-mesh.io/endpoint-of': 'bigip' });
    assert.deepEqual(entry.spec.labels, service.spec.selector);
    assert.deepEqual(entry.metadata.labels, {
      'app.kubernetes.io/managed-by': 'bigip-mesh-agent',
      'bigip-mesh.io/service': 'echo',
    });
  });

  it('gives each entry the service account that sidecars then demand, and asks for health checks', () => {
    const entry = render(echo)[2] as unknown as { spec: object; metadata: KubeObject['metadata'] };
    assert.deepEqual(entry.spec, {
      address: '198.51.100.20',
      labels: { 'bigip-mesh.io/endpoint-of': 'bigip' },
      serviceAccount: 'edge',
    });
    assert.equal(entry.metadata.annotations?.['proxy.istio.io/health-checks-enabled'], 'true');
  });

  it('has an entry for each address, IPv6 too', () => {
    const names = render({ ...echo, addresses: ['192.0.2.1', '2001:db8::'] })
      .slice(2)
      .map(({ metadata }) => metadata.name);
    assert.deepEqual(names, ['bigip-192.0.2.1', 'bigip-2001-db8-0-0-0-0-0-0']);
  });

  it('says in an annotation when anything of an object differs', () => {
    assert.deepEqual(marksOf(echo), marksOf({ ...echo }));
    const moved = marksOf({ ...echo, port: 9001 });
    assert.deepEqual(
      marksOf(echo).map((value, index) => value === moved[index]),
      [true, false, true],
    );
  });

  for (const [what, service] of [
    ['a host that is no Kubernetes name', { ...echo, host: 'db.example.com' }],
    ['a host of another namespace than the identity', { ...echo, namespace: 'payments' }],
    ['an address of one machine only', { ...echo, addresses: ['fe80::1%eth0'] }],
    ['an address that is none', { ...echo, addresses: ['bigip.example.com'] }],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => renderRegistration(service), {
        code: 'MESH_ERR_CONFIG_INVALID',
        message: /^service echo cannot be registered: /,
      });
    });
  }
});

describe('the host of a mesh service', () => {
  it('is a Service and its namespace', () => {
    assert.deepEqual(parseServiceHost('bigip.default.svc.cluster.local'), {
      ok: true,
      value: { name: 'bigip', namespace: 'default' },
    });
  });
  for (const host of [
    '',
    'bigip',
    'bigip.default',
    'bigip.default.svc',
    'bigip.default.svc.',
    'bigip.default.pod.cluster.local',
    '1bigip.default.svc.cluster.local',
    'Bigip.default.svc.cluster.local',
    '*.default.svc.cluster.local',
    `${'a'.repeat(64)}.default.svc.cluster.local`,
  ]) {
    it(`is not "${host}"`, () => assert.equal(parseServiceHost(host).ok, false));
  }
});

describe('the name of an entry', () => {
  const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

  it('is valid for every address', () => {
    check(
      property(oneof(ipV4(), ipV6()), (address) => {
        assert.match(workloadEntryName('bigip', address), subdomain);
      }),
    );
  });

  it('is one for all spellings of an address, and differs between addresses', () => {
    assert.equal(entryName('2001:DB8:0:0::1'), entryName('2001:db8::1'));
    assert.equal(entryName('::ffff:192.0.2.1'), entryName('::ffff:c000:201'));
    assert.notEqual(entryName('2001:db8::1'), entryName('2001:db8:1::'));
    assert.equal(entryName('::'), 'b-0-0-0-0-0-0-0-0');
  });
});
