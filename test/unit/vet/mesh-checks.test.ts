import { strict as assert } from 'node:assert';
import { known } from '../../../src/vet/datum.js';
import type { Facts } from '../../../src/vet/facts.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { healthyFacts, withCluster, withService } from './healthy-facts.js';
import { istiod, object, pod } from './healthy-mesh.js';
import { vetKinds } from '../../../src/vet/read/vet-kinds.js';
import { kinds } from '../../../src/kube/kinds.js';
import { listOf, plus, told } from './told.js';

describe('the checks of vet, by facts of the mesh', () => {
  let healthy: Facts;
  before(async () => (healthy = await healthyFacts()));

  it('take an AuthorizationPolicy more seriously where there is no allowlist either', () => {
    const spec = { selector: { matchLabels: { 'bigip-mesh.io/endpoint-of': 'bigip' } }, rules: [{}] };
    const policy = object(kinds.authorizationPolicy, 'callers', {
      metadata: { namespace: 'default' },
      spec,
    });
    const nobody = { allow: [], deny: [], mode: 'enforce' } as const;
    const facts = withService(plus(healthy, 'authorizationPolicies', policy), {
      allowlist: known({ allowlist: nobody, refusals: [], configMaps: [] }),
    });
    assert.ok(
      told(facts).includes(
        'error BMV046: it is meant for the device, and there is no allowlist ConfigMap either',
      ),
    );
  });

  it('pass over a policy for Pods', () => {
    const spec = { selector: { matchLabels: { app: 'web' } }, rules: [{}] };
    const policy = object(kinds.authorizationPolicy, 'web', { metadata: { namespace: 'default' }, spec });
    assert.deepEqual(told(plus(healthy, 'authorizationPolicies', policy)), []);
  });

  it('pass over a DestinationRule of the callers that says nothing of TLS', () => {
    const rule = object(kinds.destinationRule, 'limits', {
      metadata: { namespace: 'trusted' },
      spec: { host: 'bigip.default.svc.cluster.local', trafficPolicy: { connectionPool: {} } },
    });
    assert.deepEqual(told(plus(healthy, 'destinationRules', rule)), []);
  });

  it('find a mesh-wide DestinationRule without mutual TLS', () => {
    const rule = object(kinds.destinationRule, 'default', {
      metadata: { namespace: 'istio-system' },
      spec: { host: '*.local', trafficPolicy: { tls: { mode: 'DISABLE' } } },
    });
    assert.deepEqual(told(plus(healthy, 'destinationRules', rule)), [
      'error BMV017: its TLS mode is DISABLE for callers in namespace trusted',
    ]);
  });

  it('let the more specific rule of a namespace win', () => {
    const spec = (host: string, mode: string) => ({
      metadata: { namespace: 'trusted' },
      spec: { host, trafficPolicy: { tls: { mode } } },
    });
    const facts = plus(
      healthy,
      'destinationRules',
      object(kinds.destinationRule, 'wide', spec('*.cluster.local', 'DISABLE')),
      object(kinds.destinationRule, 'narrow', spec('bigip.default.svc.cluster.local', 'ISTIO_MUTUAL')),
    );
    assert.deepEqual(told(facts), []);
  });

  it('pass over subsets from Istio 1.31 on', () => {
    const rule = object(kinds.destinationRule, 'bigip', {
      metadata: { namespace: 'default' },
      spec: {
        host: 'bigip.default.svc.cluster.local',
        trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL' } },
        subsets: [{ name: 'v1' }],
      },
    });
    const newer = JSON.parse(
      JSON.stringify(istiod('istiod', 'default')).replace('1.30.3', '1.31.0'),
    ) as KubeObject;
    assert.deepEqual(
      told(withCluster(plus(healthy, 'destinationRules', rule), { deployments: known([newer]) })),
      [],
    );
  });

  it('find hostNetwork, user 1337 and address ranges that leave the service out', () => {
    const bypassing = pod('trusted', 'sleep-2', 'sleep', {
      metadata: {
        namespace: 'trusted',
        annotations: { 'traffic.sidecar.istio.io/excludeOutboundIPRanges': '192.0.2.0/24' },
      },
      spec: {
        serviceAccountName: 'sleep',
        hostNetwork: true,
        containers: [{ name: 'app', securityContext: { runAsUser: 1337 } }, { name: 'istio-proxy' }],
      },
    });
    assert.deepEqual(
      told(plus(healthy, 'pods', { ...bypassing, metadata: { ...bypassing.metadata, name: 'sleep-2' } })),
      [
        'warning BMV028: excludeOutboundIPRanges covers 192.0.2.10',
        'warning BMV028: hostNetwork is true',
        'warning BMV028: a container runs as user 1337',
      ],
    );
  });

  it('count a native sidecar as one', () => {
    const native = pod('trusted', 'sleep-2', 'sleep', {
      spec: {
        serviceAccountName: 'sleep',
        containers: [{ name: 'app' }],
        initContainers: [{ name: 'istio-proxy' }],
      },
    });
    assert.deepEqual(told(plus(healthy, 'pods', native)), []);
  });

  it('find a workload PeerAuthentication that matches the endpoint on its port', () => {
    const policy = object(kinds.peerAuthentication, 'port', {
      metadata: { namespace: 'default' },
      spec: {
        selector: { matchLabels: { 'bigip-mesh.io/endpoint-of': 'bigip' } },
        mtls: { mode: 'STRICT' },
        portLevelMtls: { '9000': { mode: 'DISABLE' } },
      },
    });
    assert.match(
      told(plus(healthy, 'peerAuthentications', policy)).join(),
      /^error BMV023: mode DISABLE on port 9000/,
    );
  });

  it("let the namespace's PeerAuthentication win over the mesh's", () => {
    const policy = (namespace: string, mode: string) =>
      object(kinds.peerAuthentication, 'default', { metadata: { namespace }, spec: { mtls: { mode } } });
    assert.deepEqual(
      told(
        plus(
          healthy,
          'peerAuthentications',
          policy('istio-system', 'DISABLE'),
          policy('default', 'PERMISSIVE'),
        ),
      ),
      [],
    );
  });

  it('find Endpoints that are kept from becoming a slice, and a slice without its Service', () => {
    const service = listOf(healthy, 'services').map((found) => ({
      ...found,
      spec: { ...(found['spec'] as object), selector: {} },
    }));
    const endpoints = object(vetKinds.endpoints, 'bigip', {
      metadata: { namespace: 'default', labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
      subsets: [{ addresses: [{ ip: '192.0.2.10' }] }],
    });
    const slice = object(vetKinds.endpointSlices, 'lost', {
      metadata: { namespace: 'default' },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.10'] }],
    });
    const facts = withCluster(healthy, {
      services: known(service),
      endpoints: known([endpoints]),
      endpointSlices: known([slice]),
    });
    assert.deepEqual(
      told(facts).filter((line) => line.includes('BMV035')),
      [
        'error BMV035: it holds 192.0.2.10 and lacks the label kubernetes.io/service-name',
        'error BMV035: the label endpointslice.kubernetes.io/skip-mirror keeps it from becoming a slice',
      ],
    );
  });

  it('find the lifetime that istio-csr cuts, unless it was told to give more', () => {
    const identity = { ...healthy.config.identity, source: 'istiod' as const };
    const csr = (args: readonly string[]): KubeObject =>
      pod('cert-manager', 'istio-csr', 'istio-csr', {
        spec: {
          containers: [{ name: 'istio-csr', image: 'quay.io/jetstack/cert-manager-istio-csr:v0.17.0', args }],
        },
      });
    const facts = (args: readonly string[]): Facts => ({
      ...plus(healthy, 'pods', csr(args)),
      config: { ...healthy.config, identity },
    });
    assert.deepEqual(told(facts([])), ['warning BMV043: it gives 1 h at most, identity.ttl is 24 h']);
    assert.deepEqual(told(facts(['--max-client-certificate-duration=48h'])), []);
    assert.deepEqual(told(facts(['--max-client-certificate-duration', '2h'])), [
      'warning BMV043: it gives 2 h at most, identity.ttl is 24 h',
    ]);
  });

  it('find one address in two endpoints', () => {
    const twins = listOf(healthy, 'workloadEntries').map((entry) => ({
      ...entry,
      metadata: { ...entry.metadata, name: 'twin' },
    }));
    assert.match(
      told(plus(healthy, 'workloadEntries', ...twins)).join(),
      /^error BMV034: 192\.0\.2\.10 stands in WorkloadEntry default\/bigip-192\.0\.2\.10, too$/,
    );
  });

  it('find two revisions that agree worth an info, and two definitions without v1 a warning', () => {
    const canary = istiod('istiod-canary', 'canary');
    assert.deepEqual(told(plus(healthy, 'deployments', canary)), [
      'info BMV049: 2 revisions run: canary, default',
    ]);
    const old = object(kinds.customResourceDefinition, 'workloadentries.networking.istio.io', {
      spec: { versions: [{ name: 'v1beta1', served: true }] },
    });
    assert.deepEqual(told(withCluster(healthy, { customResourceDefinitions: known([old]) })), [
      'warning BMV045: it does not serve version v1',
    ]);
  });
});
