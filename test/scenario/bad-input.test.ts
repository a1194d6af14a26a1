import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.js';
import { editAllowlist } from '../../src/demo/edit-allowlist.js';
import { findFreePort } from '../../src/demo/free-port.js';
import { MeshCa } from '../../src/demo/mesh-ca.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { goodCallerId } from '../../src/demo/surroundings.js';
import { kinds } from '../../src/kube/kinds.js';
import { silentLogger } from '../../src/log.js';
import { bigipMesh } from '../support/command.js';
import type { Finished } from '../support/command.js';
import { mintFactoryCertificate } from '../unit/icontrol/device-certificate.js';

const { signal } = new AbortController();

describe('what goes wrong is told in one line, with the next step, and nothing is half-applied', function () {
  this.timeout(60_000);
  let scenario: Scenario;

  beforeEach(async () => {
    scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
  });
  afterEach(() => scenario.close());

  async function apply(edit: (config: string) => string = (config) => config): Promise<Finished> {
    const file = join(scenario.folder, 'edited.yaml');
    await writeFile(file, edit(await readFile(scenario.configFile, 'utf8')));
    return bigipMesh(['apply', '-f', file, '--kubeconfig', scenario.kubeconfigFile]);
  }

  /** Writes to the device, uploads and transactions included; logging in and out is none. */
  function deviceWrites(): string[] {
    return scenario.bigIp.requests
      .filter(({ method, path }) => method !== 'GET' && !path.startsWith('/mgmt/shared/auth'))
      .map(({ method, path }) => `${method} ${path}`);
  }

  async function expectRefusal(
    { exitCode, stdout, stderr }: Finished,
    expected: { readonly exitCode: 1 | 3; readonly message: RegExp; readonly nextStep: RegExp },
  ): Promise<void> {
    const lines = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('edge: '));
    assert.equal(exitCode, expected.exitCode, stderr);
    assert.equal(lines.length, 2, stderr);
    assert.match(lines[0] ?? '', expected.message);
    assert.match(lines[1] ?? '', expected.nextStep);
    assert.doesNotMatch(stdout + stderr, /correct horse|wrong horse|PRIVATE KEY|\bat .*\.js:\d+/);
    assert.deepEqual(deviceWrites(), []);
    const entries = await scenario.kube.list(kinds.workloadEntry, { namespace: 'default' });
    assert.deepEqual(entries.items, []);
  }

  async function replaceSecret(
    namespace: string,
    name: string,
    data: Readonly<Record<string, string>>,
  ): Promise<void> {
    const before = await scenario.kube.get({ kind: kinds.secret, namespace, name });
    assert.ok(before !== undefined);
    await scenario.kube.replace(kinds.secret, {
      ...before,
      data: { ...(before['data'] as object), ...data },
    });
  }

  it('a wrong device password', async () => {
    await replaceSecret('mesh-edge', 'bigip-edge', {
      password: Buffer.from('wrong horse').toString('base64'),
    });
    await expectRefusal(await apply(), {
      exitCode: 1,
      message: /127\.0\.0\.1:\d+: the device refuses user admin/,
      nextStep: /MESH_ERR_DEVICE_AUTH_FAILED/,
    });
    const logins = scenario.bigIp.requests.filter(({ path }) => path === '/mgmt/shared/authn/login');
    assert.ok(logins.length <= 2, `${logins.length} attempts could lock the account`);
  });

  it('a management certificate that is not the expected one', async () => {
    const other = await MeshCa.create({ now: systemClock.now() });
    const file = join(scenario.folder, 'other-ca.pem');
    await writeFile(file, other.rootPem);
    await expectRefusal(
      await apply((config) => config.replace(/caFile: "[^"]+"/, `caFile: ${JSON.stringify(file)}`)),
      {
        exitCode: 1,
        message: /127\.0\.0\.1:\d+/,
        nextStep: /MESH_ERR_DEVICE_CERTIFICATE/,
      },
    );
    assert.deepEqual(scenario.bigIp.requests, []);
  });

  it('a fingerprint that is not that of the management certificate', async () => {
    await expectRefusal(
      await apply((config) => config.replace(/caFile: "[^"]+"/, `sha256: "${'AB:'.repeat(31)}AB"`)),
      {
        exitCode: 1,
        message: /127\.0\.0\.1:\d+/,
        nextStep: /MESH_ERR_DEVICE_CERTIFICATE/,
      },
    );
    assert.deepEqual(scenario.bigIp.requests, []);
  });

  it('a device that cannot be reached', async () => {
    const port = await findFreePort();
    await expectRefusal(await apply((config) => config.replace(/https:[^"]+/, `https://127.0.0.1:${port}`)), {
      exitCode: 1,
      message: new RegExp(`127\\.0\\.0\\.1:${port}`),
      nextStep: /MESH_ERR_DEVICE_UNREACHABLE/,
    });
  });

  it('a device that answers HTML: something else listens at its address', async () => {
    const { certPem, keyPem } = mintFactoryCertificate();
    const page = '<!DOCTYPE html><html><title>It works!</title><body>Apache</body></html>';
    const server = createServer({ cert: certPem, key: keyPem }, (_request, response) =>
      response.setHeader('Content-Type', 'text/html').end(page),
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const file = join(scenario.folder, 'web.pem');
    await writeFile(file, certPem);
    try {
      const edited = await apply((config) =>
        config
          .replace(/https:[^"]+/, `https://127.0.0.1:${port}`)
          .replace(/caFile: "[^"]+"/, `caFile: ${JSON.stringify(file)}`),
      );
      await expectRefusal(edited, {
        exitCode: 1,
        message: new RegExp(`127\\.0\\.0\\.1:${port}.*a page titled`),
        nextStep: /MESH_ERR_DEVICE_PROTOCOL/,
      });
    } finally {
      server.close();
    }
  });

  it('a config file of another version', async () => {
    await expectRefusal(await apply((config) => config.replace('mesh.io/v1', 'mesh.io/v2')), {
      exitCode: 3,
      message: /edited\.yaml:1:13: apiVersion must be bigip-mesh\.io\/v1/,
      nextStep: /MESH_ERR_CONFIG_INVALID/,
    });
  });

  it('a mesh CA whose key is not that of its certificate', async () => {
    const other = await MeshCa.create({ now: systemClock.now() });
    const key = other.cacertsData().reveal()['ca-key.pem']?.toString('base64') ?? '';
    await replaceSecret('istio-system', 'cacerts', { 'ca-key.pem': key });
    await expectRefusal(await apply(), {
      exitCode: 1,
      message: /ca-key\.pem of the secret istio-system\/cacerts is not the key of ca-cert\.pem/,
      nextStep: /MESH_ERR_CA_/,
    });
  });

  it('an invalid SPIFFE ID in the allowlist', async () => {
    await editAllowlist(
      scenario.kube,
      [goodCallerId, 'spiffe://Cluster.Local/ns/default/sa/default'],
      signal,
    );
    await expectRefusal(await apply(), {
      exitCode: 3,
      message: /ConfigMap default\/echo-callers, allow line 2: /,
      nextStep: /MESH_ERR_ALLOWLIST_INVALID/,
    });
  });

  it('a Secret with credentials that does not exist', async () => {
    await expectRefusal(await apply((config) => config.replace('name: bigip-edge', 'name: bigip-egde')), {
      exitCode: 1,
      message: /Secret mesh-edge\/bigip-egde .* does not exist/,
      nextStep: /MESH_ERR_CREDENTIALS_MISSING/,
    });
  });

  it('a misspelt key of the config file', async () => {
    await expectRefusal(await apply((config) => config.replace('backends:', 'backend:')), {
      exitCode: 3,
      message: /edited\.yaml:\d+:\d+: services\[0\]\.backend is an unknown key; did you mean "backends"\?/,
      nextStep: /MESH_ERR_CONFIG_INVALID/,
    });
  });

  it('a kubeconfig that does not exist', async () => {
    const finished = await bigipMesh([
      'apply',
      '-f',
      scenario.configFile,
      '--kubeconfig',
      '/nowhere/kubeconfig',
    ]);
    await expectRefusal(finished, {
      exitCode: 3,
      message: /\/nowhere\/kubeconfig/,
      nextStep: /MESH_ERR_KUBE_CONFIG/,
    });
  });

  it('an object of somebody else where one of ours should be', async () => {
    const first = await apply();
    assert.equal(first.exitCode, 0, first.stderr);
    // The ledger still lists it; only the mark on the object is gone.
    await patchDevice('/mgmt/tm/ltm/pool/~mesh~echo_pool', { description: 'taken over by the web team' });
    const before = deviceWrites().length;
    const second = await apply((config) => config.replace(/backends: .*/, 'backends: ["127.0.0.1:9"]'));
    assert.equal(second.exitCode, 1, second.stderr);
    assert.match(second.stderr, /ltm\/pool \/mesh\/echo_pool .* was not made by the agent/);
    assert.equal(deviceWrites().length, before);
  });

  it('a data plane without tclsh', async () => {
    const args = ['mock', '--listen', '127.0.0.1:0', '--user', 'admin:secret'];
    const finished = await bigipMesh(args, { ...process.env, PATH: '/nowhere' });
    assert.equal(finished.exitCode, 1);
    assert.match(finished.stderr, /tclsh/);
    assert.match(finished.stderr, /apt-get install tcl/);
  });

  it('a demo without tclsh', async () => {
    const finished = await bigipMesh(['demo'], { ...process.env, PATH: '/nowhere' });
    assert.equal(finished.exitCode, 1);
    assert.match(finished.stderr, /apt-get install tcl.*MESH_ERR_TCLSH_MISSING/);
  });

  async function patchDevice(path: string, body: object): Promise<void> {
    const { request } = await import('node:https');
    await new Promise<void>((resolve, reject) => {
      const call = request(
        new URL(path, scenario.bigIp.url),
        {
          method: 'PATCH',
          ca: scenario.bigIp.certificatePem,
          checkServerIdentity: () => undefined,
          auth: 'admin:correct horse',
          headers: { 'Content-Type': 'application/json' },
        },
        (response) => {
          response.resume();
          response.once('end', () =>
            response.statusCode === 200
              ? resolve()
              : reject(new Error(`PATCH answered ${response.statusCode}`)),
          );
        },
      );
      call.once('error', reject);
      call.end(JSON.stringify(body));
    });
  }
});
