import { strict as assert } from 'node:assert';
import { namedCallers } from '../../../src/vet/callers.js';
import { configLines } from '../../../src/vet/config-lines.js';
import { need, unknown, UnknownFact } from '../../../src/vet/datum.js';
import { deviceDefects, isAtLeast } from '../../../src/vet/device-versions.js';
import { parseGoDuration } from '../../../src/vet/go-duration.js';
import { parseVettedMeshConfig } from '../../../src/vet/mesh-config.js';
import { canonicalIp } from '../../../src/vet/addresses.js';
import { checks } from '../../../src/vet/registry.js';
import { renderSarif } from '../../../src/vet/sarif.js';

describe('what vet reads', () => {
  it('is never taken for absent when it is not known', () => {
    const datum = unknown({ reason: 'forbidden', needs: 'list pods' });
    assert.throws(
      () => need(datum),
      (error) => error instanceof UnknownFact && error.gap.needs === 'list pods',
    );
    assert.equal(need({ state: 'absent' }), undefined);
  });

  for (const [version, wanted, expected] of [
    ['16.1.3.3', '13.1', true],
    ['13.1', '13.1', true],
    ['13.0.9', '13.1', false],
    ['9.9', '13.1', false],
    ['17.1.2', '17.1.2.1', false],
  ] as const) {
    it(`takes release ${version} for ${expected ? '' : 'no '}${wanted} or later`, () =>
      assert.equal(isAtLeast(version, wanted), expected));
  }

  it('knows defects by release', () => {
    assert.deepEqual(deviceDefects('16.1.3.3'), []);
    assert.match(deviceDefects('17.1.2.1').join(), /1787517/);
    assert.deepEqual(deviceDefects('17.1.3'), []);
    assert.match(deviceDefects('13.1.5.1').join(), /2 kB.*607410/);
  });

  it('reads durations as Istio writes them', () => {
    assert.equal(parseGoDuration('2160h0m0s'), 2160 * 3_600_000);
    assert.equal(parseGoDuration('1.5h'), 5_400_000);
    assert.equal(parseGoDuration('90d'), undefined);
    assert.equal(parseGoDuration(undefined), undefined);
  });

  it('fills in the defaults of a mesh, and keeps what is written', () => {
    const empty = parseVettedMeshConfig('');
    assert.ok(empty.ok && empty.value.enableAutoMtls && empty.value.outboundTrafficPolicy === 'ALLOW_ANY');
    const text = [
      'trustDomain: a.example',
      'trustDomainAliases: [b.example]',
      'enableAutoMtls: false',
      'outboundTrafficPolicy: {mode: REGISTRY_ONLY}',
      'defaultConfig: {proxyMetadata: {ISTIO_META_DNS_CAPTURE: "true"}}',
      'caCertificates: [{pem: X}]',
    ].join('\n');
    assert.deepEqual(parseVettedMeshConfig(text), {
      ok: true,
      value: {
        trustDomain: 'a.example',
        trustDomainAliases: ['b.example'],
        rootNamespace: 'istio-system',
        enableAutoMtls: false,
        outboundTrafficPolicy: 'REGISTRY_ONLY',
        dnsCapture: true,
        extraRoots: ['X'],
      },
    });
    assert.deepEqual(parseVettedMeshConfig('a: [1'), { ok: false, reason: 'line 1 is not YAML' });
    assert.deepEqual(parseVettedMeshConfig('- a list').ok, true);
    assert.deepEqual(parseVettedMeshConfig('a: *nobody').ok, false);
  });

  it('finds the callers that an allowlist names in this mesh', () => {
    const entries = [
      'spiffe://cluster.local/ns/trusted/sa/sleep',
      'spiffe://cluster.local/ns/batch/sa/*',
      'spiffe://elsewhere/ns/x/sa/y',
      'spiffe://cluster.local/ns/*',
    ];
    assert.deepEqual(namedCallers(entries, ['cluster.local']), {
      accounts: [
        { namespace: 'trusted', serviceAccount: 'sleep' },
        { namespace: 'batch', serviceAccount: '*' },
      ],
      everybody: true,
    });
    assert.equal(namedCallers(entries.slice(0, 3), ['cluster.local']).everybody, false);
  });

  it('compares addresses whatever their spelling', () => {
    assert.equal(canonicalIp('2001:DB8:0::1'), canonicalIp('2001:db8::1'));
    assert.equal(canonicalIp('10.0.0.1'), '10.0.0.1');
  });

  it('finds the lines of services and devices in a config file', () => {
    const text = 'devices:\n  - name: edge\nservices:\n  # first\n  - name: echo\n  - {name: other}\n';
    const { services, devices } = configLines(text);
    assert.deepEqual([...devices], [['edge', 2]]);
    assert.deepEqual(
      [...services],
      [
        ['echo', 5],
        ['other', 6],
      ],
    );
  });
});

describe('SARIF', () => {
  const lines = configLines('devices:\n  - name: edge\nservices:\n  - name: echo\n');
  const report = {
    findings: [
      { code: 'BMV001', level: 'error', object: 'WorkloadEntry a/b', seen: 'it is so', service: 'echo' },
      { code: 'BMV050', level: 'info', object: 'NetworkPolicies', seen: 'none' },
    ],
    unknown: [{ code: 'BMV101', gap: { reason: 'forbidden', needs: 'a role' }, device: 'edge' }],
    fine: [],
  } as const;
  interface Result {
    readonly ruleId: string;
    readonly kind: string;
    readonly level: string;
    readonly message: { readonly text: string };
    readonly locations: ReadonlyArray<{
      readonly physicalLocation: {
        readonly artifactLocation: { readonly uri: string };
        readonly region: { readonly startLine: number };
      };
    }>;
  }
  const sarif = renderSarif(report, { checks, version: '1.2.3', configFile: 'a b.yaml', lines }) as {
    readonly $schema: string;
    readonly version: string;
    readonly runs: ReadonlyArray<{
      readonly tool: { readonly driver: { readonly name: string; readonly rules: readonly object[] } };
      readonly results: readonly Result[];
    }>;
  };

  it('has what its schema demands of a log, a run and a rule', () => {
    assert.equal(sarif.version, '2.1.0');
    assert.match(sarif.$schema, /sarif-2\.1\.0\.json$/);
    const [run] = sarif.runs;
    assert.ok(run !== undefined);
    assert.equal(run.tool.driver.rules.length, checks.length);
    for (const rule of run.tool.driver.rules as ReadonlyArray<
      Record<string, { text?: string }> & { name: string }
    >) {
      for (const member of ['shortDescription', 'fullDescription', 'help']) {
        assert.ok((rule[member]?.text ?? '') !== '', member);
      }
      assert.match(rule.name, /^[A-Z][A-Za-z0-9]+$/);
    }
  });

  it('gives what is unknown as a review, so that it is not taken for fine', () => {
    const results = sarif.runs[0]?.results ?? [];
    assert.deepEqual(
      results.map(({ ruleId, kind, level }) => [ruleId, kind, level]),
      [
        ['BMV001', 'fail', 'error'],
        ['BMV050', 'informational', 'none'],
        ['BMV101', 'review', 'none'],
      ],
    );
    assert.equal(results[2]?.message.text, 'unknown: forbidden; needs: a role');
  });

  it('points at the line of the config file, by a URI', () => {
    const places = (sarif.runs[0]?.results ?? []).map(({ locations }) => locations[0]?.physicalLocation);
    assert.deepEqual(
      places.map((place) => [place?.artifactLocation.uri, place?.region.startLine]),
      [
        ['a%20b.yaml', 4],
        ['a%20b.yaml', 1],
        ['a%20b.yaml', 2],
      ],
    );
  });
});
