import { strict as assert } from 'node:assert';

import { badCallerId, goodCallerId } from '../../../src/demo/surroundings.js';
import { kinds } from '../../../src/kube/kinds.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { ControllerBed, serviceOf } from './controller-bed.js';
import type { Replica } from './controller-bed.js';

const isAllowlistRead = ({ path }: { readonly path: string }): boolean =>
  path === '/api/v1/namespaces/default/configmaps';

describe('a controller that starts anew and cannot read something', function () {
  this.timeout(30_000);
  let bed: ControllerBed;
  let replica: Replica;

  beforeEach(async () => {
    bed = await ControllerBed.start();
    await bed.edit('ping', { allow: goodCallerId });
    const before = await bed.startReplica();
    await before.when(
      (status) => status.syncedAt !== undefined && serviceOf(status, 'ping').provenAt !== undefined,
    );
    await before.stop();
    bed.scenario.bigIp.forgetRequests();
  });
  afterEach(() => bed.close());

  it('changes nothing on the device because of allowlists that it cannot read, and proves it all the same', async () => {
    const takeBack = bed.scenario.kubeApi.inject({
      action: { kind: 'status', code: 403 },
      matches: isAllowlistRead,
    });
    replica = await bed.startReplica();
    const status = await replica.when((seen) => serviceOf(seen, 'echo').provenAt !== undefined);
    const { failure, provenAt, allowlist } = serviceOf(status, 'echo');
    assert.equal(failure?.code, 'MESH_ERR_ALLOWLIST_UNKNOWN');
    assert.match(failure.message, /configmaps in default .*403/);
    assert.ok(provenAt !== undefined);
    assert.equal(allowlist?.allow, 1);
    assert.match(replica.controller.ready().join('\n'), /403/);
    // Saving is what a controller does that does not know whether the one before it could.
    assert.deepEqual(bed.deviceWrites, ['POST /mgmt/tm/sys/config']);
    assert.equal(await bed.call('echo', goodCallerId), 'answered');
    takeBack();
    await replica.when(({ syncedAt }) => syncedAt !== undefined);
    assert.deepEqual(replica.controller.ready(), []);
  });

  it('brings an edit of allowlists to the device although the roots of the mesh are nowhere', async () => {
    const { kube } = bed.scenario;
    const roots = { kind: kinds.configMap, namespace: 'istio-system', name: 'istio-ca-root-cert' };
    const uid = (await kube.get(roots))?.metadata.uid ?? '';
    await kube.delete(roots, { uid });
    await bed.edit('echo', { allow: badCallerId });
    replica = await bed.startReplica();
    const status = await replica.when(({ reconciledAt }) => reconciledAt !== undefined);
    assert.equal(status.failure?.code, 'MESH_ERR_CA_ROOT_MISMATCH');
    assert.equal(await bed.call('echo', goodCallerId), 'refused');
    assert.equal(await bed.call('echo', badCallerId), 'answered');
  });

  it('keeps the certificate that the device has when no new one can be had', async () => {
    const { kube } = bed.scenario;
    const secret = { kind: kinds.secret, namespace: 'istio-system', name: 'cacerts' };
    const uid = (await kube.get(secret))?.metadata.uid ?? '';
    await kube.delete(secret, { uid });
    // Every certificate is due: the mesh has a name now that none of them carries.
    await setTrustDomain('other.example');
    replica = await bed.startReplica();
    const status = await replica.when(({ reconciledAt }) => reconciledAt !== undefined);
    assert.equal(status.failure, undefined);
    assert.match(serviceOf(status, 'echo').failure?.code ?? '', /^MESH_ERR_CA_SECRET_MISSING$/);
    const removed = bed.deviceWrites.filter((write) => write.startsWith('DELETE') && write.includes('/ssl-'));
    assert.deepEqual(removed, []);
  });

  it('keeps to the facts of the mesh of before when those of now cannot be read', async () => {
    replica = await bed.startReplica();
    await replica.when(({ syncedAt }) => syncedAt !== undefined);
    const failed = replica.when(({ failure }) => failure?.code === 'MESH_ERR_MESH_FACTS');
    await setTrustDomain('[not YAML');
    await failed;
    assert.equal(await bed.call('echo', goodCallerId), 'answered');
    const mended = replica.when(({ failure }) => failure === undefined);
    await setTrustDomain('cluster.local');
    await mended;
  });

  async function setTrustDomain(text: string): Promise<KubeObject> {
    const { kube } = bed.scenario;
    const istio = await kube.get({ kind: kinds.configMap, namespace: 'istio-system', name: 'istio' });
    assert.ok(istio !== undefined);
    return kube.replace(kinds.configMap, { ...istio, data: { mesh: `trustDomain: ${text}\n` } });
  }
});
