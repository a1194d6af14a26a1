import { strict as assert } from 'node:assert';
import { readFile } from 'node:fs/promises';

import { Agent } from '../../../src/agent.js';
import { systemClock } from '../../../src/clock.js';
import { parseConfig } from '../../../src/config/load-config.js';
import { startScenario } from '../../../src/demo/scenario.js';
import type { Scenario } from '../../../src/demo/scenario.js';
import { Sidecar } from '../../../src/demo/sidecar.js';
import { badCallerId, goodCallerId, serviceHost, trustDomain } from '../../../src/demo/surroundings.js';
import { silentLogger } from '../../../src/log.js';

describe('a registered device on the wire', function () {
  let scenario: Scenario;
  const { signal } = new AbortController();

  before(async () => {
    scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
  });
  after(() => scenario.close());

  // One after the other, so that each form takes over from another one under way.
  for (const form of ['service-entry', 'endpoint-slice', 'workload-entry']) {
    it(`is reached by name in the form ${form}, by whom the allowlist names and nobody else`, async () => {
      const text = `${await readFile(scenario.configFile, 'utf8')}    registration: ${form}\n`;
      const config = parseConfig(text, scenario.configFile);
      const [device] = config.devices;
      assert.ok(device);
      const options = { clock: systemClock, logger: silentLogger(), signal };
      const agent = await Agent.open({ config, kubeconfig: scenario.kubeconfigFile, ...options });
      try {
        await agent.reconcile(device, { mode: 'apply' });
      } finally {
        await agent.close();
      }
      const { meshCa, kube, listen } = scenario;
      const sidecar = new Sidecar({ kube, host: serviceHost, trustBundlePem: meshCa.trustBundle.toPem() });
      const endpoint = await sidecar.resolve(trustDomain, signal);
      const spiffeIds = ['spiffe://cluster.local/ns/default/sa/bigip'];
      assert.deepEqual(endpoint, { ...listen, spiffeIds });
      const good = await sidecar.call(endpoint, await meshCa.mint(goodCallerId));
      assert.equal(good.result, 'answered', good.detail);
      const bad = await sidecar.call(endpoint, await meshCa.mint(badCallerId));
      assert.equal(bad.result, 'refused', bad.detail);
      const other = { ...endpoint, spiffeIds: ['spiffe://cluster.local/ns/default/sa/other'] };
      const mistaken = await sidecar.call(other, await meshCa.mint(goodCallerId));
      assert.equal(mistaken.result, 'untrusted', mistaken.detail);
    });
  }
});
