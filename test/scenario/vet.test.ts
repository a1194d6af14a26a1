import { strict as assert } from 'node:assert';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'yaml';
import { systemClock } from '../../src/clock.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { kinds } from '../../src/kube/kinds.js';
import type { KubeKind, KubeObject } from '../../src/kube/object.js';
import { silentLogger } from '../../src/log.js';
import { Secret } from '../../src/secret.js';
import { checks } from '../../src/vet/registry.js';
import { bigipMesh } from '../support/command.js';
import { assertGolden } from '../support/golden.js';
import { repositoryRoot } from '../support/shared-data.js';
import { object, seedHealthyMesh } from '../unit/vet/healthy-mesh.js';
import { ClusterBreaker, cli } from '../unit/vet/vet-bed.js';
import type { Mend, Said } from '../unit/vet/vet-bed.js';

interface Reported {
  readonly findings: ReadonlyArray<{ readonly code: string; readonly level: string; readonly seen: string }>;
  readonly unknown: ReadonlyArray<{
    readonly code: string;
    readonly reason: string;
    readonly needs?: string;
  }>;
  readonly fine: readonly string[];
}

const rbac = (kind: string, plural: string, namespaced: boolean): KubeKind => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind,
  plural,
  namespaced,
});
const rbacKinds = {
  clusterRole: rbac('ClusterRole', 'clusterroles', false),
  clusterRoleBinding: rbac('ClusterRoleBinding', 'clusterrolebindings', false),
  role: rbac('Role', 'roles', true),
  roleBinding: rbac('RoleBinding', 'rolebindings', true),
};

describe('vet', function () {
  this.timeout(60_000);
  let scenario: Scenario;
  let breaker: ClusterBreaker;

  const vet = (
    flags: readonly string[],
    { config = scenario.configFile, kubeconfig = scenario.kubeconfigFile } = {},
  ): Promise<Said> => cli(['vet', '-f', config, '--kubeconfig', kubeconfig, ...flags]);
  const reported = ({ stdout }: Pick<Said, 'stdout'>): Reported => JSON.parse(stdout) as Reported;
  const written = async (name: string, text: string): Promise<string> => {
    const file = join(scenario.folder, name);
    await writeFile(file, text);
    return file;
  };

  before(async () => {
    const watcher = { name: 'watcher', password: new Secret('looks only'), role: 'guest' } as const;
    const users = [watcher];
    scenario = await startScenario({
      clock: systemClock,
      logger: silentLogger(),
      tmosVersion: '16.1',
      users,
    });
    breaker = new ClusterBreaker(scenario.kube);
    const applied = await cli(['apply', '-f', scenario.configFile, '--kubeconfig', scenario.kubeconfigFile]);
    assert.equal(applied.exitCode, 0, applied.stderr);
  });
  after(() => scenario?.close());

  it('reports nothing above info on the reference scenario as it is, and nothing unknown', async () => {
    const said = await vet(['-o', 'json', '--fail-on', 'unknown']);
    const { findings, unknown } = reported(said);
    assert.deepEqual(
      findings.filter(({ level }) => level !== 'info'),
      [],
    );
    assert.deepEqual(unknown, []);
    assert.equal(said.exitCode, 0);
  });

  for (const form of ['service-entry', 'endpoint-slice', 'workload-entry']) {
    it(`reports nothing above info on what apply makes with registration ${form}`, async () => {
      const text = await readFile(scenario.configFile, 'utf8');
      const config = await written(
        `${form}.yaml`,
        text.replace('    probe:', `    registration: ${form}\n    probe:`),
      );
      const applied = await cli(['apply', '-f', config, '--kubeconfig', scenario.kubeconfigFile]);
      assert.equal(applied.exitCode, 0, applied.stderr);
      const { findings, unknown } = reported(await vet(['-o', 'json'], { config }));
      assert.deepEqual(
        findings.filter(({ level }) => level !== 'info'),
        [],
      );
      assert.deepEqual(unknown, []);
    });
  }

  describe('on a healthy mesh', () => {
    before(() => seedHealthyMesh(scenario.kube, scenario.meshCa.rootPem));

    it('says so in text', async () => {
      const said = await vet([]);
      assert.equal(said.exitCode, 0);
      assertGolden('vet-healthy', said.stdout);
    });

    it('writes nothing: it lists, reads and asks, and deletes the login token that it made', async () => {
      scenario.bigIp.forgetRequests();
      const earlier = scenario.kubeApi.requests.length;
      await vet([]);
      const inCluster = scenario.kubeApi.requests.slice(earlier).filter(({ method }) => method !== 'GET');
      assert.deepEqual(
        [...new Set(inCluster.map(({ method, path }) => `${method} ${path}`))],
        ['POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews'],
      );
      const onDevice = scenario.bigIp.requests
        .filter(({ method }) => method !== 'GET')
        .map(({ method, path }) => `${method} ${path.replace(/[A-Z2-7]{26}$/, 'TOKEN')}`);
      assert.deepEqual(onDevice, [
        'POST /mgmt/shared/authn/login',
        'PATCH /mgmt/shared/authz/tokens/TOKEN',
        'DELETE /mgmt/shared/authz/tokens/TOKEN',
      ]);
      const [made] = scenario.bigIp.requests.filter(({ method }) => method === 'PATCH');
      const [deleted] = scenario.bigIp.requests.filter(({ method }) => method === 'DELETE');
      assert.equal(made?.path, deleted?.path);
    });

    it('shows no password, token or key in any output', async () => {
      for (const format of ['text', 'json', 'sarif']) {
        const { stdout, stderr } = await vet(['-o', format]);
        assert.doesNotMatch(stdout + stderr, /correct horse|PRIVATE KEY|X-F5-Auth/);
      }
    });

    it('fails on a warning only where that is asked for', async () => {
      const mend = await breaker.edit(kinds.service, 'default', 'bigip', (draft) => {
        const [port] = draft.spec['ports'] as Array<Record<string, unknown>>;
        if (port !== undefined) port['appProtocol'] = 'tls';
      });
      try {
        assert.equal((await vet([])).exitCode, 0);
        assert.equal((await vet(['--fail-on', 'warning'])).exitCode, 1);
      } finally {
        await mend();
      }
    });

    it('refuses a config file that is wrong with exit code 3, and a kubeconfig that was named and is not there', async () => {
      assert.equal((await vet([], { config: await written('empty.yaml', 'kind: Nothing\n') })).exitCode, 3);
      const kubeconfig = join(scenario.folder, 'is-not-there');
      assert.equal((await vet([], { kubeconfig })).exitCode, 3);
    });

    describe('with a few things broken', () => {
      let mend: Mend;
      before(async () => {
        const { items } = await scenario.kube.list(kinds.workloadEntry, { namespace: 'default' });
        const name = items[0]?.metadata.name ?? '';
        mend = await breaker.all([
          () =>
            breaker.edit(kinds.workloadEntry, 'default', name, ({ spec }) => delete spec['serviceAccount']),
          () => breaker.remove(kinds.serviceAccount, 'default', 'bigip'),
          () =>
            breaker.put(
              kinds.destinationRule,
              object(kinds.destinationRule, 'bigip', {
                metadata: { namespace: 'trusted' },
                spec: { host: 'bigip', trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL' } } },
              }),
            ),
        ]);
      });
      after(() => mend());

      it('tells them by level in text, each with reason and mend', async () => {
        const said = await vet([]);
        assert.equal(said.exitCode, 1);
        assertGolden('vet-broken', said.stdout);
      });

      it('tells them as SARIF 2.1.0, at the line of the config file', async () => {
        const said = await vet(['-o', 'sarif']);
        assert.equal(said.exitCode, 1);
        const sarif = JSON.parse(said.stdout) as {
          version: string;
          $schema: string;
          runs: Array<{
            tool: { driver: { rules: Array<{ id: string; help: { text: string; markdown: string } }> } };
            results: Array<{
              ruleId: string;
              ruleIndex: number;
              level: string;
              kind: string;
              message: { text: string };
              locations: Array<{
                physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number } };
                logicalLocations: Array<{ fullyQualifiedName: string }>;
              }>;
            }>;
          }>;
        };
        assert.equal(sarif.version, '2.1.0');
        const [run] = sarif.runs;
        const rules = run?.tool.driver.rules ?? [];
        assert.deepEqual(
          rules.map(({ id }) => id),
          checks.map(({ code }) => code),
        );
        for (const [index, { help }] of rules.entries()) {
          const { mend = '' } = checks[index] ?? {};
          assert.ok(help.text.endsWith(mend) && help.markdown.endsWith(mend) && mend !== '', help.text);
        }
        const results = run?.results ?? [];
        assert.deepEqual(
          results.map(({ ruleId }) => ruleId),
          ['BMV001', 'BMV018', 'BMV051'],
        );
        const config = (await readFile(scenario.configFile, 'utf8')).split('\n');
        for (const result of results) {
          assert.equal(rules[result.ruleIndex]?.id, result.ruleId);
          const [location] = result.locations;
          assert.equal(
            location?.physicalLocation.artifactLocation.uri,
            pathToFileURL(scenario.configFile).href,
          );
          assert.match(config[(location?.physicalLocation.region.startLine ?? 0) - 1] ?? '', /name: echo/);
        }
        assert.match(
          results[0]?.locations[0]?.logicalLocations[0]?.fullyQualifiedName ?? '',
          /^WorkloadEntry default\/bigip-/,
        );
      });
    });

    describe('as somebody who only reads', () => {
      let kubeconfig: string;
      let config: string;

      before(async () => {
        const page = await readFile(join(repositoryRoot, 'docs/reference/vet.md'), 'utf8');
        const documented = parse(/```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '') as KubeObject;
        const { kube } = scenario;
        const metadata = { namespace: 'mesh-edge' };
        const subjects = [{ kind: 'ServiceAccount', name: 'auditor', namespace: 'mesh-edge' }];
        const bind = (kind: string) => ({
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: 'bigip-mesh-vet' },
          subjects,
        });
        await kube.create(kinds.serviceAccount, object(kinds.serviceAccount, 'auditor', { metadata }));
        await kube.create(rbacKinds.clusterRole, documented);
        await kube.create(
          rbacKinds.clusterRoleBinding,
          object(rbacKinds.clusterRoleBinding, 'bigip-mesh-vet', bind('ClusterRole')),
        );
        const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }];
        const inDefault = { namespace: 'default' };
        await kube.create(
          rbacKinds.role,
          object(rbacKinds.role, 'bigip-mesh-vet', { metadata: inDefault, rules }),
        );
        await kube.create(
          rbacKinds.roleBinding,
          object(rbacKinds.roleBinding, 'bigip-mesh-vet', { metadata: inDefault, ...bind('Role') }),
        );
        const serviceAccount = { namespace: 'mesh-edge', name: 'auditor' };
        const { token } = await kube.createTokenRequest({
          serviceAccount,
          audiences: [],
          expirationSeconds: 600,
        });
        kubeconfig = await written('auditor.yaml', scenario.kubeApi.kubeconfig(token.reveal()));
        const files = {
          username: await written('username', 'watcher\n'),
          password: await written('password', 'looks only\n'),
        };
        const text = await readFile(scenario.configFile, 'utf8');
        config = await written(
          'reads-only.yaml',
          text.replace(/credentials: .*/, `credentials: {files: ${JSON.stringify(files)}}`),
        );
      });

      const report = async (): Promise<Reported> =>
        reported(await vet(['-o', 'json'], { config, kubeconfig }));

      it('judges everything but the CA secret and the rights of the agent, which it names as unknown', async () => {
        const { findings, unknown } = await report();
        assert.deepEqual(
          unknown.map(({ code }) => code),
          ['BMV042', 'BMV044'],
        );
        assert.match(
          unknown[0]?.needs ?? '',
          /^get secrets cacerts and istio-ca-secret in namespace istio-system$/,
        );
        assert.match(unknown[1]?.reason ?? '', /may read alone/);
        assert.deepEqual(
          findings.map(({ code, level, seen }) => ({ code, level, seen })),
          [
            {
              code: 'BMV103',
              level: 'info',
              seen: 'it has guest on all-partitions: enough for vet, not for apply',
            },
          ],
        );
      });

      const without: ReadonlyArray<readonly [resource: string, needs: RegExp, codes: readonly string[]]> = [
        ['workloadentries', /^list workloadentries\.networking\.istio\.io$/, ['BMV001', 'BMV003', 'BMV033']],
        ['pods', /^list pods$/, ['BMV004', 'BMV025', 'BMV051']],
        ['networkpolicies', /^list networkpolicies\.networking\.k8s\.io$/, ['BMV050']],
      ];
      for (const [resource, needs, codes] of without) {
        it(`without ${resource} says unknown, not fine, and names the permission`, async () => {
          const istio = [
            'serviceentries',
            'destinationrules',
            'sidecars',
            'peerauthentications',
            'authorizationpolicies',
          ];
          const mend = await breaker.edit(rbacKinds.clusterRole, '', 'bigip-mesh-vet', (draft) => {
            const rules = draft['rules'] as Array<{ apiGroups: string[]; resources: string[] }>;
            for (const rule of rules) {
              const all = rule.resources.includes('*') ? [...istio, 'workloadentries'] : rule.resources;
              rule.resources = all.filter((name) => name !== resource);
            }
          });
          try {
            const { unknown, fine, findings } = await report();
            for (const code of codes) {
              const told = unknown.find((candidate) => candidate.code === code);
              assert.match(told?.needs ?? '', needs, code);
              assert.equal(fine.includes(code), false);
            }
            assert.deepEqual(
              findings.filter(({ level }) => level !== 'info'),
              [],
            );
          } finally {
            await mend();
          }
        });
      }

      it('without the credentials of the device leaves everything about it unknown', async () => {
        const said = await vet(['-o', 'json'], { kubeconfig });
        const { unknown } = reported(said);
        const told = unknown.find(({ code }) => code === 'BMV101');
        assert.equal(told?.needs, 'get secrets bigip-edge in namespace mesh-edge');
      });
    });

    it('finds rights that the agent lacks, as the account that may write something', async () => {
      const metadata = { namespace: 'default' };
      const { kube } = scenario;
      const rules = [
        { apiGroups: [''], resources: ['services', 'serviceaccounts'], verbs: ['patch'] },
        { apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] },
      ];
      const mend = await breaker.all([
        () => breaker.put(kinds.serviceAccount, object(kinds.serviceAccount, 'halfway', { metadata })),
        () => breaker.put(rbacKinds.role, object(rbacKinds.role, 'halfway', { metadata, rules })),
        () =>
          breaker.put(
            rbacKinds.roleBinding,
            object(rbacKinds.roleBinding, 'halfway', {
              metadata,
              roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'halfway' },
              subjects: [{ kind: 'ServiceAccount', name: 'halfway', namespace: 'default' }],
            }),
          ),
      ]);
      try {
        const serviceAccount = { namespace: 'default', name: 'halfway' };
        const { token } = await kube.createTokenRequest({
          serviceAccount,
          audiences: [],
          expirationSeconds: 600,
        });
        const kubeconfig = await written('halfway.yaml', scenario.kubeApi.kubeconfig(token.reveal()));
        const { findings } = reported(await vet(['-o', 'json'], { kubeconfig }));
        const lacks = findings.filter(({ code }) => code === 'BMV044').map(({ seen }) => seen);
        assert.equal(lacks.length, 3);
        assert.match(lacks.join('\n'), /get configmaps istio, .*get secrets cacerts/);
        assert.match(lacks.join('\n'), /get secrets bigip-edge/);
        assert.match(lacks.join('\n'), /patch workloadentries\/status\.networking\.istio\.io/);
        assert.doesNotMatch(lacks.join('\n'), /list configmaps[,\n]|patch services/);
      } finally {
        await mend();
      }
    });

    it('without a cluster judges the device and says what it could not ask', async () => {
      const kubeconfig = await written(
        'gone.yaml',
        scenario.kubeApi.kubeconfig().replace(/127\.0\.0\.1:\d+/, '127.0.0.1:1'),
      );
      const files = {
        username: await written('admin', 'watcher'),
        password: await written('admin-password', 'looks only'),
      };
      const text = await readFile(scenario.configFile, 'utf8');
      const config = await written(
        'no-cluster.yaml',
        text.replace(/credentials: .*/, `credentials: {files: ${JSON.stringify(files)}}`),
      );
      const said = await vet(['-o', 'json'], { config, kubeconfig });
      const { unknown, fine } = reported(said);
      assert.equal(said.exitCode, 0);
      assert.match(unknown.find(({ code }) => code === 'BMV001')?.reason ?? '', /ECONNREFUSED/);
      for (const code of ['BMV101', 'BMV110', 'BMV112', 'BMV048']) assert.ok(fine.includes(code), code);
    });

    it('without any kubeconfig judges the device, as a process of its own', async () => {
      const files = { username: await written('u', 'watcher'), password: await written('p', 'looks only') };
      const text = await readFile(scenario.configFile, 'utf8');
      const config = await written(
        'no-kubeconfig.yaml',
        text.replace(/credentials: .*/, `credentials: {files: ${JSON.stringify(files)}}`),
      );
      const env = { PATH: process.env['PATH'], HOME: scenario.folder };
      const said = await bigipMesh(['vet', '-f', config, '-o', 'json'], env);
      const { unknown, fine } = reported(said);
      assert.equal(said.stderr, '');
      assert.equal(said.exitCode, 0);
      assert.match(unknown[0]?.reason ?? '', /found neither a kubeconfig nor a service account/);
      assert.ok(fine.includes('BMV110'));
    });

    it('without anything to judge by fails', async () => {
      const kubeconfig = await written(
        'gone.yaml',
        scenario.kubeApi.kubeconfig().replace(/127\.0\.0\.1:\d+/, '127.0.0.1:1'),
      );
      const said = await vet(['-o', 'json'], { kubeconfig });
      const { findings, fine, unknown } = reported(said);
      assert.equal(said.exitCode, 1);
      assert.match(said.stderr, /neither the cluster nor a device could be read/);
      assert.deepEqual(findings, []);
      assert.ok(unknown.length > 50);
      // The listener answers all the same; the others do not concern this config file.
      assert.deepEqual(fine, ['BMV043', 'BMV048', 'BMV052', 'BMV108']);
    });
  });
});
