import { strict as assert } from 'node:assert';
import { Agent } from '../../../src/agent.js';
import { systemClock } from '../../../src/clock.js';
import { loadConfig } from '../../../src/config/load-config.js';
import { startScenario } from '../../../src/demo/scenario.js';
import type { Scenario } from '../../../src/demo/scenario.js';
import { IControlClient } from '../../../src/icontrol/client.js';
import { silentLogger } from '../../../src/log.js';
import { Secret } from '../../../src/secret.js';
import { observeStatus } from '../../../src/status/observe-status.js';
import { healthOf } from '../../../src/status/status.js';

const { signal } = new AbortController();
const clock = systemClock;

describe('the status of a service', function () {
  this.timeout(30_000);
  let scenario: Scenario;
  let agent: Agent;

  before(async () => {
    const logger = silentLogger();
    scenario = await startScenario({ clock, logger });
    const config = await loadConfig(scenario.configFile);
    agent = await Agent.open({ config, kubeconfig: scenario.kubeconfigFile, clock, logger, signal });
  });
  after(async () => {
    await agent.close();
    await scenario.close();
  });

  async function replaceMark(path: string, description: string): Promise<void> {
    const hand = new IControlClient({
      url: scenario.bigIp.url,
      credentials: () => Promise.resolve({ username: 'admin', password: new Secret('correct horse') }),
      tls: { fingerprint256: scenario.bigIp.fingerprint256 },
      clock,
      logger: silentLogger(),
    });
    await hand.resources.modify(path, { description });
    await hand.close();
  }

  it('is bad while an object that is not ours stands in the way of apply', async () => {
    const [device] = agent.config.devices;
    assert.ok(device !== undefined);
    await agent.reconcile(device, { mode: 'apply' });
    const look = async () => {
      const options = { namespace: 'mesh-edge', signal };
      const [echo] = await observeStatus(agent, device, agent.config.services, options);
      assert.ok(echo !== undefined);
      return { health: healthOf(echo, clock.now()), codes: echo.troubles.map(({ code }) => code) };
    };
    assert.deepEqual(await look(), { health: 'ok', codes: [] });
    await replaceMark('/mgmt/tm/ltm/pool/~mesh~echo_pool', "somebody's");
    assert.deepEqual(await look(), { health: 'bad', codes: ['MESH_ERR_PLAN_BLOCKED'] });
  });
});
