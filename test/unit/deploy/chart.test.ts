import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { parseConfig } from '../../../src/config/load-config.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { agentPermissions } from '../../../src/render/agent-permissions.js';
import { renderRbac } from '../../../src/render/rbac.js';
import { repositoryRoot } from '../../support/shared-data.js';
import { skipBecause } from '../../support/skip.js';

const helm = process.env['HELM'] ?? 'helm';
const chart = join(repositoryRoot, 'deploy/chart');
const manifests = join(repositoryRoot, 'deploy/manifests');

const device = {
  name: 'edge',
  urls: ['https://192.0.2.10', 'https://192.0.2.11:8443'],
  credentials: { secretRef: { namespace: 'mesh-edge', name: 'bigip-edge' } },
  tls: { caFile: '/etc/bigip-mesh/edge-ca.pem' },
};
const fileDevice = {
  ...device,
  name: 'second',
  urls: ['https://192.0.2.20'],
  credentials: { files: { username: '/run/u', password: '/run/p' } },
};
const service = (name: string, namespace: string, changes: object = {}): object => ({
  name,
  device: 'edge',
  identity: { namespace, serviceAccount: `${name}-edge` },
  host: `${name}.${namespace}.svc.cluster.local`,
  listen: { address: '198.51.100.20', port: 9000 + name.length },
  backends: ['10.1.20.5:9000'],
  allowlist: { selector: { matchLabels: { 'bigip-mesh.io/allowlist': name } } },
  ...changes,
});
const withPolicies = {
  allowlist: { selector: { matchLabels: { a: 'b' } }, fromAuthorizationPolicies: true },
};

/** Configs that differ in whatever the permissions depend on. */
const configs: Readonly<Record<string, object>> = {
  'source istiod, one service': { devices: [device], services: [service('echo', 'default')] },
  'source istiod with a token file': {
    identity: { source: 'istiod', istiod: { tokenFile: '/var/run/token' } },
    devices: [device],
    services: [service('echo', 'default')],
  },
  'source ca-secret, another root namespace': {
    mesh: { rootNamespace: 'mesh-root' },
    identity: { source: 'ca-secret' },
    devices: [device],
    services: [service('echo', 'default', withPolicies)],
  },
  'source secret, three forms in two namespaces': {
    identity: { source: 'secret', secret: { name: '{serviceAccount}-svid' } },
    devices: [device, fileDevice],
    services: [
      service('echo', 'default', { registration: 'workload-entry' }),
      service('ping', 'default', { registration: 'endpoint-slice', device: 'second' }),
      service('database', 'data', { registration: 'service-entry', host: 'db.example.com' }),
      service('ledger', 'data', { registration: 'none' }),
    ],
  },
  'source files, a service in the root namespace': {
    identity: { source: 'files', files: { certificate: '/svid/tls.crt', key: '/svid/tls.key' } },
    devices: [fileDevice],
    services: [service('echo', 'istio-system', { device: 'second', ...withPolicies })],
  },
};

interface Rules {
  readonly kind: string;
  readonly namespace: string;
  readonly rules: unknown;
}

/** Roles and whom they are bound to, in an order that does not depend on who rendered them. */
function permissions(objects: readonly KubeObject[]): Rules[] {
  return objects
    .filter(({ kind }) => /^(Cluster)?Role(Binding)?$|^ServiceAccount$/.test(kind))
    .map((object) => ({
      kind: object.kind,
      namespace: object.metadata.namespace ?? '',
      rules: sorted(object['rules'] ?? object['subjects'] ?? []),
    }))
    .toSorted((a, b) => (`${a.kind} ${a.namespace}` < `${b.kind} ${b.namespace}` ? -1 : 1));
}

function sorted(rules: unknown): unknown {
  const list = (rules as object[]).map((rule) => ('verbs' in rule ? sortedRule(rule) : rule));
  return list.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function sortedRule(rule: object): object {
  return Object.fromEntries(
    Object.entries(rule)
      .map(([key, value]) => [key, (value as string[]).toSorted((a, b) => (a < b ? -1 : 1))] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

describe('the Helm chart', function () {
  this.timeout(30_000);
  let folder: string;

  before(async function () {
    if (spawnSync(helm, ['version', '--short']).status !== 0) {
      skipBecause(this, 'helm is not there (HELM names its program); deploy/manifests is what it renders');
    }
    folder = await mkdtemp(join(tmpdir(), 'chart-'));
  });
  after(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  function template(valuesFile: string, ...more: readonly string[]): string {
    const args = ['template', 'bigip-mesh', chart, '--namespace', 'mesh-edge', '--kube-version', '1.30'];
    const { status, stdout, stderr } = spawnSync(helm, [...args, '--values', valuesFile, ...more], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    return stdout;
  }

  const documents = (yaml: string): KubeObject[] =>
    parseAllDocuments(yaml)
      .map((document) => document.toJS() as KubeObject | null)
      .filter((object) => object !== null);

  for (const [name, part] of Object.entries(configs)) {
    it(`lets the agent do what bigip-mesh render says, and nothing else: ${name}`, async () => {
      const config = { apiVersion: 'bigip-mesh.io/v1', kind: 'AgentConfig', ...part };
      const valuesFile = join(folder, 'values.yaml');
      await writeFile(valuesFile, stringify({ config }));
      const parsed = parseConfig(stringify(config), 'config.yaml');
      const place = { agentNamespace: 'mesh-edge', trustDomain: 'cluster.local' };
      const account = { namespace: 'mesh-edge', serviceAccount: 'bigip-mesh-agent' };
      const own = renderRbac(agentPermissions(parsed, place), account);
      assert.deepEqual(permissions(documents(template(valuesFile))), permissions(own));
    });
  }

  it('hands the agent the config as it is', async () => {
    const [part] = Object.values(configs);
    const config = { apiVersion: 'bigip-mesh.io/v1', kind: 'AgentConfig', ...part };
    const valuesFile = join(folder, 'values.yaml');
    await writeFile(valuesFile, stringify({ config }));
    const configMap = documents(template(valuesFile)).find(
      ({ metadata }) => metadata.name === 'bigip-mesh-config',
    );
    const { 'config.yaml': text = '' } = (configMap?.['data'] ?? {}) as Record<string, string>;
    assert.deepEqual(parseConfig(text, 'a'), parseConfig(stringify(config), 'b'));
  });

  it('renders what deploy/manifests has', () => {
    const rendered = template(join(manifests, 'values.yaml'));
    const committed = readFileSync(join(manifests, 'bigip-mesh-agent.yaml'), 'utf8');
    assert.deepEqual(documents(rendered), documents(committed), 'render it anew: CONTRIBUTING.md says how');
  });
});
