import { strict as assert } from 'node:assert';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { systemClock } from '../../src/clock.js';
import { editAllowlist } from '../../src/demo/edit-allowlist.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { badCallerId, deviceUser, goodCallerId } from '../../src/demo/surroundings.js';
import { IControlClient } from '../../src/icontrol/client.js';
import { resourcePath } from '../../src/icontrol/resource-path.js';
import { kinds } from '../../src/kube/kinds.js';
import type { KubeKind, KubeObject } from '../../src/kube/object.js';
import { silentLogger } from '../../src/log.js';
import { Secret } from '../../src/secret.js';
import { finished, lineOf, startBigipMesh } from '../support/command.js';
import type { Finished } from '../support/command.js';
import { Follower } from '../support/follower.js';
import { OpensslCaller } from '../support/openssl-caller.js';
import { repositoryRoot } from '../support/shared-data.js';

const { signal } = new AbortController();

/** The status of device edge, as far as this story needs it. */
interface Status {
  readonly syncedAt?: string;
  readonly error?: { readonly code: string };
  readonly services: {
    readonly echo: { readonly provenAt?: string; readonly allowlist?: { readonly allow: number } };
  };
}

describe('the controller as a process of its own, with the permissions that are shipped', function () {
  this.timeout(60_000);
  let scenario: Scenario;
  let controller: ChildProcessWithoutNullStreams;
  let ended: Promise<Finished>;
  let url: string;
  let status: Follower<Status>;
  let events: Follower<string>;
  let good: OpensslCaller;
  let bad: OpensslCaller;

  before(async () => {
    scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
    const kubeconfig = join(scenario.folder, 'agent.yaml');
    await writeFile(kubeconfig, scenario.kubeApi.kubeconfig(await tokenOfAgent()), { mode: 0o600 });
    const files = ['-f', scenario.configFile, '--kubeconfig', kubeconfig];
    const places = ['--namespace', 'mesh-edge', '--http', '127.0.0.1:0'];
    controller = startBigipMesh(['controller', ...files, ...places]);
    ended = finished(controller);
    [, url = ''] = await lineOf(controller, /^ready (http:\/\/\S+)$/m);
    const selection = { namespace: 'mesh-edge', fieldSelector: 'metadata.name=bigip-mesh-status' };
    status = new Follower(
      scenario.kube,
      { kind: kinds.configMap, selection },
      (object) => parse((object['data'] as { edge: string }).edge) as Status,
    );
    events = new Follower(
      scenario.kube,
      { kind: kinds.event, selection: { namespace: 'default' } },
      (object) => String(object['note']),
    );
    good = await caller('good', goodCallerId);
    bad = await caller('bad', badCallerId);
  });

  after(async () => {
    controller.kill('SIGKILL');
    await ended;
    await status.close();
    await events.close();
    await scenario.close();
  });

  it('makes the device a member of the mesh, and proves it', async () => {
    await status.first(({ services }) => services.echo.provenAt !== undefined);
    assert.equal((await good.say('hi')).heard, 'HI\n');
    assert.equal((await bad.say('hi')).heard, '');
    const entries = await scenario.kube.list(kinds.workloadEntry, { namespace: 'default' });
    assert.equal(entries.items.length, 1);
  });

  it('is alive, ready and the leader', async () => {
    assert.equal(await get('/healthz'), 'ok\n');
    assert.equal(await get('/readyz'), 'ok\n');
    assert.match(await get('/metrics'), /^bigip_mesh_leader\{device="edge"\} 1$/m);
  });

  it('brings an edit of the allowlist to the data plane, without a command', async () => {
    await editAllowlist(scenario.kube, [goodCallerId, badCallerId], signal);
    await status.first(({ services }) => services.echo.allowlist?.allow === 2);
    assert.equal((await bad.say('hi')).heard, 'HI\n');
    await editAllowlist(scenario.kube, [goodCallerId], signal);
    await status.first(({ services }) => services.echo.allowlist?.allow === 1);
    assert.equal((await bad.say('hi')).heard, '');
    assert.equal((await good.say('hi')).heard, 'HI\n');
  });

  it('lives through an API server that is away, changes nothing meanwhile, and goes on by itself', async () => {
    const writes = deviceWrites();
    const noticed = logged(/the cluster cannot be read/);
    const takeBack = scenario.kubeApi.inject({ action: { kind: 'status', code: 503 } });
    scenario.kubeApi.dropConnections();
    await noticed;
    assert.equal(await get('/healthz'), 'ok\n');
    assert.equal((await good.say('hi')).heard, 'HI\n');
    assert.equal((await bad.say('hi')).heard, '');
    assert.deepEqual(deviceWrites(), writes);
    takeBack();
    await editAllowlist(scenario.kube, [goodCallerId, badCallerId], signal);
    await status.first(({ services }) => services.echo.allowlist?.allow === 2);
    assert.equal((await bad.say('hi')).heard, 'HI\n');
  });

  it('lives through a device that is away, says so, and brings the edit when it is back', async () => {
    const { faults } = scenario.bigIp;
    faults.inject({ fault: 'drop-before' });
    await editAllowlist(scenario.kube, [goodCallerId], signal);
    const away = await status.first(({ error }) => error !== undefined);
    assert.equal(away.error?.code, 'MESH_ERR_DEVICE_UNREACHABLE');
    assert.match(await get('/metrics'), /^bigip_mesh_device_reachable\{device="edge"\} 0$/m);
    assert.equal(await get('/healthz'), 'ok\n');
    assert.equal(await get('/readyz'), 'ok\n');
    faults.clear();
    await status.first(({ error, services }) => error === undefined && services.echo.allowlist?.allow === 1);
    assert.equal((await bad.say('hi')).heard, '');
    assert.equal((await good.say('hi')).heard, 'HI\n');
  });

  it('puts back what is changed on the device by hand, and says whose object and which member', async () => {
    const { bigIp } = scenario;
    const person = new IControlClient({
      url: bigIp.url,
      credentials: () =>
        Promise.resolve({ username: deviceUser.name, password: new Secret(deviceUser.password) }),
      tls: { caPem: bigIp.certificatePem },
      clock: systemClock,
      logger: silentLogger(),
    });
    const path = resourcePath('ltm/virtual', { partition: 'mesh', name: 'echo' });
    await person.resources.modify(path, { enabled: false, disabled: true });
    await person.close();
    // Something calls for a look at the device before five minutes are over.
    const roots = { kind: kinds.configMap, namespace: 'istio-system', name: 'istio-ca-root-cert' };
    const before = await scenario.kube.get(roots);
    assert.ok(before !== undefined);
    const annotations = { touched: 'yes' };
    await scenario.kube.replace(kinds.configMap, {
      ...before,
      metadata: { ...before.metadata, annotations },
    });
    const drift = await events.first((note) => note.includes('somebody else'));
    assert.equal(drift, 'on device edge, ltm/virtual echo: enabled changed by somebody else; put back');
    assert.equal((await good.say('hi')).heard, 'HI\n');
    assert.match(
      await get('/metrics'),
      /^bigip_mesh_drift_repaired_total\{device="edge",kind="ltm\/virtual"\} 1$/m,
    );
  });

  it('ends on SIGTERM with exit code 0, and leaves neither a Lease nor a login behind', async () => {
    controller.kill('SIGTERM');
    const { exitCode, stderr } = await ended;
    assert.equal(exitCode, 0, stderr);
    const { items } = await scenario.kube.list(kinds.lease, { namespace: 'mesh-edge' });
    assert.deepEqual(
      items.map((lease) => [
        lease.metadata.name,
        (lease['spec'] as { holderIdentity: string }).holderIdentity,
      ]),
      [['bigip-mesh-agent-edge', '']],
    );
    const last = scenario.bigIp.requests.at(-1);
    assert.match(
      `${last?.method} ${last?.path} ${last?.status}`,
      /^DELETE \/mgmt\/shared\/authz\/tokens\/\w+ 200$/,
    );
  });

  it('logged what it did in lines of JSON, and no secret and no stack', async () => {
    const { stderr } = await ended;
    const lines = stderr.trimEnd().split('\n');
    for (const line of lines) assert.doesNotThrow(() => JSON.parse(line) as unknown, line);
    assert.doesNotMatch(stderr, /FORBIDDEN/);
    assert.match(stderr, /"modify ltm\/data-group\/internal echo_allow"/);
    assert.doesNotMatch(stderr, new RegExp(`${deviceUser.password}|PRIVATE KEY|\\bat .*\\.js:\\d+`));
  });

  async function caller(name: string, spiffeId: string): Promise<OpensslCaller> {
    return OpensslCaller.create({
      folder: scenario.folder,
      name,
      port: scenario.listen.port,
      trustBundlePem: scenario.meshCa.trustBundle.toPem(),
      svid: await scenario.meshCa.mint(spiffeId),
    });
  }

  /** Gives the agent's service account what deploy/manifests/rbac.yaml gives it, and nothing else. */
  async function tokenOfAgent(): Promise<string> {
    const file = await readFile(join(repositoryRoot, 'deploy/manifests/rbac.yaml'), 'utf8');
    for (const document of parseAllDocuments(file)) {
      const object = document.toJS() as KubeObject;
      await scenario.kube.apply(kindOf(object), object, { force: true });
    }
    const serviceAccount = { namespace: 'mesh-edge', name: 'bigip-mesh-agent' };
    const request = { serviceAccount, audiences: [], expirationSeconds: 3600 };
    return (await scenario.kube.createTokenRequest(request)).token.reveal();
  }

  async function get(path: string): Promise<string> {
    return (await fetch(`${url}${path}`)).text();
  }

  function logged(pattern: RegExp): Promise<void> {
    return new Promise((resolve) => {
      const look = (chunk: Buffer): void => {
        if (!pattern.test(chunk.toString())) return;
        controller.stderr.off('data', look);
        resolve();
      };
      controller.stderr.on('data', look);
    });
  }

  function deviceWrites(): string[] {
    return scenario.bigIp.requests
      .filter(({ method, path }) => method !== 'GET' && path.startsWith('/mgmt/tm/'))
      .map(({ method, path }) => `${method} ${path}`);
  }
});

function kindOf({ apiVersion, kind, metadata }: KubeObject): KubeKind {
  const plurals: Readonly<Record<string, string>> = {
    Role: 'roles',
    RoleBinding: 'rolebindings',
    ClusterRole: 'clusterroles',
    ClusterRoleBinding: 'clusterrolebindings',
  };
  const own = Object.values(kinds).find((known) => known.kind === kind && known.apiVersion === apiVersion);
  return (
    own ?? { apiVersion, kind, plural: plurals[kind] ?? '', namespaced: metadata.namespace !== undefined }
  );
}
