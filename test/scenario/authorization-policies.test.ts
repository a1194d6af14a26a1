import { strict as assert } from 'node:assert';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { systemClock } from '../../src/clock.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { Sidecar } from '../../src/demo/sidecar.js';
import { badCallerId, goodCallerId } from '../../src/demo/surroundings.js';
import { kinds } from '../../src/kube/kinds.js';
import { silentLogger } from '../../src/log.js';
import type { CallOutcome } from '../../src/proof/call.js';
import { bigipMesh } from '../support/command.js';
import type { Finished } from '../support/command.js';

const host = 'bigip.default.svc.cluster.local';

describe('the callers of a service, by AuthorizationPolicies', function () {
  this.timeout(60_000);
  let scenario: Scenario;

  beforeEach(async () => {
    scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
    const { kube } = scenario;
    const ref = { kind: kinds.configMap, namespace: 'default', name: 'echo-callers' };
    await kube.delete(ref, { uid: (await kube.get(ref))?.metadata.uid ?? '' });
    const config = await readFile(scenario.configFile, 'utf8');
    const edited = config.replace(/^( *)selector: .*$/m, '$&\n$1fromAuthorizationPolicies: true');
    assert.match(edited, /fromAuthorizationPolicies: true/);
    await writeFile(join(scenario.folder, 'policies.yaml'), edited);
  });
  afterEach(() => scenario.close());

  function command(...args: readonly string[]): Promise<Finished> {
    const file = join(scenario.folder, 'policies.yaml');
    return bigipMesh([...args, '-f', file, '--kubeconfig', scenario.kubeconfigFile]);
  }

  async function policy(name: string, spec: object, namespace = 'default'): Promise<void> {
    const { apiVersion, kind } = kinds.authorizationPolicy;
    const object = { apiVersion, kind, metadata: { name, namespace }, spec };
    await scenario.kube.create(kinds.authorizationPolicy, object);
  }

  async function call(spiffeId: string): Promise<CallOutcome['result']> {
    const { kube, listen, meshCa } = scenario;
    const sidecar = new Sidecar({ kube, host, trustBundlePem: meshCa.trustBundle.toPem() });
    const endpoint = { ...listen, spiffeIds: ['spiffe://cluster.local/ns/default/sa/bigip'] };
    return (await sidecar.call(endpoint, await meshCa.mint(spiffeId))).result;
  }

  it('are let in by an ALLOW of their namespace and kept out by a DENY of the whole mesh, on the wire', async () => {
    const otherId = 'spiffe://cluster.local/ns/trusted/sa/other';
    await policy('callers', {
      targetRefs: [{ kind: 'Service', group: '', name: 'bigip' }],
      rules: [
        {
          from: [{ source: { namespaces: ['trusted'] } }],
          to: [{ operation: { ports: [String(scenario.listen.port)] } }],
        },
      ],
    });
    await policy(
      'not-other',
      {
        action: 'DENY',
        rules: [{ from: [{ source: { principals: ['*/ns/trusted/sa/other'] } }] }],
      },
      'istio-system',
    );
    const applied = await command('apply');
    assert.equal(applied.exitCode, 0, applied.stderr);
    assert.equal(await call(goodCallerId), 'answered');
    assert.equal(await call(otherId), 'refused');
    assert.equal(await call(badCallerId), 'refused');
    const why = await command('explain', otherId, '--service', 'echo');
    assert.match(
      why.stdout,
      /denied: by .*\/sa\/other \(AuthorizationPolicy istio-system\/not-other, rules\[0\]\)/,
    );
  });

  it('are nobody while no ALLOW policy is there, and explain says so', async () => {
    const applied = await command('apply');
    assert.equal(applied.exitCode, 0, applied.stderr);
    assert.equal(await call(goodCallerId), 'refused');
    const why = await command('explain', goodCallerId, '--service', 'echo');
    assert.match(why.stderr, /no ALLOW policy is for it: nobody gets in/);
  });

  it('are not changed by a policy that a device cannot enforce: apply names it and touches nothing', async () => {
    await policy('by-address', { rules: [{ from: [{ source: { ipBlocks: ['10.0.0.0/8'] } }] }] });
    const applied = await command('apply');
    assert.equal(applied.exitCode, 3);
    assert.match(
      applied.stderr,
      /AuthorizationPolicy default\/by-address, rules\[0\]\.from\[0\]\.source\.ipBlocks: .*mend the AuthorizationPolicy/s,
    );
    const written = scenario.bigIp.requests.filter(
      ({ method, path }) => method !== 'GET' && path.includes('/mgmt/tm/'),
    );
    assert.deepEqual(written, []);
  });
});
