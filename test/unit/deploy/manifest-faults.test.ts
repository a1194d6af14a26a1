import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { KubeObject } from '../../../src/kube/object.js';
import { objectsOf, schemaProblems } from '../../support/published-schema.js';
import { repositoryRoot } from '../../support/shared-data.js';

const deploy = join(repositoryRoot, 'deploy');
const read = (file: string): string => readFileSync(join(deploy, file), 'utf8');

type Path = ReadonlyArray<string | number>;

const at = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (parent, key) => (parent as Record<string | number, unknown> | undefined)?.[key],
    value,
  );

/** A copy with one field set; undefined: without it. */
function withField(object: KubeObject, path: Path, value: unknown): KubeObject {
  const copy = structuredClone(object);
  const parent = at(copy, path.slice(0, -1)) as Record<string | number, unknown>;
  const key = path.at(-1) ?? '';
  if (value === undefined) delete parent[key];
  else parent[key] = value;
  return copy;
}

/** Every field, list element and member of a map, with its path. */
function places(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return keys.flatMap((key) => [[...path, key], ...places(at(value, [key]), [...path, key])]);
}

/** Maps, whose keys are free. */
const maps = ['annotations', 'data', 'labels', 'limits', 'matchLabels', 'requests'];

const shipped = ['apply-job.yaml', 'bigip-mesh-agent.yaml', 'rbac.yaml'].flatMap((file) =>
  objectsOf(read(`manifests/${file}`)),
);
const shippedObject = (kind: string): KubeObject => {
  const found = shipped.find((object) => object.kind === kind);
  assert.ok(found !== undefined, kind);
  return found;
};
const binding = shippedObject('RoleBinding');
const budget = shippedObject('PodDisruptionBudget');
const configMap = shippedObject('ConfigMap');
const deployment = shippedObject('Deployment');
const job = shippedObject('Job');
const namespace = shippedObject('Namespace');
const policy = shippedObject('NetworkPolicy');
const role = shippedObject('Role');
const rule: KubeObject = {
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'PrometheusRule',
  metadata: { name: 'agent' },
  spec: parse(read('chart/files/alerts.yaml')) as object,
};
const monitor: KubeObject = {
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'PodMonitor',
  metadata: { name: 'agent' },
  spec: {
    selector: { matchLabels: { app: 'agent' } },
    podMetricsEndpoints: [{ port: 'http', path: '/metrics', interval: '30s' }],
  },
};
const entry: KubeObject = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'WorkloadEntry',
  metadata: { name: 'echo', namespace: 'default', labels: { app: 'echo' } },
  spec: { address: '198.51.100.20', labels: { app: 'echo' }, ports: { tcp: 9000 }, serviceAccount: 'echo' },
};

describe('what is no valid object by the published schema of its kind', () => {
  it('has a misspelt field, wherever it is', async () => {
    let misspelt = 0;
    for (const object of [...shipped, rule, monitor, entry]) {
      for (const path of places(object)) {
        const [parent = '', key = ''] = [path.at(-2), path.at(-1)];
        if (typeof key === 'number' || maps.includes(String(parent))) continue;
        if (path.length === 1 && ['apiVersion', 'kind'].includes(key)) continue;
        if (object.kind === 'WorkloadEntry' && parent === 'ports') continue;
        const other = withField(withField(object, path, undefined), [...path.slice(0, -1), `${key}s`], {});
        const problems = await schemaProblems(other);
        const isNamed = problems.some(
          (problem) => problem.includes(`${key}s`) && /unknown field/.test(problem),
        );
        assert.ok(isNamed, `${object.kind} ${path.join('.')}s: ${problems.join('; ')}`);
        misspelt += 1;
      }
    }
    assert.ok(misspelt > 400, `only ${misspelt} fields were looked at`);
  });

  it('has a value of another type, wherever it is', async () => {
    for (const object of [...shipped, rule, monitor, entry]) {
      for (const path of places(object)) {
        const wrong = typeof at(object, path) === 'object' ? 'text' : { an: 'object' };
        const problems = await schemaProblems(withField(object, path, wrong));
        assert.notDeepEqual(problems, [], `${object.kind} ${path.join('.')}`);
      }
    }
  });

  const container = ['spec', 'template', 'spec', 'containers', 0] as const;
  const faults: ReadonlyArray<[what: string, of: KubeObject, path: Path, value: unknown, says: RegExp]> = [
    ['a misspelt field', deployment, ['spec', 'replcias'], 2, /^\/spec\/replcias unknown field$/],
    [
      'a field one level too high',
      deployment,
      ['spec', 'containers'],
      [],
      /^\/spec\/containers unknown field$/,
    ],
    [
      'a field of the pod in its container',
      job,
      [...container, 'serviceAccountName'],
      'a',
      /^\/spec\/template\/spec\/containers\/0\/serviceAccountName unknown field$/,
    ],
    [
      'a field of the container in its pod',
      deployment,
      ['spec', 'template', 'spec', 'securityContext', 'readOnlyRootFilesystem'],
      true,
      /\/readOnlyRootFilesystem unknown field$/,
    ],
    ['no selector', deployment, ['spec', 'selector'], undefined, / must have required property selector$/],
    [
      'a container without a name',
      job,
      [...container, 'name'],
      undefined,
      / must have required property name$/,
    ],
    ['no roleRef', binding, ['roleRef'], undefined, / must have required property roleRef$/],
    ['a rule without verbs', role, ['rules', 0, 'verbs'], undefined, / must have required property verbs$/],
    ['a number in quotes', deployment, ['spec', 'replicas'], '2', /^\/spec\/replicas must be integer$/],
    ['a number that is none', deployment, ['spec', 'replicas'], 1.5, /^\/spec\/replicas must be integer$/],
    [
      'a label that is no string',
      configMap,
      ['metadata', 'labels', 'on'],
      true,
      /^\/metadata\/labels\/on must be string$/,
    ],
    [
      'data that is no string',
      configMap,
      ['data', 'config.yaml'],
      {},
      /^\/data\/config\.yaml must be string$/,
    ],
    [
      'a policy for pulling that there is not',
      deployment,
      [...container, 'imagePullPolicy'],
      'Sometimes',
      /imagePullPolicy must be equal to one of the allowed values$/,
    ],
    [
      'a profile that there is not',
      job,
      ['spec', 'template', 'spec', 'securityContext', 'seccompProfile', 'type'],
      'Default',
      /seccompProfile\/type must be equal to one of the allowed values$/,
    ],
    [
      'a protocol that there is not',
      policy,
      ['spec', 'egress', 0, 'ports', 0, 'protocol'],
      'tcp',
      /protocol must be equal to one of the allowed values$/,
    ],
    [
      'a version that is not served any more',
      budget,
      ['apiVersion'],
      'policy/v1beta1',
      /^no schema is published for PodDisruptionBudget in policy\/v1beta1$/,
    ],
    [
      'a version of another group',
      deployment,
      ['apiVersion'],
      'v1',
      /^no schema is published for Deployment in v1$/,
    ],
    [
      'a kind that there is not',
      deployment,
      ['kind'],
      'Deploymint',
      /^no schema is published for Deploymint/,
    ],
    [
      'a part of an object in the place of one',
      configMap,
      ['kind'],
      'Container',
      /^no schema is published for Container in v1$/,
    ],
    ['no kind', namespace, ['kind'], undefined, /^it has no apiVersion and kind$/],
    [
      'an alert without its rule',
      rule,
      ['spec', 'groups', 0, 'rules', 0, 'expr'],
      undefined,
      / must have required property expr$/,
    ],
    [
      'an alert for no length of time',
      rule,
      ['spec', 'groups', 0, 'rules', 0, 'for'],
      'ten minutes',
      /for must match pattern/,
    ],
    [
      'a monitor without its selector',
      monitor,
      ['spec', 'selector'],
      undefined,
      / must have required property selector$/,
    ],
    [
      'a scheme that there is not',
      monitor,
      ['spec', 'podMetricsEndpoints', 0, 'scheme'],
      'ftp',
      /scheme must be equal to one of the allowed values$/,
    ],
    ['a WorkloadEntry with a misspelt field', entry, ['spec', 'adress'], 'a', /unknown field "spec\.adress"/],
  ];
  for (const [what, of, path, value, says] of faults) {
    it(`has ${what}`, async () => {
      assert.deepEqual(await schemaProblems(of), []);
      const problems = await schemaProblems(withField(of, path, value));
      assert.ok(
        problems.some((problem) => says.test(problem)),
        problems.join('\n') || 'nothing was found',
      );
    });
  }

  it('has a key that stands twice, or a bare word that Kubernetes does not read as a string', async () => {
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n';
    assert.throws(() => objectsOf(`${text}data: { a: b, a: c }\n`), /unique/);
    assert.deepEqual(await schemaProblems(objectsOf(`${text}data: { a: on }\n`)[0]), [
      '/data/a must be string',
    ]);
  });
});
