import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parse, stringify } from 'yaml';
import type { KubeObject } from '../../../src/kube/object.js';
import { isFields } from '../../../src/mesh/validation/structural-schema.js';
import { bigipMesh } from '../../support/command.js';
import { objectsOf, schemaProblems } from '../../support/published-schema.js';
import { repositoryRoot } from '../../support/shared-data.js';
import { skipBecause } from '../../support/skip.js';

const helm = process.env['HELM'] ?? 'helm';
const chart = join(repositoryRoot, 'deploy/chart');
const manifests = join(repositoryRoot, 'deploy/manifests');
const read = (file: string): string => readFileSync(file, 'utf8');

/** Every object's faults, with the object they are in. */
async function problemsOf(objects: readonly KubeObject[]): Promise<string[]> {
  const problems: string[] = [];
  for (const object of objects) {
    for (const problem of await schemaProblems(object)) {
      problems.push(`${object.kind} ${object.metadata?.name}: ${problem}`);
    }
  }
  return problems;
}

const kindsOf = (objects: readonly KubeObject[]): string[] =>
  [...new Set(objects.map(({ kind }) => kind))].toSorted();

const edge = {
  name: 'edge',
  urls: ['https://192.0.2.10', 'https://192.0.2.11:8443'],
  credentials: { secretRef: { namespace: 'mesh-edge', name: 'bigip-edge' } },
  tls: { caFile: '/etc/bigip-mesh/edge-ca.pem' },
};
const service = (name: string, namespace: string, registration: string, changes: object = {}): object => ({
  name,
  device: 'edge',
  identity: { namespace, serviceAccount: `${name}-edge` },
  host: registration === 'service-entry' ? `${name}.example.com` : `${name}.${namespace}.svc.cluster.local`,
  listen: { address: '198.51.100.20', port: 9000 + name.length },
  backends: ['10.1.20.5:9000'],
  allowlist: {
    selector: { matchLabels: { 'bigip-mesh.io/allowlist': name } },
    fromAuthorizationPolicies: true,
  },
  registration,
  ...changes,
});
/** Every form of registration, in two namespaces. */
const services = [
  service('echo', 'default', 'workload-entry', { protocol: 'tcp' }),
  service('greeter', 'default', 'endpoint-slice'),
  service('ledger', 'data', 'service-entry'),
  service('internal', 'data', 'none'),
];
const config = (changes: object = {}): object => ({
  apiVersion: 'bigip-mesh.io/v1',
  kind: 'AgentConfig',
  mesh: { trustDomain: 'cluster.local' },
  devices: [edge],
  services,
  ...changes,
});

/** Values of the chart; each of its optional parts is on in one of them and off in another. */
const valueSets: Readonly<Record<string, object>> = {
  'the default values': {},
  'the values of deploy/manifests': parse(read(join(manifests, 'values.yaml'))) as object,
  'every optional part': {
    config: config(),
    files: { 'edge-ca.pem': 'a certificate\nof several lines\n', 'roots.pem': 'another' },
    image: { repository: 'registry.example.com/agent', tag: '1.10', digest: `sha256:${'0'.repeat(64)}` },
    imagePullSecrets: [{ name: 'registry' }],
    replicas: 3,
    http: '[::]:8080',
    serviceAccount: { name: 'agent', annotations: { 'example.com/role': 'edge' } },
    extraVolumes: [
      { name: 'svid', csi: { driver: 'csi.spiffe.io', readOnly: true } },
      {
        name: 'token',
        projected: {
          sources: [
            { serviceAccountToken: { audience: 'istio-ca', expirationSeconds: 3600, path: 'token' } },
          ],
        },
      },
    ],
    extraVolumeMounts: [
      { name: 'svid', mountPath: '/run/spiffe', readOnly: true },
      { name: 'token', mountPath: '/run/token' },
    ],
    resources: { requests: { cpu: 1, memory: '256Mi' }, limits: { memory: '1Gi', cpu: '1.5' } },
    podAnnotations: { 'example.com/scrape': 'true' },
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'edge', operator: 'Exists', effect: 'NoSchedule', tolerationSeconds: 60 }],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['edge'] }] }],
        },
      },
    },
    priorityClassName: 'system-cluster-critical',
    networkPolicy: {
      metricsFrom: [
        { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } },
        { podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['prometheus'] }] } },
        { ipBlock: { cidr: '192.0.2.0/24', except: ['192.0.2.128/25'] } },
      ],
    },
    podMonitor: { enabled: true, interval: '1m30s', labels: { release: 'prometheus' } },
    prometheusRule: { enabled: true, labels: { release: 'prometheus' } },
    dashboard: { enabled: true, labels: { grafana_dashboard: 'agent' } },
  },
  'no optional part': {
    config: config(),
    image: { pullPolicy: 'Always' },
    logLevel: 'debug',
    podDisruptionBudget: { enabled: false },
    networkPolicy: { enabled: false },
  },
  'a network policy for less': {
    config: config({ identity: { source: 'ca-secret' } }),
    networkPolicy: { egress: { dns: false, kubernetesPorts: [6443], caPort: 15010 } },
  },
  'no service': { config: config({ services: [] }) },
  'identities from Secrets': {
    config: config({ identity: { source: 'secret', secret: { name: '{serviceAccount}-svid' } } }),
  },
  'identities from files, one account': {
    config: config({
      identity: { source: 'files', files: { certificate: '/svid/tls.crt', key: '/svid/tls.key' } },
      services: services.slice(0, 1),
    }),
  },
};

/** The values that no set of values has another than by default; a list and an empty map are values as a whole. */
function untried(byDefault: unknown, sets: readonly unknown[], path: readonly string[] = []): string[] {
  if (isFields(byDefault) && Object.keys(byDefault).length > 0) {
    return Object.entries(byDefault).flatMap(([key, value]) => {
      const own = sets.flatMap((set) => (isFields(set) && Object.hasOwn(set, key) ? [set[key]] : []));
      return untried(value, own, [...path, key]);
    });
  }
  return sets.some((own) => !isDeepStrictEqual(own, byDefault)) ? [] : [path.join('.')];
}

async function rendered(text: string): Promise<KubeObject[]> {
  const folder = await mkdtemp(join(tmpdir(), 'render-'));
  try {
    const file = join(folder, 'config.yaml');
    await writeFile(file, text);
    const { exitCode, stdout, stderr } = await bigipMesh(['render', '--file', file]);
    assert.equal(exitCode, 0, stderr);
    return objectsOf(stdout);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const shipped = readdirSync(manifests)
  .filter((file) => file.endsWith('.yaml') && file !== 'values.yaml')
  .map((file) => [file, objectsOf(read(join(manifests, file)))] as const);
describe('by the published schemas of their kinds', function () {
  this.timeout(20_000);

  for (const [file, objects] of shipped) {
    it(`every object is valid: deploy/manifests/${file}`, async () => {
      assert.ok(objects.length > 0);
      assert.deepEqual(await problemsOf(objects), []);
    });
  }

  it('every object that bigip-mesh render prints is valid, in each form of registration', async () => {
    const objects = await rendered(stringify(config()));
    assert.deepEqual(await problemsOf(objects), []);
    assert.deepEqual(kindsOf(objects), [
      'ClusterRole',
      'ClusterRoleBinding',
      'DestinationRule',
      'EndpointSlice',
      'Role',
      'RoleBinding',
      'Service',
      'ServiceAccount',
      'ServiceEntry',
      'WorkloadEntry',
    ]);
  });

  it('what bigip-mesh render prints stays text where names read like booleans', async () => {
    const objects = await rendered(stringify(config()).replaceAll('default', 'on'));
    assert.deepEqual(await problemsOf(objects), []);
    assert.ok(objects.some(({ metadata }) => metadata.namespace === 'on'));
  });

  describe('every object that helm template prints is valid', () => {
    const rendered: KubeObject[] = [];

    before(function () {
      if (spawnSync(helm, ['version', '--short']).status !== 0) {
        skipBecause(
          this,
          'helm is not there (HELM names its program): what the chart renders is not validated',
        );
      }
    });

    function template(values: object, release = 'bigip-mesh', namespace = 'mesh-edge'): KubeObject[] {
      const args = ['template', release, chart, '--namespace', namespace, '--kube-version', '1.30'];
      const { status, stdout, stderr } = spawnSync(helm, [...args, '--values', '-'], {
        encoding: 'utf8',
        input: stringify(values, { version: '1.1' }),
      });
      assert.equal(status, 0, stderr);
      return objectsOf(stdout);
    }

    for (const [name, values] of Object.entries(valueSets)) {
      it(`with ${name}`, async () => {
        const objects = template(values);
        rendered.push(...objects);
        assert.deepEqual(await problemsOf(objects), []);
      });
    }

    it('with names that a reader of YAML takes for a number, a boolean or nothing', async () => {
      const values = {
        ...valueSets['every optional part'],
        files: { '1': 'a', no: 'b' },
        serviceAccount: { name: 'true' },
        priorityClassName: 'null',
        config: config({ services: [service('ledger', '0', 'workload-entry')] }),
      };
      const objects = template(values, '123', 'on');
      assert.deepEqual(await problemsOf(objects), []);
      const files = objects.find(({ metadata }) => metadata.name === '123-config')?.['data'];
      assert.deepEqual(Object.keys(files ?? {}), ['1', 'config.yaml', 'no']);
    });

    it('and they are of every kind that the chart has', () => {
      const templates = readdirSync(join(chart, 'templates')).map((file) =>
        read(join(chart, 'templates', file)),
      );
      const kinds = [...templates.join('\n').matchAll(/^kind: (\w+)$/gm)].map(([, kind = '']) => kind);
      assert.deepEqual(kindsOf(rendered), [...new Set(kinds)].toSorted());
    });
  });

  it('every value of the chart is another than its default in one of those', () => {
    const defaults: unknown = parse(read(join(chart, 'values.yaml')));
    assert.deepEqual(untried(defaults, Object.values(valueSets)), ['config.apiVersion', 'config.kind']);
  });
});
