import { strict as assert } from 'node:assert';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { systemClock } from '../../src/clock.js';
import { loadConfig } from '../../src/config/load-config.js';
import { editAllowlist } from '../../src/demo/edit-allowlist.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { MeshCa } from '../../src/demo/mesh-ca.js';
import { badCallerId, goodCallerId, trustDomain } from '../../src/demo/surroundings.js';
import { kinds } from '../../src/kube/kinds.js';
import type { KubeKind, KubeObject } from '../../src/kube/object.js';
import { silentLogger } from '../../src/log.js';
import { registeredKinds } from '../../src/mesh/registered-kinds.js';
import type { PermissionRule } from '../../src/mesh/permissions.js';
import { agentPermissions } from '../../src/render/agent-permissions.js';
import { renderRbac } from '../../src/render/rbac.js';
import { bigipMesh, finished, lineOf, startBigipMesh } from '../support/command.js';
import { until } from '../support/until.js';

const { signal } = new AbortController();
const namespace = 'mesh-edge';
const serviceAccount = 'bigip-mesh-agent';

const rbacKinds = Object.fromEntries(
  (
    [
      ['Role', 'roles', true],
      ['RoleBinding', 'rolebindings', true],
      ['ClusterRole', 'clusterroles', false],
      ['ClusterRoleBinding', 'clusterrolebindings', false],
    ] as const
  ).map(([kind, plural, namespaced]): [string, KubeKind] => [
    kind,
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind, plural, namespaced },
  ]),
);

/** What the forms differ in; the rest of the story is the same for each. */
const isOfForm = (resource: string): boolean =>
  registeredKinds.some(({ plural }) => plural === resource.replace(/\/.*/, ''));

const stories = [
  { form: 'workload-entry', story: 'everything' },
  { form: 'service-entry', story: 'commands' },
  { form: 'endpoint-slice', story: 'commands' },
] as const;

/** The chart renders these very rules (test/unit/deploy/chart.test.ts), and so does `bigip-mesh render`. */
describe('the permissions of the agent', function () {
  this.timeout(60_000);

  for (const { form, story } of stories) {
    it(`are enough for all that it does, and none is unused: ${form}`, async () => {
      const scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
      try {
        await useForm(scenario, form);
        const rules = await bind(scenario);
        const { requests, actions } = scenario.kubeApi;
        const begun = { requests: requests.length, actions: actions.length };
        if (story === 'everything') await runControllers(scenario);
        await runCommands(scenario);
        const judged = actions.slice(begun.actions).filter(({ user }) => user.endsWith(`:${serviceAccount}`));
        // It looks for what another form left, and takes a refusal for "nothing that I could have made".
        const refused = judged.filter(
          ({ allowed, verb, resource }) => !allowed && !(verb === 'list' && isOfForm(resource)),
        );
        assert.deepEqual(refused, []);
        const unused = [...rules].flatMap(([where, own]) =>
          own.flatMap((rule) =>
            parts(rule)
              .filter(({ resource }) => story === 'everything' || isOfForm(resource))
              .filter(
                ({ group, resource, verb, name }) =>
                  !judged.some(
                    (action) =>
                      (where === '' || action.namespace === where) &&
                      action.group === group &&
                      action.resource === resource &&
                      action.verb === verb &&
                      (name === undefined || action.name === name),
                  ),
              )
              .map(({ verb, resource, name }) => `${where}: ${verb} ${resource} ${name ?? ''}`.trim()),
          ),
        );
        assert.deepEqual(unused, []);
      } finally {
        await scenario.close();
      }
    });
  }

  async function useForm(scenario: Scenario, form: string): Promise<void> {
    const config = await readFile(scenario.configFile, 'utf8');
    await writeFile(
      scenario.configFile,
      config.replace('      selector:', `      fromAuthorizationPolicies: true\n      selector:`) +
        `    registration: ${form}\n`,
    );
  }

  /** Gives the agent's account what `bigip-mesh render` gives it, and a kubeconfig of that account. */
  async function bind(scenario: Scenario): Promise<ReadonlyMap<string, readonly PermissionRule[]>> {
    const config = await loadConfig(scenario.configFile);
    const permissions = agentPermissions(config, { agentNamespace: namespace, trustDomain });
    for (const object of renderRbac(permissions, { namespace, serviceAccount })) {
      await scenario.kube.apply(kindOf(object), object, { force: true });
    }
    const request = {
      serviceAccount: { namespace, name: serviceAccount },
      audiences: [],
      expirationSeconds: 3600,
    };
    const { token } = await scenario.kube.createTokenRequest(request);
    await writeFile(join(scenario.folder, 'agent.yaml'), scenario.kubeApi.kubeconfig(token.reveal()));
    return new Map([...permissions.inNamespace, ['', permissions.inCluster]]);
  }

  const flagsOf = ({ configFile, folder }: Scenario): string[] => [
    '-f',
    configFile,
    '--kubeconfig',
    join(folder, 'agent.yaml'),
  ];

  /** Two replicas, edits good and bad, a policy that cannot be enforced, a root that is new. */
  async function runControllers(scenario: Scenario): Promise<void> {
    const flags = flagsOf(scenario);
    const controllers = [1, 2].map(() =>
      startBigipMesh(['controller', ...flags, '--namespace', namespace, '--http', '127.0.0.1:0']),
    );
    const ended = controllers.map(finished);
    await Promise.all(controllers.map((controller) => lineOf(controller, /^ready /m)));
    const statusSays = async (pattern: RegExp): Promise<boolean> => {
      const ref = { kind: kinds.configMap, namespace, name: 'bigip-mesh-status' };
      return pattern.test(stringify((await scenario.kube.get(ref))?.['data'] ?? {}));
    };
    await until(() => statusSays(/provenAt/));
    await editAllowlist(scenario.kube, [goodCallerId, badCallerId], signal);
    await until(() => statusSays(/allow: 2/));
    await editAllowlist(scenario.kube, [goodCallerId, 'no SPIFFE ID'], signal);
    await until(async () => (await eventReasons(scenario, 'default')).includes('AllowlistRefused'));
    await scenario.kube.create(kinds.authorizationPolicy, pathPolicy);
    await until(async () => (await eventReasons(scenario, 'istio-system')).includes('AllowlistRefused'));
    await publishSecondRoot(scenario);
    await until(async () => (await eventReasons(scenario, namespace)).includes('RootRotation'));
    for (const controller of controllers) controller.kill('SIGTERM');
    for (const { exitCode, stderr } of await Promise.all(ended)) assert.equal(exitCode, 0, stderr);
    await editAllowlist(scenario.kube, [goodCallerId], signal);
    await withoutCacerts(scenario, async () => {
      // It looks for the other Secret that a mesh CA may be in.
      const { exitCode, stderr } = await bigipMesh(['rotate', 'echo', ...flags]);
      assert.equal(exitCode, 1, stderr);
    });
  }

  /** Every command that speaks to the cluster. */
  async function runCommands(scenario: Scenario): Promise<void> {
    const flags = flagsOf(scenario);
    const commands = [
      ['apply'],
      ['status', '--namespace', namespace],
      ['verify', 'echo'],
      ['deregister', 'echo'],
      ['register', 'echo'],
    ];
    for (const command of commands) {
      const { exitCode, stderr } = await bigipMesh([...command, ...flags]);
      assert.equal(exitCode, 0, `${command.join(' ')}: ${stderr}`);
    }
  }

  async function withoutCacerts({ kube }: Scenario, use: () => Promise<void>): Promise<void> {
    const ref = { kind: kinds.secret, namespace: 'istio-system', name: 'cacerts' };
    const cacerts = await kube.get(ref);
    assert.ok(cacerts !== undefined);
    await kube.delete(ref, { uid: cacerts.metadata.uid ?? '' });
    await use();
    const { name } = ref;
    await kube.create(kinds.secret, { ...cacerts, metadata: { namespace: ref.namespace, name } });
  }

  /** As a mesh that is about to change its CA does. */
  async function publishSecondRoot({ kube, meshCa }: Scenario): Promise<void> {
    const next = await MeshCa.create({ now: systemClock.now() });
    const ref = { kind: kinds.configMap, namespace: 'istio-system', name: 'istio-ca-root-cert' };
    const before = await kube.get(ref);
    assert.ok(before !== undefined);
    await kube.replace(kinds.configMap, {
      ...before,
      data: { 'root-cert.pem': meshCa.rootPem + next.rootPem },
    });
  }

  async function eventReasons({ kube }: Scenario, where: string): Promise<string[]> {
    const { items } = await kube.list(kinds.event, { namespace: where });
    return items.map((event) => String(event['reason']));
  }
});

/** Of the whole mesh, with something that a device cannot enforce. */
const pathPolicy: KubeObject = {
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { namespace: 'istio-system', name: 'by-path' },
  spec: { action: 'ALLOW', rules: [{ to: [{ operation: { paths: ['/metrics'] } }] }] },
};

function kindOf({ apiVersion, kind }: KubeObject): KubeKind {
  const own = Object.values(kinds).find((known) => known.kind === kind && known.apiVersion === apiVersion);
  const found = own ?? rbacKinds[kind];
  assert.ok(found !== undefined, kind);
  return found;
}

/** Each single thing that a rule allows. */
function parts({ apiGroups, resources, verbs, resourceNames }: PermissionRule) {
  const names: ReadonlyArray<string | undefined> = resourceNames ?? [undefined];
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb) => names.map((name) => ({ group, resource, verb, name }))),
    ),
  );
}
