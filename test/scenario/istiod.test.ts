import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { systemClock } from '../../src/clock.js';
import { editAllowlist } from '../../src/demo/edit-allowlist.js';
import { MeshCa } from '../../src/demo/mesh-ca.js';
import { startScenario } from '../../src/demo/scenario.js';
import type { Scenario } from '../../src/demo/scenario.js';
import { badCallerId, goodCallerId } from '../../src/demo/surroundings.js';
import { kinds } from '../../src/kube/kinds.js';
import { silentLogger } from '../../src/log.js';
import { run } from '../support/command.js';
import type { Finished } from '../support/command.js';
import { MeshCaServer } from '../support/mesh-ca-server.js';
import { OpensslCaller } from '../support/openssl-caller.js';
import { reviewByKubeApi } from '../support/token-review.js';

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const ownId = 'spiffe://cluster.local/ns/default/sa/bigip';

describe('the reference scenario with identity source istiod', function () {
  this.timeout(60_000);
  let scenario: Scenario;
  let istiod: MeshCaServer;
  let config: string;

  before(async () => {
    scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
    istiod = await MeshCaServer.start({
      ca: scenario.meshCa,
      reviewToken: reviewByKubeApi(scenario.kube),
    });
    // The key of the CA is out of reach: istiod alone signs.
    const cacerts = { kind: kinds.secret, namespace: 'istio-system', name: 'cacerts' };
    const { uid = '' } = (await scenario.kube.get(cacerts))?.metadata ?? {};
    await scenario.kube.delete(cacerts, { uid });
    config = join(scenario.folder, 'istiod.yaml');
    const text = await readFile(scenario.configFile, 'utf8');
    await writeFile(
      config,
      text.replace('source: ca-secret', `source: istiod\n  istiod: {address: "${istiod.address}"}`),
    );
  });
  after(async () => {
    await istiod.close();
    await scenario.close();
  });

  const command = (...args: string[]): Promise<Finished> =>
    run(process.execPath, [main, ...args, '-f', config, '--kubeconfig', scenario.kubeconfigFile]);
  const caller = async (name: string, spiffeId: string): Promise<OpensslCaller> =>
    OpensslCaller.create({
      folder: scenario.folder,
      name,
      port: scenario.listen.port,
      trustBundlePem: scenario.meshCa.trustBundle.toPem(),
      svid: await scenario.meshCa.mint(spiffeId),
    });

  it('says what is missing as long as the service account does not exist', async () => {
    const apply = await command('apply');
    assert.equal(apply.exitCode, 1);
    assert.match(apply.stderr, /service account default\/bigip does not exist/);
    assert.match(apply.stderr, /kubectl create serviceaccount bigip --namespace default/);
    assert.equal(istiod.calls.length, 0);
  });

  it('applies it with a certificate that istiod signed, and says what was not proven', async () => {
    await scenario.kube.create(kinds.serviceAccount, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { namespace: 'default', name: 'bigip' },
    });
    const apply = await command('apply');
    assert.equal(apply.exitCode, 0, apply.stderr);
    assert.match(apply.stdout, new RegExp(`service echo is ${ownId}`));
    assert.match(apply.stdout, /ok +bad caller +gets nothing/);
    assert.match(apply.stdout, new RegExp(`^bad caller: ${ownId}$`, 'm'));
    for (const name of ['no certificate', 'another CA', 'plain TCP']) {
      assert.match(apply.stdout, new RegExp(`ok +${name} +gets nothing`));
    }
    assert.match(
      apply.stdout,
      /-- +good caller +not proven +source istiod gives certificates of spiffe:\S+bigip alone, which the allowlist does not admit/,
    );
    assert.doesNotMatch(apply.stdout, /ok +good caller/);
    assert.ok(istiod.calls.every(({ validitySeconds }) => validitySeconds > 0));
  });

  it('lets the good caller in and the bad one not', async () => {
    assert.equal((await (await caller('good', goodCallerId)).say('hi')).heard, 'HI\n');
    assert.equal((await (await caller('bad', badCallerId)).say('hi')).heard, '');
  });

  it('has nothing left to do', async () => {
    const plan = await command('plan', '--detailed-exitcode');
    assert.equal(plan.exitCode, 0, plan.stdout + plan.stderr);
  });

  it('rotates', async () => {
    const rotate = await command('rotate', 'echo');
    assert.equal(rotate.exitCode, 0, rotate.stderr);
    assert.match(rotate.stdout, /certificate new/);
  });

  it('proves a good caller where the allowlist happens to name the own identity', async () => {
    const { signal } = new AbortController();
    await editAllowlist(scenario.kube, [goodCallerId, ownId], signal);
    const apply = await command('apply', '--output', 'json');
    assert.equal(apply.exitCode, 0, apply.stderr);
    const { services } = JSON.parse(apply.stdout) as {
      services: { proof: { checks: { name: string; caller: string }[]; unproven: { name: string }[] } }[];
    };
    const proof = services[0]?.proof;
    assert.deepEqual(proof?.checks[0] && [proof.checks[0].name, proof.checks[0].caller], [
      'good caller',
      ownId,
    ]);
    assert.deepEqual(
      proof?.unproven.map(({ name }) => name),
      ['bad caller'],
    );
  });

  it('goes along with a CA that has a new root before the mesh publishes it', async () => {
    const next = await MeshCa.create({ now: systemClock.now(), cluster: 'next' });
    istiod.signWith(next, [scenario.meshCa, next]);
    const rotate = await command('rotate', 'echo');
    istiod.signWith(scenario.meshCa);
    assert.equal(rotate.exitCode, 0, rotate.stdout + rotate.stderr);
    const trustBundlePem = scenario.meshCa.rootPem + next.rootPem;
    for (const [name, ca] of [
      ['old', scenario.meshCa],
      ['new', next],
    ] as const) {
      const { folder, listen } = scenario;
      const svid = await ca.mint(goodCallerId);
      const of = await OpensslCaller.create({ folder, name, port: listen.port, trustBundlePem, svid });
      assert.equal((await of.say('hi')).heard, 'HI\n', name);
    }
    const back = await command('apply');
    assert.equal(back.exitCode, 0, back.stderr);
  });

  it('still proves what it can while istiod is away', async () => {
    await istiod.close();
    const verify = await command('verify', 'echo');
    assert.equal(verify.exitCode, 0, verify.stderr);
    assert.match(verify.stdout, /-- +good caller +not proven +there is no certificate: the mesh CA at/);
    assert.match(verify.stdout, /ok +no certificate +gets nothing/);
  });

  it('does not replace what it has by nothing while istiod is away', async () => {
    const rotate = await command('rotate', 'echo');
    assert.equal(rotate.exitCode, 1);
    assert.match(rotate.stderr, /the mesh CA at \S+ gave no certificate \(UNAVAILABLE/);
    assert.equal((await (await caller('good', goodCallerId)).say('hi')).heard, 'HI\n');
  });
});
