import { strict as assert } from 'node:assert';

import type { DeviceStatus } from '../../../src/controller/device-status.js';
import { revocationNews } from '../../../src/controller/revocation-news.js';
import { statusName } from '../../../src/controller/status-config-map.js';
import { goodCallerId } from '../../../src/demo/surroundings.js';
import { AgentError } from '../../../src/errors.js';
import { kinds } from '../../../src/kube/kinds.js';
import type { KubeKind } from '../../../src/kube/object.js';
import { callWithTls } from '../../../src/proof/call.js';
import type { RevocationState } from '../../../src/reconcile/revocation/plan-revocation.js';
import type { Svid } from '../../../src/spiffe/svid.js';
import { RevokingCa } from '../../support/revoking-ca.js';
import { ControllerBed } from './controller-bed.js';

const namespace = 'istio-system';

describe('the CRLs of the mesh under the controller', function () {
  this.timeout(30_000);
  let bed: ControllerBed;
  let ca: RevokingCa;
  beforeEach(async () => {
    bed = await ControllerBed.start();
    ca = await RevokingCa.create(new Date());
    const { kube } = bed.scenario;
    const entries = Object.entries(ca.cacertsData().reveal());
    await replace(
      kinds.secret,
      'cacerts',
      Object.fromEntries(entries.map(([key, value]) => [key, value.toString('base64')])),
    );
    await replace(kinds.configMap, 'istio-ca-root-cert', { 'root-cert.pem': ca.rootPem });
    await kube.create(kinds.configMap, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace, name: 'istio-ca-crl' },
      data: { 'ca-crl.pem': '' },
    });
  });
  afterEach(() => bed.close());

  async function replace(
    kind: KubeKind,
    name: string,
    data: Readonly<Record<string, string>>,
  ): Promise<void> {
    const before = await bed.scenario.kube.get({ kind, namespace, name });
    assert.ok(before);
    await bed.scenario.kube.replace(kind, { ...before, data });
  }

  const publish = (pem: string) => replace(kinds.configMap, 'istio-ca-crl', { 'ca-crl.pem': pem });

  async function call(caller: Svid): Promise<string> {
    const { listen } = bed.scenario;
    const { result } = await callWithTls({
      ...listen,
      trustBundlePem: ca.rootPem,
      serverName: 'outbound_.9000_._.bigip.default.svc.cluster.local',
      caller: {
        certificatePem: caller.renderLeafPem() + caller.renderChainPem(),
        keyPem: caller.renderKeyPem(),
      },
      probe: { send: 'hi\n', expect: 'HI' },
      checkServer: () => undefined,
      deadlineMs: 5000,
      settleMs: 100,
    });
    return result;
  }

  const fileOf = ({ revocation }: DeviceStatus): string | undefined => revocation?.file;
  const isProven = ({ syncedAt }: DeviceStatus): boolean => syncedAt !== undefined;

  it('reach the device as soon as they change, and what is wrong with them is told', async () => {
    const [good, revoked] = [await ca.mint(goodCallerId), await ca.mint(goodCallerId)];
    const replica = await bed.startReplica();
    const { metrics } = replica;
    await replica.when(isProven);
    assert.equal(await call(revoked), 'answered');
    assert.match(await metrics.render(), /^bigip_mesh_crl_in_force\{device="edge"\} 0$/m);

    await publish(ca.listPem('root') + ca.listPem('intermediate', { revoked: [revoked.leaf] }));
    const brought = await replica.when((status) => fileOf(status) !== undefined);
    assert.equal(await call(revoked), 'refused');
    assert.equal(await call(good), 'answered');

    await publish('junk');
    const kept = await replica.when(({ revocation }) => (revocation?.refusals.length ?? 0) > 0);
    assert.equal(fileOf(kept), fileOf(brought));
    assert.equal(kept.failure, undefined, 'everything else goes on');
    assert.equal(await call(revoked), 'refused');
    const rendered = await metrics.render();
    assert.match(rendered, /^bigip_mesh_crl_in_force\{device="edge"\} 1$/m);
    assert.match(rendered, /^bigip_mesh_crl_problems\{device="edge",code="MESH_ERR_CRL_REFUSED"\} 1$/m);

    const { kube } = bed.scenario;
    const { items: events } = await kube.list(kinds.event, { namespace: 'mesh-edge' });
    const told = events.map((event) => `${String(event['reason'])} ${String(event['note'])}`).toSorted();
    assert.match(told.join('\n'), /^RevocationListProblem .*no PEM block.*\(MESH_ERR_CRL_REFUSED\)$/m);
    assert.match(told.join('\n'), /^RevocationListsChanged .*CN=revoking intermediate revokes 1/m);
    const status = await kube.get({ kind: kinds.configMap, namespace: 'mesh-edge', name: statusName });
    const { edge } = (status?.['data'] ?? {}) as { edge?: string };
    assert.match(
      edge ?? '',
      /revocation:\n {2}file: ca_crl_[0-9a-f]{12}\.crl\n[^]*code: MESH_ERR_CRL_REFUSED/,
    );
  });
});

describe('news of the CRLs', () => {
  const wrong = (message: string): AgentError => new AgentError('MESH_ERR_CRL_REFUSED', message, 'mend it');
  const state = (file: string | undefined, ...refusals: readonly AgentError[]): RevocationState => ({
    file,
    nextUpdate: undefined,
    lists: [],
    refusals,
    warnings: [],
  });

  it('are another file, and what was not wrong before', () => {
    assert.deepEqual(revocationNews(undefined, state('a')), { problems: [] });
    assert.deepEqual(revocationNews(state('a'), state('a')), { problems: [] });
    assert.equal(revocationNews(state(undefined), state('a')).change, 'CRLs a are in force');
    assert.match(revocationNews(state('a'), state(undefined)).change ?? '', /publishes none/);
    const { problems } = revocationNews(state('a', wrong('x')), state('a', wrong('x'), wrong('y')));
    assert.deepEqual(
      problems.map(({ message }) => message),
      ['y'],
    );
  });
});
