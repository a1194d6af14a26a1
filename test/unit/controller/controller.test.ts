import { strict as assert } from 'node:assert';
import { createServer } from 'node:net';

import { parse } from 'yaml';

import { deviceLeaseName } from '../../../src/controller/lease-names.js';
import { statusName } from '../../../src/controller/status-config-map.js';
import { badCallerId, goodCallerId } from '../../../src/demo/surroundings.js';
import { collectionPath, resourcePath } from '../../../src/icontrol/resource-path.js';
import { kinds } from '../../../src/kube/kinds.js';
import { until } from '../../support/until.js';
import { ControllerBed, serviceOf } from './controller-bed.js';
import type { Replica } from './controller-bed.js';

const everybody = 'spiffe://cluster.local/ns/*';

describe('the controller, against the mock BIG-IP and the API double', function () {
  this.timeout(30_000);
  let bed: ControllerBed;
  let replica: Replica;

  const isWell = (service: string) => (status: Awaited<ReturnType<Replica['next']>>) =>
    status.failure === undefined &&
    serviceOf(status, service).failure === undefined &&
    serviceOf(status, service).provenAt !== undefined;

  describe('while all is well', () => {
    before(async () => {
      bed = await ControllerBed.start();
      await bed.edit('ping', { allow: goodCallerId });
      replica = await bed.startReplica();
      await replica.when(isWell('ping'));
    });
    after(() => bed.close());

    it('makes the device as it should be, proves it and registers it, without a command', async () => {
      const status = await replica.when(isWell('echo'));
      const { identity, certificate, allowlist } = serviceOf(status, 'echo');
      assert.equal(identity, 'spiffe://cluster.local/ns/default/sa/bigip');
      assert.match(certificate?.sha256 ?? '', /^[0-9a-f]{64}$/);
      assert.deepEqual(allowlist, { allow: 1, deny: 0, mode: 'enforce' });
      assert.equal(await bed.call('echo', goodCallerId), 'answered');
      assert.equal(await bed.call('echo', badCallerId), 'refused');
      assert.equal(await bed.health('echo'), 'True Proven');
    });

    it('brings an edit to the device by itself, six requests until it is enforced', async () => {
      bed.scenario.bigIp.forgetRequests();
      const done = replica.next();
      await bed.edit('echo', { allow: `${goodCallerId}\n${badCallerId}` });
      await done;
      assert.equal(await bed.call('echo', badCallerId), 'answered');
      const enforced = bed.scenario.bigIp.requests.findIndex(
        ({ method, path }) => method === 'PATCH' && path.startsWith('/mgmt/tm/transaction/'),
      );
      assert.equal(enforced, 5, bed.scenario.bigIp.requests.map(({ path }) => path).join('\n'));
    });

    it('takes a caller out again, and touches no other service', async () => {
      const done = replica.next();
      await bed.edit('echo', { allow: goodCallerId });
      const status = await done;
      assert.equal(await bed.call('echo', badCallerId), 'refused');
      assert.equal(await bed.call('ping', goodCallerId), 'answered');
      assert.equal(status.failure, undefined);
    });

    it('tells operators on the ConfigMap what was applied', async () => {
      const { items } = await bed.scenario.kube.list(kinds.event, { namespace: 'default' });
      const notes = items.map((event) => `${String(event['reason'])}: ${String(event['note'])}`);
      assert.ok(
        notes.includes(`AllowlistApplied: service echo on device edge: allow - ${badCallerId}; proven`),
        notes.join('\n'),
      );
    });

    it('writes the status into its own namespace', async () => {
      const ref = { kind: kinds.configMap, namespace: 'mesh-edge', name: statusName };
      const object = await bed.scenario.kube.get(ref);
      assert.ok(object !== undefined);
      const status = parse((object['data'] as { edge: string }).edge) as {
        writtenBy: string;
        services: { echo: { provenAt: string; refused: number } };
      };
      assert.equal(status.writtenBy, 'one');
      assert.equal(status.services.echo.refused, 0);
      assert.ok(!Number.isNaN(Date.parse(status.services.echo.provenAt)));
    });

    it('measures what alerts are made of', async () => {
      const text = await replica.metrics.render();
      for (const line of [
        /^bigip_mesh_leader\{device="edge"\} 1$/m,
        /^bigip_mesh_device_reachable\{device="edge"\} 1$/m,
        /^bigip_mesh_service_healthy\{device="edge",service="echo"\} 1$/m,
        /^bigip_mesh_served_certificate_not_after_timestamp_seconds\{device="edge",service="echo"\} \d{10}$/m,
        /^bigip_mesh_last_proof_timestamp_seconds\{device="edge",service="ping"\} \d{10}/m,
        /^bigip_mesh_last_sync_timestamp_seconds\{device="edge"\} \d{10}/m,
        /^bigip_mesh_converge_duration_seconds_count\{device="edge"\} [1-9]/m,
        /^bigip_mesh_device_requests_total\{device="edge",method="GET",status="200"\} [1-9]/m,
        /^bigip_mesh_quarantined_entries\{device="edge",service="echo"\} 0$/m,
      ]) {
        assert.match(text, line);
      }
    });

    it('lets nobody in when the ConfigMap is deleted: that was seen, and applies at once', async () => {
      const { kube } = bed.scenario;
      const ref = { kind: kinds.configMap, namespace: 'default', name: 'echo-callers' };
      const uid = (await kube.get(ref))?.metadata.uid ?? '';
      const done = replica.next();
      await kube.delete(ref, { uid });
      await done;
      assert.equal(await bed.call('echo', goodCallerId), 'refused');
      const put = replica.next();
      await bed.edit('echo', { allow: goodCallerId });
      await put;
      assert.equal(await bed.call('echo', goodCallerId), 'answered');
    });

    it('is alive and ready', () => {
      assert.deepEqual(replica.controller.live(), []);
      assert.deepEqual(replica.controller.ready(), []);
    });

    it('leaves neither a Lease nor a login behind when it is told to stop', async () => {
      await replica.stop();
      const lease = await bed.scenario.kube.get({
        kind: kinds.lease,
        namespace: 'mesh-edge',
        name: deviceLeaseName('edge'),
      });
      assert.ok(lease !== undefined);
      assert.equal((lease['spec'] as { holderIdentity: string }).holderIdentity, '');
      const last = bed.scenario.bigIp.requests.at(-1);
      assert.equal(
        `${last?.method} ${last?.path.replace(/\/[^/]+$/, '')}`,
        'DELETE /mgmt/shared/authz/tokens',
      );
    });
  });

  describe('while something is wrong', () => {
    beforeEach(async () => {
      bed = await ControllerBed.start();
      await bed.edit('ping', { allow: everybody, deny: badCallerId });
    });
    afterEach(() => bed.close());

    it('sets a bad line aside, names it, and applies the others', async () => {
      await bed.edit('echo', { allow: `nonsense\n${goodCallerId}` });
      replica = await bed.startReplica();
      const status = await replica.when(isWell('echo'));
      const [refusal] = serviceOf(status, 'echo').refusals;
      assert.ok(refusal?.policy === undefined);
      assert.equal(refusal?.line, 1);
      assert.equal(await bed.call('echo', goodCallerId), 'answered');
      const { items } = await bed.scenario.kube.list(kinds.event, { namespace: 'default' });
      const refused = items.find((event) => event['reason'] === 'AllowlistRefused');
      assert.match(String(refused?.['note']), /^allow line 1: /);
      assert.match(
        await replica.metrics.render(),
        /^bigip_mesh_quarantined_entries\{device="edge",service="echo"\} 1$/m,
      );
    });

    it('re-admits nobody by a bad deny line, not after a restart either', async () => {
      replica = await bed.startReplica();
      await replica.when(isWell('ping'));
      assert.equal(await bed.call('ping', badCallerId), 'refused');
      const seen = replica.next();
      await bed.edit('ping', { allow: everybody, deny: `${badCallerId}!` });
      assert.equal(serviceOf(await seen, 'ping').isDenyHeld, true);
      assert.equal(await bed.call('ping', badCallerId), 'refused');

      await replica.stop();
      replica = await bed.startReplica();
      const status = await replica.when(isWell('ping'));
      assert.equal(serviceOf(status, 'ping').isDenyHeld, true);
      assert.equal(await bed.call('ping', badCallerId), 'refused');

      const mended = replica.next();
      await bed.edit('ping', { allow: everybody });
      assert.equal(serviceOf(await mended, 'ping').isDenyHeld, false);
      assert.equal(await bed.call('ping', badCallerId), 'answered');
    });

    it('goes on with one service while an object of somebody else stands in the way of another', async () => {
      await bed.byHand(async (client) => {
        await client.resources.create(collectionPath('auth/partition'), { name: 'mesh' });
        await client.resources.create(collectionPath('ltm/pool'), { name: 'ping_pool', partition: 'mesh' });
      });
      replica = await bed.startReplica();
      const status = await replica.when(isWell('echo'));
      assert.equal(serviceOf(status, 'ping').failure?.code, 'MESH_ERR_PLAN_BLOCKED');
      assert.equal(await bed.call('echo', goodCallerId), 'answered');
      assert.equal(await bed.call('ping', goodCallerId), 'unreachable');
      const { items } = await bed.scenario.kube.list(kinds.event, { namespace: 'default' });
      const failed = items.find((event) => event['reason'] === 'ServiceFailed');
      assert.match(
        String(failed?.['note']),
        /ping_pool .* was not made by the agent.*\(MESH_ERR_PLAN_BLOCKED\)$/,
      );
      await bed.byHand((client) =>
        client.resources.remove(resourcePath('ltm/pool', { partition: 'mesh', name: 'ping_pool' })),
      );
      await replica.when(isWell('ping'));
      assert.equal(await bed.call('ping', goodCallerId), 'answered');
    });

    it('takes a service that fails its proof out of sight, and back when it passes again', async () => {
      const { echo } = bed.scenario;
      replica = await bed.startReplica();
      await replica.when(isWell('echo'));
      assert.equal(await bed.health('echo'), 'True Proven');
      await echo.close();
      await bed.edit('echo', { allow: `${goodCallerId} # still` });
      await replica.when((status) => serviceOf(status, 'echo').failure?.code === 'MESH_ERR_PROOF_FAILED');
      assert.equal(await bed.health('echo'), 'False ProofFailed');
      const backend = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.on('data', (chunk: Buffer) => socket.write(chunk.toString().toUpperCase()));
      });
      await new Promise<void>((resolve) => backend.listen(echo.port, '127.0.0.1', resolve));
      try {
        await replica.when(isWell('echo'));
        assert.equal(await bed.health('echo'), 'True Proven');
      } finally {
        await replica.stop();
        backend.close();
      }
    });
  });

  it('leaves nothing half-done when it is told to stop in the midst of a change', async () => {
    bed = await ControllerBed.start();
    try {
      const { bigIp } = bed.scenario;
      await bed.edit('ping', { allow: everybody });
      replica = await bed.startReplica();
      await until(() => bigIp.requests.some(({ path }) => path === '/mgmt/tm/ltm/pool'));
      await replica.stop();
      const ended = bigIp.requests.map(({ method, path }) => `${method} ${path}`);
      const transactions = ended.filter((request) => request === 'POST /mgmt/tm/transaction').length;
      const closed = ended.filter((request) => /^(PATCH|DELETE) \/mgmt\/tm\/transaction\//.test(request));
      assert.equal(transactions, 1);
      assert.ok(closed.length > 0, ended.join('\n'));
      assert.ok(ended.includes('POST /mgmt/tm/util/unix-rm'), 'the uploads are removed');
      assert.match(ended.at(-1) ?? '', /^DELETE \/mgmt\/shared\/authz\/tokens\//);

      replica = await bed.startReplica();
      await replica.when(isWell('ping'));
      assert.equal(await bed.call('ping', goodCallerId), 'answered');
    } finally {
      await bed.close();
    }
  });

  describe('while the device refuses one service', () => {
    const address = '192.0.2.9';

    before(async () => {
      bed = await ControllerBed.start(`${address}:9`);
      await bed.edit('ping', { allow: everybody });
      await bed.byHand((client) =>
        client.resources.create(collectionPath('ltm/node'), {
          name: 'squatter',
          partition: 'Common',
          address,
        }),
      );
      replica = await bed.startReplica();
    });
    after(() => bed.close());

    it('goes on with the others', async () => {
      const status = await replica.when(isWell('echo'));
      assert.equal(serviceOf(status, 'ping').failure?.code, 'MESH_ERR_DEVICE_EXISTS');
      assert.match(serviceOf(status, 'ping').failure?.message ?? '', /192\.0\.2\.9 already exists/);
      assert.equal(await bed.call('echo', goodCallerId), 'answered');
    });

    it('brings an edit to the others all the same', async () => {
      const done = replica.next();
      await bed.edit('echo', { allow: badCallerId });
      await done;
      await replica.when((status) => serviceOf(status, 'echo').failure === undefined);
      assert.equal(await bed.call('echo', goodCallerId), 'refused');
    });
  });
});
