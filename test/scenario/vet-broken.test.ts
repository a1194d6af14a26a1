import { strict as assert } from 'node:assert';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.js';
import { MeshCa } from '../../src/demo/mesh-ca.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { deviceUser, serviceHost } from '../../src/demo/surroundings.js';
import { kinds } from '../../src/kube/kinds.js';
import type { KubeObject } from '../../src/kube/object.js';
import { silentLogger } from '../../src/log.js';
import { checks } from '../../src/vet/registry.js';
import { vetKinds } from '../../src/vet/read/vet-kinds.js';
import { istiod, object, pod, seedHealthyMesh } from '../unit/vet/healthy-mesh.js';
import { ClusterBreaker, cli, DeviceBreaker } from '../unit/vet/vet-bed.js';
import type { Draft, Mend, Said } from '../unit/vet/vet-bed.js';

interface Reported {
  readonly findings: ReadonlyArray<{ readonly code: string; readonly level: string; readonly seen: string }>;
  readonly unknown: ReadonlyArray<{ readonly code: string; readonly reason: string }>;
  readonly fine: readonly string[];
}

/** One thing that is broken, and what vet says of it. */
interface Broken {
  readonly code: string;
  readonly what: string;
  readonly make: () => Promise<Mend>;
  /** What follows from it and is told as well. */
  readonly also?: readonly string[];
  /** What cannot be judged any more because of it. */
  readonly unknown?: readonly string[];
  readonly level?: 'error' | 'warning' | 'info';
  /** What is changed in the config file for it. */
  readonly config?: (text: string) => string;
  /** Turns the clock of vet. */
  readonly aheadMs?: number;
}

/** Codes that the doubles cannot be brought into; test/unit/vet/checks.test.ts feeds them facts. */
const byFactsAlone = ['BMV101', 'BMV102', 'BMV103', 'BMV105', 'BMV107', 'BMV108'];

const endpointOf = { 'bigip-mesh.io/endpoint-of': 'bigip' };
const { signal } = new AbortController();

describe('vet, with one thing broken at a time', function () {
  this.timeout(60_000);
  let scenario: Scenario;
  let cluster: ClusterBreaker;
  let device: DeviceBreaker;
  let meshCa: MeshCa;
  let configText: string;
  let configs = 0;
  const found = new Set<string>();

  const vet = async (flags: readonly string[] = [], broken?: Broken): Promise<Said> => {
    let file = scenario.configFile;
    if (broken?.config !== undefined) {
      configs += 1;
      file = join(scenario.folder, `config-${configs}.yaml`);
      await writeFile(file, broken.config(configText));
    }
    const { aheadMs = 0 } = broken ?? {};
    const clock = { ...systemClock, now: () => new Date(Date.now() + aheadMs) };
    return cli(['vet', '-f', file, '--kubeconfig', scenario.kubeconfigFile, ...flags], clock);
  };
  const report = async (broken?: Broken): Promise<Reported & { readonly exitCode: number }> => {
    const said = await vet(['-o', 'json'], broken);
    assert.equal(said.stderr, '');
    return { ...(JSON.parse(said.stdout) as Reported), exitCode: said.exitCode };
  };

  before(async () => {
    // 16.1.3.3 has no defect on record.
    scenario = await startScenario({ clock: systemClock, logger: silentLogger(), tmosVersion: '16.1' });
    ({ meshCa } = scenario);
    configText = await readFile(scenario.configFile, 'utf8');
    const applied = await cli(['apply', '-f', scenario.configFile, '--kubeconfig', scenario.kubeconfigFile]);
    assert.equal(applied.exitCode, 0, applied.stderr);
    await seedHealthyMesh(scenario.kube, meshCa.rootPem);
    cluster = new ClusterBreaker(scenario.kube);
    device = new DeviceBreaker(scenario, signal);
  });
  after(async () => {
    await device?.client.close();
    await scenario?.close();
  });

  const isHealthy = async (): Promise<void> => {
    const { findings, unknown, fine, exitCode } = await report();
    assert.deepEqual({ findings, unknown, exitCode }, { findings: [], unknown: [], exitCode: 0 });
    assert.equal(fine.length, checks.length);
  };

  it('finds nothing while nothing is broken, and nothing is unknown', isHealthy);

  /** One test a break: found by its code, with what follows from it and nothing else. */
  const finds = (broken: Broken): void => {
    it(`finds ${broken.what} by ${broken.code}`, async () => {
      const mend = await broken.make();
      try {
        const { findings, unknown, exitCode } = await report(broken);
        const codes = [...new Set(findings.map(({ code }) => code))].toSorted();
        assert.deepEqual(codes, [broken.code, ...(broken.also ?? [])].toSorted(), JSON.stringify(findings));
        assert.deepEqual([...new Set(unknown.map(({ code }) => code))].toSorted(), broken.unknown ?? []);
        const own = findings.find(({ code }) => code === broken.code);
        const level = broken.level ?? checks.find(({ code }) => code === broken.code)?.level;
        assert.equal(own?.level, level, own?.seen);
        assert.equal(exitCode, findings.some((finding) => finding.level === 'error') ? 1 : 0);
        found.add(broken.code);
      } finally {
        await mend();
      }
    });
  };

  const entry = (change: (draft: Draft) => void) => async (): Promise<Mend> => {
    const { items } = await scenario.kube.list(kinds.workloadEntry, { namespace: 'default' });
    return cluster.edit(kinds.workloadEntry, 'default', items[0]?.metadata.name ?? '', change);
  };
  const service = (change: (draft: Draft) => void) => () =>
    cluster.edit(kinds.service, 'default', 'bigip', change);
  const namespace = (name: string, change: (draft: Draft) => void) => () =>
    cluster.edit(kinds.namespace, '', name, change);
  const rule = (inNamespace: string, spec: object) => () =>
    cluster.put(
      kinds.destinationRule,
      object(kinds.destinationRule, 'bigip', {
        metadata: { namespace: inNamespace },
        spec: { host: serviceHost, ...spec },
      }),
    );
  const mutual = { mode: 'ISTIO_MUTUAL', subjectAltNames: ['spiffe://cluster.local/ns/default/sa/bigip'] };
  const profile = (members: object) => () =>
    device.modify('ltm/profile/client-ssl/~mesh~echo_clientssl', members as Record<string, unknown>);
  const nothing = (): Promise<Mend> => Promise.resolve(() => Promise.resolve());

  describe('the endpoint and the Service', () => {
    finds({
      code: 'BMV001',
      what: 'an endpoint without serviceAccount',
      make: entry(({ spec }) => delete spec['serviceAccount']),
    });
    finds({
      code: 'BMV002',
      what: 'a TLS mode label that means plaintext',
      make: entry(
        ({ metadata }) => (metadata.labels = { ...metadata.labels, 'security.istio.io/tlsMode': 'disabled' }),
      ),
    });
    finds({
      code: 'BMV003',
      what: 'a selector that matches nothing',
      make: service(({ spec }) => (spec['selector'] = { app: 'nobody' })),
    });
    finds({
      code: 'BMV004',
      what: 'a selector that matches a Pod, too',
      make: () =>
        cluster.put(
          kinds.pod,
          pod('default', 'impostor', 'default', { metadata: { namespace: 'default', labels: endpointOf } }),
        ),
    });
    finds({
      code: 'BMV005',
      what: 'a headless Service',
      make: async () => {
        const before = (await scenario.kube.get({
          kind: kinds.service,
          namespace: 'default',
          name: 'bigip',
        })) as KubeObject;
        const spec = { ...(before['spec'] as object), clusterIP: 'None', clusterIPs: ['None'] };
        const removed = await cluster.remove(kinds.service, 'default', 'bigip');
        const { name, namespace: own, labels, annotations } = before.metadata;
        const headless = object(kinds.service, name, {
          metadata: { namespace: own, labels, annotations },
          spec,
        });
        const put = await cluster.put(kinds.service, headless);
        return async () => {
          await put();
          await removed();
        };
      },
    });
    finds({
      code: 'BMV006',
      what: 'a named target port that the endpoint lacks',
      make: service(
        ({ spec }) =>
          (((spec['ports'] as Array<Record<string, unknown>>)[0] as Record<string, unknown>)['targetPort'] =
            'db'),
      ),
    });
    finds({
      code: 'BMV011',
      what: 'a port without a protocol',
      make: service(({ spec }) => {
        const [port] = spec['ports'] as Array<Record<string, unknown>>;
        delete port?.['appProtocol'];
        if (port !== undefined) port['name'] = 'db';
      }),
    });
    finds({
      code: 'BMV012',
      what: 'a port declared as TLS',
      make: service(
        ({ spec }) =>
          (((spec['ports'] as Array<Record<string, unknown>>)[0] as Record<string, unknown>)['appProtocol'] =
            'tls'),
      ),
    });
    finds({
      code: 'BMV030',
      what: 'a host that is not exported to its callers',
      make: service(
        ({ metadata }) =>
          (metadata.annotations = { ...metadata.annotations, 'networking.istio.io/exportTo': '.' }),
      ),
    });
    finds({
      code: 'BMV036',
      what: 'an annotation of an old registration',
      make: service(
        ({ metadata }) =>
          (metadata.annotations = {
            ...metadata.annotations,
            'alpha.istio.io/kubernetes-serviceaccounts': 'bigip',
          }),
      ),
    });
    finds({
      code: 'BMV016',
      what: 'more names accepted than that of the device',
      also: ['BMV036'],
      make: service(
        ({ metadata }) =>
          (metadata.annotations = {
            ...metadata.annotations,
            'alpha.istio.io/kubernetes-serviceaccounts': 'another',
          }),
      ),
    });
    finds({
      code: 'BMV031',
      what: 'an endpoint in another network',
      make: entry(({ spec }) => (spec['network'] = 'vm-network')),
    });
    finds({
      code: 'BMV032',
      what: 'an endpoint that claims HBONE',
      make: entry(
        ({ metadata }) => (metadata.labels = { ...metadata.labels, 'networking.istio.io/tunnel': 'http' }),
      ),
    });
    finds({
      code: 'BMV033',
      what: 'an endpoint that is not healthy',
      make: async () => {
        const { items } = await scenario.kube.list(kinds.workloadEntry, { namespace: 'default' });
        const [live] = items as [KubeObject];
        const say = (status: string) =>
          scenario.kube.applyStatus(
            kinds.workloadEntry,
            object(kinds.workloadEntry, live.metadata.name, {
              metadata: { namespace: 'default' },
              status: { conditions: [{ type: 'Healthy', status }] },
            }),
            { force: true },
          );
        await say('False');
        return () => say('True');
      },
    });
    finds({
      code: 'BMV034',
      what: 'an endpoint at another address',
      make: entry(({ spec }) => (spec['address'] = '192.0.2.77')),
    });
    finds({
      code: 'BMV037',
      what: 'a host that is defined twice',
      make: () =>
        cluster.put(
          kinds.serviceEntry,
          object(kinds.serviceEntry, 'again', {
            metadata: { namespace: 'default' },
            spec: {
              hosts: [serviceHost],
              location: 'MESH_INTERNAL',
              resolution: 'STATIC',
              addresses: ['240.240.0.5'],
              ports: [{ number: scenario.listen.port, name: 'tcp', protocol: 'TCP' }],
              workloadSelector: { labels: endpointOf },
            },
          }),
        ),
    });
    finds({
      code: 'BMV051',
      what: 'a missing service account',
      make: () => cluster.remove(kinds.serviceAccount, 'default', 'bigip'),
    });
    finds({
      code: 'BMV051',
      what: "a Pod that runs as the device's service account",
      level: 'warning',
      make: () => cluster.put(kinds.pod, pod('default', 'mimic', 'bigip')),
    });
  });

  describe('a service that is registered as a ServiceEntry', () => {
    let back: Mend;
    before(async () => {
      const spec = {
        hosts: [serviceHost],
        location: 'MESH_INTERNAL',
        resolution: 'STATIC',
        addresses: ['240.240.0.5'],
        ports: [{ number: scenario.listen.port, name: 'tcp', protocol: 'TCP' }],
        workloadSelector: { labels: endpointOf },
      };
      back = await cluster.all([
        () => cluster.remove(kinds.service, 'default', 'bigip'),
        () =>
          cluster.put(
            kinds.serviceEntry,
            object(kinds.serviceEntry, 'bigip', { metadata: { namespace: 'default' }, spec }),
          ),
      ]);
    });
    after(() => back());
    const serviceEntry = (change: (draft: Draft) => void) => () =>
      cluster.edit(kinds.serviceEntry, 'default', 'bigip', change);

    it('is healthy in this form, too', isHealthy);
    finds({
      code: 'BMV007',
      what: 'a location that was left out',
      make: serviceEntry(({ spec }) => delete spec['location']),
    });
    finds({
      code: 'BMV008',
      what: 'a resolution that was left out',
      make: serviceEntry(({ spec }) => delete spec['resolution']),
    });
    finds({
      code: 'BMV009',
      what: 'resolution DNS without endpoints',
      make: serviceEntry(({ spec }) => {
        spec['resolution'] = 'DNS';
        delete spec['workloadSelector'];
      }),
    });
    finds({
      code: 'BMV010',
      what: 'a TCP host without an address',
      make: serviceEntry(({ spec }) => delete spec['addresses']),
    });
  });

  describe('a service that is registered by hand', () => {
    let back: Mend;
    before(async () => {
      const slice = object(vetKinds.endpointSlices, 'bigip-1', {
        metadata: { namespace: 'default', labels: { 'kubernetes.io/service-name': 'bigip' } },
        addressType: 'IPv4',
        ports: [{ name: 'tcp', port: scenario.listen.port, protocol: 'TCP' }],
        endpoints: [{ addresses: [scenario.listen.address], conditions: { ready: true } }],
      });
      back = await cluster.all([
        service(({ spec }) => delete spec['selector']),
        () => cluster.put(vetKinds.endpointSlices, slice),
        rule('default', { trafficPolicy: { tls: mutual } }),
      ]);
    });
    after(() => back());

    it('is healthy in this form, too', isHealthy);
    finds({
      code: 'BMV013',
      what: 'an EndpointSlice without mutual TLS',
      make: () => cluster.remove(kinds.destinationRule, 'default', 'bigip'),
    });
    finds({
      code: 'BMV014',
      what: 'mutual TLS that expects no name',
      make: () =>
        cluster.edit(kinds.destinationRule, 'default', 'bigip', ({ spec }) => {
          spec['trafficPolicy'] = { tls: { mode: 'ISTIO_MUTUAL' } };
        }),
    });
    finds({
      code: 'BMV035',
      what: 'a slice whose port has another name',
      make: () =>
        cluster.edit(vetKinds.endpointSlices, 'default', 'bigip-1', (draft) => {
          draft['ports'] = [{ name: 'db', port: scenario.listen.port, protocol: 'TCP' }];
        }),
    });
  });

  describe('DestinationRules', () => {
    finds({
      code: 'BMV017',
      what: 'a rule of the callers that turns mutual TLS off',
      make: rule('trusted', { trafficPolicy: { tls: { mode: 'DISABLE' } } }),
    });
    finds({
      code: 'BMV018',
      what: 'a short host in another namespace',
      make: rule('trusted', { host: 'bigip', trafficPolicy: { tls: mutual } }),
    });
    finds({
      code: 'BMV019',
      what: 'a rule that callers do not see',
      make: rule('default', { exportTo: ['.'], trafficPolicy: { tls: mutual } }),
    });
    finds({
      code: 'BMV020',
      what: 'a subset without TLS settings',
      make: rule('default', {
        trafficPolicy: { tls: mutual },
        subsets: [
          { name: 'v1', labels: {}, trafficPolicy: { connectionPool: { tcp: { maxConnections: 1 } } } },
        ],
      }),
    });
    finds({
      code: 'BMV021',
      what: 'a credential name on a sidecar',
      make: rule('default', { trafficPolicy: { tls: { mode: 'MUTUAL', credentialName: 'device' } } }),
    });
    finds({
      code: 'BMV022',
      what: 'settings for a port that the service lacks',
      make: rule('default', {
        trafficPolicy: { tls: mutual, portLevelSettings: [{ port: { number: 1 }, tls: mutual }] },
      }),
    });
  });

  describe('the mesh and its policies', () => {
    finds({
      code: 'BMV023',
      what: 'a PeerAuthentication that turns mutual TLS off',
      make: () =>
        cluster.put(
          kinds.peerAuthentication,
          object(kinds.peerAuthentication, 'off', {
            metadata: { namespace: 'default' },
            spec: { mtls: { mode: 'DISABLE' } },
          }),
        ),
    });
    finds({
      code: 'BMV024',
      what: 'automatic mutual TLS that is off',
      make: () =>
        cluster.edit(
          kinds.configMap,
          'istio-system',
          'istio',
          ({ data }) => (data['mesh'] += 'enableAutoMtls: false\n'),
        ),
    });
    finds({
      code: 'BMV046',
      what: 'an AuthorizationPolicy that nobody enforces',
      level: 'warning',
      make: () =>
        cluster.put(
          kinds.authorizationPolicy,
          object(kinds.authorizationPolicy, 'callers', {
            metadata: { namespace: 'default' },
            spec: { selector: { matchLabels: endpointOf }, rules: [{}] },
          }),
        ),
    });
    finds({
      code: 'BMV050',
      what: 'that no NetworkPolicy limits egress',
      make: () => cluster.remove(vetKinds.networkPolicies, 'default', 'device-from-trusted-only'),
    });
    finds({
      code: 'BMV038',
      what: 'a namespace that trusts another root',
      make: async () => {
        const other = await MeshCa.create({ now: systemClock.now(), cluster: 'other' });
        return cluster.edit(
          kinds.configMap,
          'trusted',
          'istio-ca-root-cert',
          ({ data }) => (data['root-cert.pem'] = other.rootPem),
        );
      },
    });
    finds({
      code: 'BMV039',
      what: 'a device that lacks a root of the mesh',
      make: async () => {
        const other = await MeshCa.create({ now: systemClock.now(), cluster: 'next' });
        return cluster.all(
          ['istio-system', 'default', 'trusted'].map(
            (name) => () =>
              cluster.edit(
                kinds.configMap,
                name,
                'istio-ca-root-cert',
                ({ data }) => (data['root-cert.pem'] += other.rootPem),
              ),
          ),
        );
      },
    });
    finds({
      code: 'BMV042',
      what: 'a CA secret with the key of another certificate',
      make: async () => {
        const other = await meshCa.withNewIntermediate(systemClock.now());
        const key = other.cacertsData().reveal()['ca-key.pem']?.toString('base64') ?? '';
        return cluster.edit(
          kinds.secret,
          'istio-system',
          'cacerts',
          ({ data }) => (data['ca-key.pem'] = key),
        );
      },
    });
    finds({
      code: 'BMV045',
      what: 'a missing validation webhook',
      make: () => cluster.remove(vetKinds.validatingWebhooks, '', 'istio-validator-istio-system'),
    });
    finds({
      code: 'BMV049',
      what: 'revisions with different trust domains',
      make: () =>
        cluster.all([
          () => cluster.put(vetKinds.deployments, istiod('istiod-canary', 'canary')),
          () =>
            cluster.put(
              kinds.configMap,
              object(kinds.configMap, 'istio-canary', {
                metadata: { namespace: 'istio-system' },
                data: { mesh: 'trustDomain: canary.example\n' },
              }),
            ),
        ]),
    });
    finds({
      code: 'BMV043',
      what: 'a longer lifetime than istiod gives',
      config: (text) => text.replace('source: ca-secret\n  ttl: 24h', 'source: istiod\n  ttl: 48h'),
      make: () =>
        cluster.edit(vetKinds.deployments, 'istio-system', 'istiod', (draft) => {
          const changed = istiod('istiod', 'default', [{ name: 'MAX_WORKLOAD_CERT_TTL', value: '24h0m0s' }]);
          draft.spec = changed['spec'] as Record<string, unknown>;
        }),
    });
    finds({
      code: 'BMV052',
      what: 'a wrong cluster name',
      config: (text) => text.replace('source: ca-secret', 'source: istiod\n  istiod: {clusterId: elsewhere}'),
      make: nothing,
    });
  });

  describe('the callers', () => {
    const sleep = (change: (draft: Draft) => void) => () =>
      cluster.edit(kinds.pod, 'trusted', 'sleep', change);
    const withoutProxy = ({ spec }: Draft): void => {
      spec['containers'] = [{ name: 'app', image: 'app:1' }];
    };
    finds({ code: 'BMV025', what: 'a caller without a sidecar', make: sleep(withoutProxy) });
    finds({
      code: 'BMV026',
      what: 'a caller in ambient mode',
      make: () =>
        cluster.all([
          namespace(
            'trusted',
            ({ metadata }) => (metadata.labels = { 'istio.io/dataplane-mode': 'ambient' }),
          ),
          sleep(withoutProxy),
        ]),
    });
    finds({
      code: 'BMV027',
      what: 'a waypoint in front of the device',
      make: service(
        ({ metadata }) => (metadata.labels = { ...metadata.labels, 'istio.io/use-waypoint': 'waypoint' }),
      ),
    });
    finds({
      code: 'BMV028',
      what: 'a caller whose traffic goes past its sidecar',
      make: () =>
        sleep(
          ({ metadata }) =>
            (metadata.annotations = {
              'traffic.sidecar.istio.io/excludeOutboundPorts': String(scenario.listen.port),
            }),
        )(),
    });
    finds({
      code: 'BMV029',
      what: 'a Sidecar resource that hides the host',
      make: () =>
        cluster.put(
          vetKinds.sidecars,
          object(vetKinds.sidecars, 'default', {
            metadata: { namespace: 'trusted' },
            spec: { egress: [{ hosts: ['./*'] }] },
          }),
        ),
    });
  });

  describe('the certificate that is served', () => {
    finds({
      code: 'BMV015',
      what: 'a certificate of another name',
      make: async () => device.serve(await meshCa.mint('spiffe://cluster.local/ns/default/sa/another')),
    });
    finds({
      code: 'BMV040',
      what: 'a certificate that ends soon',
      make: async () => {
        const hour = 3_600_000;
        const times = { notBefore: new Date(Date.now() - 23 * hour), notAfter: new Date(Date.now() + hour) };
        return device.serve(await meshCa.mint('spiffe://cluster.local/ns/default/sa/bigip', times));
      },
    });
    finds({
      code: 'BMV041',
      what: 'a certificate of another trust domain',
      also: ['BMV015'],
      make: async () => device.serve(await meshCa.mint('spiffe://other.example/ns/default/sa/bigip')),
    });
  });

  describe('the device', () => {
    finds({
      code: 'BMV047',
      what: 'a caller on the device whom no allowlist names',
      make: async () => {
        const path = 'ltm/data-group/internal/~mesh~echo_allow';
        const before = await device.client.resources.get(`/mgmt/tm/${path}`);
        const records = (before?.['records'] ?? []) as object[];
        return device.modify(path, {
          records: [...records, { name: 'spiffe://cluster.local/ns/x/sa/y', data: 'allow' }],
        });
      },
    });
    finds({
      code: 'BMV048',
      what: 'a listener that asks for no certificate',
      also: ['BMV112'],
      make: profile({ peerCertMode: 'ignore' }),
    });
    finds({
      code: 'BMV104',
      what: 'login tokens that run out',
      make: async () => {
        const body = { username: deviceUser.name, password: deviceUser.password, loginProviderName: 'tmos' };
        const tokens: string[] = [];
        for (let count = 0; count < 60; count += 1) {
          const { json } = await device.client.request({
            method: 'POST',
            path: '/mgmt/shared/authn/login',
            body,
          });
          const { token } = (json?.['token'] ?? {}) as { token?: string };
          if (token !== undefined) tokens.push(token);
        }
        return async () => {
          for (const token of tokens) {
            await device.client.request({ method: 'DELETE', path: `/mgmt/shared/authz/tokens/${token}` });
          }
        };
      },
    });
    finds({ code: 'BMV106', what: 'a clock that is wrong', aheadMs: 600_000, make: nothing });
    finds({
      code: 'BMV109',
      what: 'a virtual server that is disabled',
      also: ['BMV034'],
      unknown: ['BMV015', 'BMV040', 'BMV041', 'BMV048'],
      make: async () => {
        await device.modify('ltm/virtual/~mesh~echo', { disabled: true });
        return () => device.modify('ltm/virtual/~mesh~echo', { enabled: true });
      },
    });
    finds({
      code: 'BMV110',
      what: 'a virtual server without the allowlist rule',
      make: () => device.modify('ltm/virtual/~mesh~echo', { rules: [] }),
    });
    finds({
      code: 'BMV111',
      what: 'another rule that sets the result of the verification',
      make: async () => {
        const text = 'when CLIENTSSL_CLIENTCERT { SSL::verify_result 0 }\n';
        const made = await device.create('ltm/rule', {
          name: 'helpful',
          partition: 'mesh',
          apiAnonymous: text,
        });
        const named = await device.modify('ltm/virtual/~mesh~echo', {
          rules: ['/mesh/spiffe_allowlist', '/mesh/helpful'],
        });
        return async () => {
          await named();
          await made();
        };
      },
    });
    finds({
      code: 'BMV112',
      what: 'a profile that asks once a session',
      make: profile({ authenticate: 'once' }),
    });
    finds({
      code: 'BMV113',
      what: 'a profile that lets failed certificates past',
      make: profile({ bypassOnClientCertFail: 'enabled' }),
    });
    finds({ code: 'BMV114', what: 'a profile that resumes sessions', make: profile({ cacheSize: 1000 }) });
    finds({
      code: 'BMV115',
      what: 'a profile that renegotiates',
      make: profile({ renegotiation: 'enabled' }),
    });
    finds({
      code: 'BMV116',
      what: 'a profile with TLS 1.3',
      make: profile({ tmOptions: ['dont-insert-empty-fragments', 'no-tlsv1', 'no-tlsv1.1'] }),
    });
  });

  describe('in the end', () => {
    it('finds nothing again once everything is mended', isHealthy);

    it('has broken something for every code, but for those that need facts or another user', () => {
      const others = [...byFactsAlone, 'BMV044'];
      assert.deepEqual(
        checks.map(({ code }) => code).filter((code) => !found.has(code)),
        others.toSorted(),
      );
    });
  });
});
