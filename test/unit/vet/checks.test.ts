import { strict as assert } from 'node:assert';
import { known, unknown } from '../../../src/vet/datum.js';
import type { Datum } from '../../../src/vet/datum.js';
import type { DeviceFacts, Facts, ListedKind, ServerFlight } from '../../../src/vet/facts.js';
import { listedKinds } from '../../../src/vet/facts.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { unknownCluster } from '../../../src/vet/read/read-cluster.js';
import { unknownDevice } from '../../../src/vet/read/read-device.js';
import { checks } from '../../../src/vet/registry.js';
import { runChecks } from '../../../src/vet/run-checks.js';
import { asPair, healthyFacts, withCluster, withDevice, withService } from './healthy-facts.js';
import { istiod, object, pod } from './healthy-mesh.js';
import { renderVetPage } from './vet-page.js';
import { vetKinds } from '../../../src/vet/read/vet-kinds.js';
import { kinds } from '../../../src/kube/kinds.js';

describe('the checks of vet, by facts', () => {
  let healthy: Facts;
  before(async () => (healthy = await healthyFacts()));

  const told = (facts: Facts): string[] =>
    runChecks(checks, facts).findings.map(({ code, level, seen }) => `${level} ${code}: ${seen}`);
  const listOf = (kind: ListedKind): readonly KubeObject[] => {
    const datum: Datum<readonly KubeObject[]> = healthy.cluster[kind];
    return datum.state === 'known' ? datum.value : [];
  };
  const plus = (kind: ListedKind, ...more: readonly KubeObject[]): Facts =>
    withCluster(healthy, { [kind]: known([...listOf(kind), ...more]) });

  it('find nothing in a healthy set-up', () => {
    const { findings, unknown: lost, fine } = runChecks(checks, healthy);
    assert.deepEqual({ findings, lost }, { findings: [], lost: [] });
    assert.equal(fine.length, checks.length);
  });

  describe('the registry', () => {
    it('has each code once, in order, and all that a page and a person need', () => {
      const codes = checks.map(({ code }) => code);
      assert.deepEqual(codes, [...new Set(codes)].toSorted());
      for (const { code, title, why, mend } of checks) {
        assert.match(code, /^BMV\d{3}$/);
        assert.match(title, /^\S.*[^.]$/);
        for (const text of [why, mend]) assert.match(text, /^\S.{20,}\.$/, code);
      }
    });

    it('has a section of the page for each code', () => {
      const page = renderVetPage();
      for (const { code, why, mend } of checks) {
        const section = page.slice(page.indexOf(`\n## ${code}\n`)).split('\n## ')[1] ?? '';
        assert.ok(section.startsWith(code) && section.includes(why) && section.includes(mend), code);
      }
    });

    it('has the 52 checks of the mesh and 16 of the device', () => {
      const numbers = checks.map(({ code }) => Number(code.slice(3)));
      const range = (from: number, to: number) =>
        Array.from({ length: to - from + 1 }, (_, index) => from + index);
      assert.deepEqual(numbers, [...range(1, 52), ...range(101, 116)]);
    });
  });

  describe('when nothing is known', () => {
    it('are fine only where the config file leaves nothing to look at', () => {
      const gap = { reason: 'nobody answers' };
      const blind: Facts = {
        ...healthy,
        cluster: unknownCluster(healthy.config, gap).cluster,
        devices: new Map([['edge', unknownDevice(gap)]]),
        services: new Map([['echo', { allowlist: unknown(gap), listener: unknown(gap) }]]),
      };
      const { findings, fine, unknown: lost } = runChecks(checks, blind);
      assert.deepEqual(findings, []);
      // Lifetime and cluster name matter to source istiod alone, failover to two urls.
      assert.deepEqual(fine, ['BMV043', 'BMV052', 'BMV108']);
      assert.equal(lost.length, checks.length - fine.length);
    });

    for (const kind of listedKinds) {
      it(`find nothing because ${kind} are not known, and someone says unknown`, () => {
        const needs = `list ${kind}`;
        const facts = withCluster(healthy, {
          [kind]: unknown({ reason: 'forbidden', needs }),
        });
        const { findings, unknown: lost } = runChecks(checks, facts);
        assert.deepEqual(findings, []);
        // Pods tell of istiod as well; definitions are seen by what the API serves.
        const isNeeded = kind !== 'customResourceDefinitions' && kind !== 'deployments';
        if (isNeeded) assert.ok(lost.some(({ gap }) => gap.needs === needs));
      });
    }
  });

  it('are unknown, and say that they failed, when they throw', () => {
    const [first] = checks;
    assert.ok(first !== undefined);
    const broken = {
      ...first,
      about: 'mesh' as const,
      look: () => {
        throw new TypeError('a bug');
      },
    };
    const { unknown: lost, fine } = runChecks([broken], healthy);
    assert.deepEqual(fine, []);
    assert.match(lost[0]?.gap.reason ?? '', /the check itself failed \(TypeError\)/);
  });

  it('say nothing in control characters, whatever an object holds', () => {
    const entries = listOf('workloadEntries').map((entry) => ({
      ...entry,
      status: { conditions: [{ type: 'Healthy', status: 'False', message: 'red\u001b[31m\nalert' }] },
    }));
    assert.deepEqual(told(withCluster(healthy, { workloadEntries: known(entries) })), [
      'error BMV033: Healthy is "False" (red [31m alert)',
    ]);
  });

  const deviceCases: ReadonlyArray<readonly [what: string, changed: Partial<DeviceFacts>, expected: string]> =
    [
      ['a release that is too old', { version: known('12.1.6') }, 'error BMV101: it runs 12.1.6'],
      [
        'the release that keeps dead tokens',
        { version: known('17.1.2.1') },
        'info BMV102: 17.1.2.1: dead login tokens are kept until restjavad restarts (F5 ID 1787517): tools that log in often lock themselves out',
      ],
      [
        'a Manager of one partition',
        { user: known({ name: 'mesh', access: [{ partition: 'mesh', role: 'manager' }] }) },
        'error BMV103: it has manager on mesh',
      ],
      [
        'an administrator of one partition',
        { user: known({ name: 'mesh', access: [{ partition: 'mesh', role: 'admin' }] }) },
        'error BMV103: it has admin on mesh',
      ],
      [
        'an auditor',
        { user: known({ name: 'mesh', access: [{ partition: 'all-partitions', role: 'auditor' }] }) },
        'info BMV103: it has auditor on all-partitions: enough for vet, not for apply',
      ],
      [
        'many tokens',
        { tokens: known({ count: 60 }) },
        'warning BMV104: the user holds 60 of 100 login tokens',
      ],
      [
        'a clock that is behind',
        { clockAheadMs: known(-130_000) },
        'error BMV106: its clock is 130 s behind the one here',
      ],
      [
        'a licence that is missing',
        { notReady: known(['licenseReady no']) },
        'error BMV107: licenseReady no',
      ],
    ];
  describe('of the device', () => {
    for (const [what, changed, expected] of deviceCases) {
      it(`find ${what}`, () =>
        assert.ok(
          told(withDevice(healthy, changed)).includes(expected),
          String(told(withDevice(healthy, changed))),
        ));
    }

    it('find one url for a unit of a pair, and a pair that is out of sync', () => {
      const sync = known({ status: 'Changes Pending', mode: 'high-availability', summary: 'sync it' });
      assert.deepEqual(told(withDevice(healthy, { sync })), [
        'error BMV105: Changes Pending: sync it',
        'warning BMV105: it is a unit of a pair, and only one url is configured',
      ]);
    });

    it('find nothing in a pair that is in sync and has one active unit', () => {
      const sync = known({ status: 'In Sync', mode: 'high-availability', summary: '' });
      const failover = known(['STANDBY', 'ACTIVE']);
      assert.deepEqual(told(asPair(withDevice(healthy, { sync, failover }))), []);
    });

    for (const states of [
      ['STANDBY', 'STANDBY'],
      ['ACTIVE', 'ACTIVE'],
    ]) {
      it(`find a pair that is ${states.join(' and ')}`, () => {
        const sync = known({ status: 'In Sync', mode: 'high-availability', summary: '' });
        const facts = asPair(withDevice(healthy, { sync, failover: known(states) }));
        assert.deepEqual(told(facts), [`error BMV108: its units say ${states.join(', ')}`]);
      });
    }

    it('say unknown of a user that the device does not keep', () => {
      const { unknown: lost } = runChecks(checks, withDevice(healthy, { user: { state: 'absent' } }));
      assert.deepEqual(
        lost.map(({ code }) => code),
        ['BMV103'],
      );
    });

    const rules: ReadonlyArray<readonly [text: string, expected: string | undefined]> = [
      [
        'when CLIENTSSL_HANDSHAKE { SSL::verify_result 0 }',
        'it sets SSL::verify_result to 0 in CLIENTSSL_HANDSHAKE',
      ],
      ['when CLIENTSSL_CLIENTCERT { if { [SSL::verify_result] != 0 } { reject } }', undefined],
      ['when CLIENTSSL_CLIENTCERT { # SSL::verify_result 0\n }', undefined],
      ['when CLIENT_ACCEPTED { SSL::disable }', 'it turns TLS off (SSL::disable) in CLIENT_ACCEPTED'],
      [
        'when CLIENT_ACCEPTED { SSL::profile /Common/clientssl }',
        'it puts another profile in place of the one of the agent (SSL::profile) in CLIENT_ACCEPTED',
      ],
      [
        'when CLIENT_ACCEPTED { event CLIENTSSL_CLIENTCERT disable }',
        'it disables events in CLIENT_ACCEPTED',
      ],
      ['when CLIENT_ACCEPTED { log local0. [virtual name] }', undefined],
    ];
    for (const [text, expected] of rules) {
      it(`${expected === undefined ? 'pass over' : 'find'} another rule: ${text.split('\n')[0] ?? ''}`, () => {
        const edge = healthy.devices.get('edge');
        assert.ok(edge?.virtuals.state === 'known');
        const path = '/Common/other';
        const virtuals = edge.virtuals.value.map((virtual) => ({
          ...virtual,
          rules: ['/mesh/spiffe_allowlist', path],
        }));
        const facts = withDevice(healthy, {
          virtuals: known(virtuals),
          rules: new Map([...edge.rules, [path, known({ apiAnonymous: text })]]),
        });
        assert.deepEqual(told(facts), expected === undefined ? [] : [`error BMV111: ${expected}`]);
      });
    }
  });

  describe('of the listener', () => {
    const seen = (changed: Partial<ServerFlight>): string[] => {
      const echo = healthy.services.get('echo');
      assert.ok(echo?.listener.state === 'known' && echo.listener.value.flight !== undefined);
      const flight = { ...echo.listener.value.flight, ...changed };
      return told(withService(healthy, { listener: known({ ...echo.listener.value, flight }) }));
    };
    it('find the ALPN name of the metadata exchange', () =>
      assert.deepEqual(seen({ alpn: 'istio-peer-exchange' }), [
        'error BMV048: it picks the ALPN name istio-peer-exchange',
      ]));
    it('take the ALPN name istio', () => assert.deepEqual(seen({ alpn: 'istio' }), []));
    it('find a listener that asks nobody for a certificate', () =>
      assert.deepEqual(seen({ requestsCertificate: false }), [
        'error BMV048: it asks for no client certificate',
      ]));
    it('find a listener that refuses the ALPN names of sidecars', () => {
      assert.ok(
        seen({ certificates: [], alert: 120 }).includes(
          'error BMV048: it refuses the ALPN names of a sidecar',
        ),
      );
    });

    it('do not judge a listener that speaks TLS 1.3 alone', () => {
      const echo = healthy.services.get('echo');
      assert.ok(echo?.listener.state === 'known' && echo.listener.value.flight !== undefined);
      const flight = {
        ...echo.listener.value.flight,
        certificates: [],
        requestsCertificate: false,
        alert: 70,
      };
      const facts = withService(healthy, {
        listener: known({ ...echo.listener.value, flight, flightWithoutName: flight }),
      });
      const { findings, unknown: lost } = runChecks(checks, facts);
      assert.deepEqual(findings, []);
      assert.deepEqual(
        lost.map(({ code }) => code),
        ['BMV015', 'BMV040', 'BMV041', 'BMV048'],
      );
    });

    it('find plaintext, old versions and a demand for SNI', () => {
      const echo = healthy.services.get('echo');
      assert.ok(echo?.listener.state === 'known');
      const listener = known({
        ...echo.listener.value,
        oldestVersion: 'TLSv1.1',
        plaintextAnswer: '"HI"',
        flightWithoutName: undefined,
      });
      assert.deepEqual(told(withService(healthy, { listener })), [
        'error BMV048: it answers in plain TCP: "HI"',
        'error BMV048: it demands a server name (SNI)',
        'warning BMV048: it offers TLSv1.1',
      ]);
    });

    it('find a chain that lacks its intermediate', () => {
      const echo = healthy.services.get('echo');
      assert.ok(echo?.listener.state === 'known' && echo.listener.value.flight !== undefined);
      const [leaf] = echo.listener.value.flight.certificates;
      assert.ok(leaf !== undefined);
      assert.match(
        seen({ certificates: [leaf] }).join(),
        /^error BMV040: it leads to no root of the mesh: .*signed by nobody/,
      );
    });
  });

  describe('of the mesh', () => {
    it('take an AuthorizationPolicy more seriously where there is no allowlist either', () => {
      const spec = { selector: { matchLabels: { 'bigip-mesh.io/endpoint-of': 'bigip' } }, rules: [{}] };
      const policy = object(kinds.authorizationPolicy, 'callers', {
        metadata: { namespace: 'default' },
        spec,
      });
      const nobody = { allow: [], deny: [], mode: 'enforce' } as const;
      const facts = withService(plus('authorizationPolicies', policy), {
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
      assert.deepEqual(told(plus('authorizationPolicies', policy)), []);
    });

    it('pass over a DestinationRule of the callers that says nothing of TLS', () => {
      const rule = object(kinds.destinationRule, 'limits', {
        metadata: { namespace: 'trusted' },
        spec: { host: 'bigip.default.svc.cluster.local', trafficPolicy: { connectionPool: {} } },
      });
      assert.deepEqual(told(plus('destinationRules', rule)), []);
    });

    it('find a mesh-wide DestinationRule without mutual TLS', () => {
      const rule = object(kinds.destinationRule, 'default', {
        metadata: { namespace: 'istio-system' },
        spec: { host: '*.local', trafficPolicy: { tls: { mode: 'DISABLE' } } },
      });
      assert.deepEqual(told(plus('destinationRules', rule)), [
        'error BMV017: its TLS mode is DISABLE for callers in namespace trusted',
      ]);
    });

    it('let the more specific rule of a namespace win', () => {
      const spec = (host: string, mode: string) => ({
        metadata: { namespace: 'trusted' },
        spec: { host, trafficPolicy: { tls: { mode } } },
      });
      const facts = plus(
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
        told(withCluster(plus('destinationRules', rule), { deployments: known([newer]) })),
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
        told(plus('pods', { ...bypassing, metadata: { ...bypassing.metadata, name: 'sleep-2' } })),
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
      assert.deepEqual(told(plus('pods', native)), []);
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
        told(plus('peerAuthentications', policy)).join(),
        /^error BMV023: mode DISABLE on port 9000/,
      );
    });

    it("let the namespace's PeerAuthentication win over the mesh's", () => {
      const policy = (namespace: string, mode: string) =>
        object(kinds.peerAuthentication, 'default', { metadata: { namespace }, spec: { mtls: { mode } } });
      assert.deepEqual(
        told(plus('peerAuthentications', policy('istio-system', 'DISABLE'), policy('default', 'PERMISSIVE'))),
        [],
      );
    });

    it('find Endpoints that are kept from becoming a slice, and a slice without its Service', () => {
      const service = listOf('services').map((found) => ({
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
            containers: [
              { name: 'istio-csr', image: 'quay.io/jetstack/cert-manager-istio-csr:v0.17.0', args },
            ],
          },
        });
      const facts = (args: readonly string[]): Facts => ({
        ...plus('pods', csr(args)),
        config: { ...healthy.config, identity },
      });
      assert.deepEqual(told(facts([])), ['warning BMV043: it gives 1 h at most, identity.ttl is 24 h']);
      assert.deepEqual(told(facts(['--max-client-certificate-duration=48h'])), []);
      assert.deepEqual(told(facts(['--max-client-certificate-duration', '2h'])), [
        'warning BMV043: it gives 2 h at most, identity.ttl is 24 h',
      ]);
    });

    it('find one address in two endpoints', () => {
      const twins = listOf('workloadEntries').map((entry) => ({
        ...entry,
        metadata: { ...entry.metadata, name: 'twin' },
      }));
      assert.match(
        told(plus('workloadEntries', ...twins)).join(),
        /^error BMV034: 192\.0\.2\.10 stands in WorkloadEntry default\/bigip-192\.0\.2\.10, too$/,
      );
    });

    it('find two revisions that agree worth an info, and two definitions without v1 a warning', () => {
      const canary = istiod('istiod-canary', 'canary');
      assert.deepEqual(told(plus('deployments', canary)), ['info BMV049: 2 revisions run: canary, default']);
      const old = object(kinds.customResourceDefinition, 'workloadentries.networking.istio.io', {
        spec: { versions: [{ name: 'v1beta1', served: true }] },
      });
      assert.deepEqual(told(withCluster(healthy, { customResourceDefinitions: known([old]) })), [
        'warning BMV045: it does not serve version v1',
      ]);
    });
  });
});
