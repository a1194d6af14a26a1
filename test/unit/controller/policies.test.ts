import { strict as assert } from 'node:assert';

import { badCallerId, goodCallerId } from '../../../src/demo/surroundings.js';
import { kinds } from '../../../src/kube/kinds.js';
import { until } from '../../support/until.js';
import { ControllerBed, serviceOf } from './controller-bed.js';

const takingPolicies = (text: string): string =>
  text.replace(/^( *)selector: .*$/m, '$&\n$1fromAuthorizationPolicies: true');

describe('a controller of a service that takes AuthorizationPolicies', function () {
  this.timeout(30_000);
  let bed: ControllerBed;

  beforeEach(async () => {
    bed = await ControllerBed.start();
    await bed.edit('ping', { allow: goodCallerId });
  });
  afterEach(() => bed.close());

  async function policy(name: string, spec: object, namespace = 'default'): Promise<void> {
    const { apiVersion, kind } = kinds.authorizationPolicy;
    const object = { apiVersion, kind, metadata: { name, namespace }, spec };
    await bed.scenario.kube.create(kinds.authorizationPolicy, object);
  }

  async function events(reason: string, namespace = 'default'): Promise<readonly string[]> {
    const { items } = await bed.scenario.kube.list(kinds.event, { namespace });
    return items
      .filter((event) => event['reason'] === reason)
      .map((event) => {
        const { kind, name } = event['regarding'] as { kind: string; name: string };
        return `${kind} ${name}: ${String(event['note'])}`;
      });
  }

  it('enforces their edits, and says where what it cannot enforce stands', async () => {
    const { kube } = bed.scenario;
    const replica = await bed.startReplica({ configure: takingPolicies });
    await bed.edit('echo', { allow: '' });
    const empty = await replica.when((status) => {
      const { lack, allowlist } = serviceOf(status, 'echo');
      return lack === 'no ALLOW policy is for it: nobody gets in' && allowlist?.allow === 0;
    });
    assert.deepEqual(serviceOf(empty, 'echo').policies, { allow: 0, deny: 0, dryRun: 0 });
    assert.equal(serviceOf(empty, 'ping').policies, undefined);
    const status = await kube.get({
      kind: kinds.configMap,
      namespace: 'mesh-edge',
      name: 'bigip-mesh-status',
    });
    assert.match(JSON.stringify(status?.['data']), /note: .*no ALLOW policy is for it: nobody gets in/);
    assert.equal(await bed.call('echo', goodCallerId), 'refused');

    await policy('callers', {
      selector: { matchLabels: { 'bigip-mesh.io/service': 'echo' } },
      rules: [
        { from: [{ source: { namespaces: ['trusted', 'default'] } }] },
        { from: [{ source: { ipBlocks: ['10.0.0.1'] } }] },
      ],
    });
    await policy(
      'not-default',
      {
        action: 'DENY',
        rules: [{ from: [{ source: { namespaces: ['default'] } }] }],
      },
      'istio-system',
    );
    await replica.when((status) => {
      const { allowlist, proofFailure } = serviceOf(status, 'echo');
      return allowlist?.allow === 1 && allowlist.deny === 1 && proofFailure === undefined;
    });
    assert.equal(await bed.call('echo', goodCallerId), 'answered');
    assert.equal(await bed.call('echo', badCallerId), 'refused');
    await until(async () => (await events('AllowlistRefused')).length > 0);
    assert.match(
      (await events('AllowlistRefused')).join('\n'),
      /^AuthorizationPolicy callers: rules\[1\]\.from\[0\]\.source\.ipBlocks: /,
    );

    const ref = { kind: kinds.authorizationPolicy, namespace: 'default', name: 'callers' };
    await kube.delete(ref, { uid: (await kube.get(ref))?.metadata.uid ?? '' });
    await replica.when((status) => serviceOf(status, 'echo').allowlist?.allow === 0);
    assert.equal(await bed.call('echo', goodCallerId), 'refused');
    await until(async () => (await events('AllowlistShrunk')).length > 0);
    assert.match(
      (await events('AllowlistShrunk')).join('\n'),
      /^ServiceAccount bigip: service echo: 1 of 1 allow entries go/m,
    );
  });

  it('keeps what the device has while it may not read them, and brings the revocation of a ConfigMap all the same', async () => {
    const [both, one] = [`${goodCallerId}\n${badCallerId}`, badCallerId];
    await bed.edit('echo', { allow: both });
    const before = await bed.startReplica();
    await before.when((status) => serviceOf(status, 'echo').allowlist?.allow === 2);
    await before.stop();
    bed.scenario.kubeApi.inject({
      action: { kind: 'status', code: 403 },
      matches: ({ path }) => path.includes('authorizationpolicies'),
    });
    const replica = await bed.startReplica({ configure: takingPolicies });
    const unknown = await replica.when((status) => serviceOf(status, 'echo').failure !== undefined);
    assert.equal(serviceOf(unknown, 'echo').failure?.code, 'MESH_ERR_ALLOWLIST_UNKNOWN');
    assert.equal(await bed.call('echo', goodCallerId), 'answered');
    await bed.edit('echo', { allow: one });
    await replica.when((status) => serviceOf(status, 'echo').allowlist?.allow === 1);
    assert.equal(await bed.call('echo', goodCallerId), 'refused');
    assert.equal(await bed.call('echo', badCallerId), 'answered');
  });
});
