import { strict as assert } from 'node:assert';
import { readFile } from 'node:fs/promises';
import { Agent } from '../../src/agent.js';
import { systemClock } from '../../src/clock.js';
import { parseConfig } from '../../src/config/load-config.js';
import { editAllowlist } from '../../src/demo/edit-allowlist.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { badCallerId, goodCallerId } from '../../src/demo/surroundings.js';
import { kinds } from '../../src/kube/kinds.js';
import { silentLogger } from '../../src/log.js';
import type { ReconcileReport } from '../../src/reconcile/run-once.js';
import { bigipMesh } from '../support/command.js';
import type { Finished } from '../support/command.js';
import { DeviceContents } from '../support/device-contents.js';
import { OpensslCaller } from '../support/openssl-caller.js';
import { ControllerBed, serviceOf } from '../unit/controller/controller-bed.js';

const { signal } = new AbortController();

describe('a new certificate that the device takes and does not serve', function () {
  this.timeout(30_000);

  describe('by commands', () => {
    let scenario: Scenario;
    let device: DeviceContents;

    beforeEach(async () => {
      scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
      device = await DeviceContents.open(scenario.bigIp);
    });
    afterEach(async () => {
      device.close();
      await scenario.close();
    });

    it('is an error, and the service has its earlier one again, until it is rotated anew', async () => {
      await reconcile();
      const earlier = await device.pair('echo');
      scenario.bigIp.faults.inject({ fault: 'old-certificate' });

      const rotated = await command('rotate', 'echo');
      assert.equal(rotated.exitCode, 1);
      assert.match(
        rotated.stderr,
        /another certificate of .* is served .*; rolled back to the earlier certificate \(SHA-256 [0-9a-f]{12}\), which is proven/,
      );
      assert.match(rotated.stderr, /MESH_ERR_PROOF_FAILED/);
      assert.doesNotMatch(rotated.stdout, /certificate new/);
      assert.deepEqual(await device.pair('echo'), earlier);
      assert.equal(await heardBy(goodCallerId), 'HI\n');
      assert.equal(await heardBy(badCallerId), '');
      assert.equal(await health(), 'True');

      // The wait is on the device, so that processes which know nothing of each other keep to it.
      const epoch = transactions();
      const again = await command('apply');
      assert.equal(again.exitCode, 1);
      assert.match(again.stderr, /has its earlier certificate again/);
      assert.match(again.stderr, /a new one is tried after \S+Z, or now by bigip-mesh rotate echo --now/);
      await assert.rejects(reconcile({ renew: ['echo'] }), { message: /has its earlier certificate again/ });
      assert.equal(transactions(), epoch);

      scenario.bigIp.faults.clear();
      const now = await command('rotate', 'echo', '--now');
      assert.equal(now.exitCode, 0, now.stderr);
      assert.notDeepEqual(await device.pair('echo'), earlier);
      await reconcile();
    });

    it('brings nobody back who was taken off the allowlist by the same run', async () => {
      await editAllowlist(scenario.kube, [goodCallerId, badCallerId], signal);
      await reconcile();
      assert.equal(await heardBy(badCallerId), 'HI\n');
      await editAllowlist(scenario.kube, [goodCallerId], signal);
      scenario.bigIp.faults.inject({ fault: 'old-certificate' });
      await assert.rejects(reconcile({ renew: ['echo'] }), { message: /rolled back .* which is proven$/ });
      assert.equal(await heardBy(badCallerId), '');
      assert.equal(await heardBy(goodCallerId), 'HI\n');
    });

    it('takes the service out of sight when the earlier one is of another identity, and changes nothing', async () => {
      await reconcile();
      scenario.bigIp.faults.inject({ fault: 'old-certificate' });
      const other = (text: string): string => text.replace('serviceAccount: bigip', 'serviceAccount: other');
      await assert.rejects(reconcile({ configure: other }), {
        code: 'MESH_ERR_PROOF_FAILED',
        message:
          /not rolled back to an earlier certificate: the one of before is no good: it is of spiffe:\/\/cluster.local\/ns\/default\/sa\/bigip$/,
      });
      assert.equal(await health(), 'False');
      assert.equal(transactions(), 2);
    });

    it('takes the service out of sight when going back fails, and says both', async () => {
      await reconcile();
      const { faults } = scenario.bigIp;
      faults.inject({ fault: 'old-certificate' });
      faults.inject({ fault: 'provisioning', method: 'PATCH', path: '/mgmt/tm/transaction', skip: 1 });
      await assert.rejects(reconcile({ renew: ['echo'] }), {
        code: 'MESH_ERR_PROOF_FAILED',
        message: /another certificate .*; rolling back to the earlier certificate failed: .*provisioning/,
      });
      assert.equal(await health(), 'False');
    });

    it('takes the service out of sight when the earlier one does not help', async () => {
      await reconcile();
      await scenario.echo.close();
      await assert.rejects(reconcile({ renew: ['echo'] }), {
        code: 'MESH_ERR_PROOF_FAILED',
        message: /rolled back to the earlier certificate \(.*\), which is not proven either: good caller/,
      });
      assert.equal(await health(), 'False');
    });

    function command(name: string, ...args: string[]): Promise<Finished> {
      const files = ['-f', scenario.configFile, '--kubeconfig', scenario.kubeconfigFile];
      return bigipMesh([name, ...args, ...files]);
    }

    async function reconcile({
      renew = [] as readonly string[],
      configure = (text: string): string => text,
    } = {}): Promise<ReconcileReport> {
      const config = parseConfig(configure(await readFile(scenario.configFile, 'utf8')), 'config.yaml');
      const { kubeconfigFile: kubeconfig } = scenario;
      const ports = { clock: systemClock, logger: silentLogger(), signal };
      const agent = await Agent.open({ config, kubeconfig, ...ports });
      try {
        const [edge] = config.devices;
        assert.ok(edge !== undefined);
        return await agent.reconcile(edge, { mode: 'apply', renew: new Set(renew) });
      } finally {
        await agent.close();
      }
    }

    async function heardBy(spiffeId: string): Promise<string> {
      const caller = await OpensslCaller.create({
        folder: scenario.folder,
        name: 'caller',
        port: scenario.listen.port,
        trustBundlePem: scenario.meshCa.trustBundle.toPem(),
        svid: await scenario.meshCa.mint(spiffeId),
      });
      return (await caller.say('hi')).heard;
    }

    /** Whether the mesh sends callers. */
    async function health(): Promise<string | undefined> {
      const { items } = await scenario.kube.list(kinds.workloadEntry, { namespace: 'default' });
      const { conditions = [] } = (items[0]?.['status'] ?? {}) as {
        conditions?: ReadonlyArray<{ type: string; status: string }>;
      };
      return conditions.find(({ type }) => type === 'Healthy')?.status;
    }

    function transactions(): number {
      return scenario.bigIp.requests.filter(({ path }) => path === '/mgmt/tm/transaction').length;
    }
  });

  it('turns the status of the controller red, not in a loop, and green when a new one is served', async () => {
    const bed = await ControllerBed.start();
    const device = await DeviceContents.open(bed.scenario.bigIp);
    try {
      await bed.edit('ping', { allow: goodCallerId });
      await putSvid(bed);
      // A source that somebody else renews: what it gives is installed, however young the one of before.
      const replica = await bed.startReplica({
        configure: (text) =>
          text.replace('source: ca-secret', 'source: secret\n  secret: {name: bigip-svid}'),
      });
      const serving = await replica.when((status) => serviceOf(status, 'echo').provenAt !== undefined);
      const { certificate } = serviceOf(serving, 'echo');
      const earlier = await device.pair('echo');
      const { faults } = bed.scenario.bigIp;
      faults.inject({ fault: 'old-certificate' });

      await putSvid(bed);
      const told = replica.when((status) => serviceOf(status, 'echo').failure !== undefined);
      await bed.edit('echo', { allow: `# called for by an edit\n${goodCallerId}` });
      const red = serviceOf(await told, 'echo');
      assert.equal(red.failure?.code, 'MESH_ERR_PROOF_FAILED');
      assert.match(red.failure?.message ?? '', /rolled back to the earlier certificate .* which is proven$/);
      assert.deepEqual(red.certificate, certificate);
      assert.deepEqual(await device.pair('echo'), earlier);
      assert.equal(await bed.call('echo', goodCallerId), 'answered');
      assert.equal(await bed.health('echo'), 'True Proven');
      const metrics = await replica.metrics.render();
      assert.match(
        metrics,
        /^bigip_mesh_rollbacks_total\{device="edge",service="echo",outcome="proven"\} 1$/m,
      );
      assert.match(metrics, /^bigip_mesh_service_healthy\{device="edge",service="echo"\} 0$/m);
      const events = await eventsOf(bed);
      assert.ok(events.some((event) => /^CertificateRolledBack: .*earlier certificate again/.test(event)));
      assert.ok(events.some((event) => /^ServiceFailed: .*MESH_ERR_PROOF_FAILED/.test(event)));

      // Called for again, it is not the certificate that failed which is tried.
      bed.scenario.bigIp.forgetRequests();
      const next = replica.next();
      await bed.edit('echo', { allow: `# called for once more\n${goodCallerId}` });
      const still = serviceOf(await next, 'echo');
      assert.match(still.failure?.message ?? '', /has its earlier certificate again/);
      assert.ok(!bed.deviceWrites.some((write) => write.includes('client-ssl')), bed.deviceWrites.join('\n'));

      // What somebody renews meanwhile is another certificate, and does not wait.
      faults.clear();
      await putSvid(bed);
      await bed.edit('echo', { allow: goodCallerId });
      const green = await replica.when((status) => serviceOf(status, 'echo').failure === undefined);
      assert.notDeepEqual(await device.pair('echo'), earlier);
      assert.notEqual(serviceOf(green, 'echo').certificate?.sha256, certificate?.sha256);
    } finally {
      device.close();
      await bed.close();
    }
  });

  async function putSvid({ scenario }: ControllerBed): Promise<void> {
    const { kube, meshCa } = scenario;
    const svid = await meshCa.mint('spiffe://cluster.local/ns/default/sa/bigip');
    const ref = { kind: kinds.secret, namespace: 'default', name: 'bigip-svid' };
    const live = await kube.get(ref);
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/tls',
      metadata: live?.metadata ?? { namespace: ref.namespace, name: ref.name },
      data: {
        'tls.crt': base64(svid.renderLeafPem() + svid.renderChainPem()),
        'tls.key': base64(svid.renderKeyPem().reveal()),
        'ca.crt': base64(meshCa.rootPem),
      },
    };
    await (live === undefined ? kube.create(kinds.secret, secret) : kube.replace(kinds.secret, secret));
  }

  async function eventsOf({ scenario }: ControllerBed): Promise<string[]> {
    const { items } = await scenario.kube.list(kinds.event, { namespace: 'default' });
    return items.map((event) => `${String(event['reason'])}: ${String(event['note'])}`);
  }
});
