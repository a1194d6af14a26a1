import { strict as assert } from 'node:assert';
import { Agent } from '../../../src/agent.js';
import type { AgentReconcile } from '../../../src/agent.js';
import { systemClock } from '../../../src/clock.js';
import { deviceUser } from '../../../src/demo/surroundings.js';
import type { AgentError } from '../../../src/errors.js';
import { IControlClient } from '../../../src/icontrol/client.js';
import type { RequestRecord } from '../../../src/icontrol/request.js';
import { collectionPath } from '../../../src/icontrol/resource-path.js';
import { silentLogger } from '../../../src/log.js';
import type { ReconcileReport } from '../../../src/reconcile/run-once.js';
import { Secret } from '../../../src/secret.js';
import { startFleet } from '../../bench/fleet.js';
import type { Fleet } from '../../bench/fleet.js';

const services = 30;

describe(`a device with ${services} services`, function () {
  this.timeout(30_000);
  const { signal } = new AbortController();
  const requests: RequestRecord[] = [];
  const told = new Map<string, AgentError>();
  const controllers = (service: string, error: AgentError): void => void told.set(service, error);
  let fleet: Fleet;
  let agent: Agent;

  before(async () => {
    // What a device is asked does not depend on its traffic; `npm run bench` has a thousand services with it.
    fleet = await startFleet({ devices: 1, servicesPerDevice: services, dataPlane: 'none' });
    agent = await Agent.open({
      config: fleet.config,
      kubeconfig: fleet.kubeconfigFile,
      clock: systemClock,
      logger: silentLogger(),
      signal,
      onRequest: (_device, request) => requests.push(request),
    });
  });
  after(async () => {
    await agent.close();
    await fleet.close();
  });

  function reconcile(options: Omit<AgentReconcile, 'mode'>): Promise<ReconcileReport> {
    const [device] = fleet.config.devices;
    assert.ok(device !== undefined);
    requests.length = 0;
    return agent.reconcile(device, { mode: 'apply', ...options });
  }

  it('gets them all by one transaction and one login, and none counts as proven that does not answer', async () => {
    const { notApplied, proofs } = await reconcile({ onServiceFailure: controllers });
    const commits = requests.filter(
      ({ method, path }) => method === 'PATCH' && path.startsWith('/mgmt/tm/transaction/'),
    );
    assert.equal(commits.length, 1);
    assert.equal(requests.filter(({ path }) => path.endsWith('/login')).length, 1);
    assert.equal(notApplied.size, 0);
    const names = fleet.config.services.map(({ name }) => name);
    assert.deepEqual([...proofs.keys()], names);
    assert.deepEqual([...told.keys()], names);
    for (const [name, { passed }] of proofs) assert.equal(passed, false, name);
    for (const { code } of told.values()) assert.equal(code, 'MESH_ERR_PROOF_FAILED');
  });

  for (const [who, options] of [
    ['a controller', { onServiceFailure: controllers }],
    ['a command', {}],
  ] as const) {
    it(`is looked at by ${who} with 7 GETs and no write when there is nothing to do: one of 8 is left for the counters`, async () => {
      const { desire, plan } = await reconcile({ prove: new Set(), ...options });
      assert.equal(desire.services.length, services);
      assert.deepEqual(plan.changes, []);
      assert.deepEqual([...new Set(requests.map(({ method }) => method))], ['GET']);
      assert.equal(requests.length, 7, requests.map(({ path }) => path).join('\n'));
    });
  }
});

describe('a device that refuses one service of eight', function () {
  this.timeout(30_000);
  const { signal } = new AbortController();
  const address = '192.0.2.9';
  let fleet: Fleet;
  let agent: Agent;

  before(async () => {
    fleet = await startFleet({ devices: 1, servicesPerDevice: 8, dataPlane: 'none' });
    const services = fleet.config.services.map((service) =>
      service.name === 's5' ? { ...service, backends: [{ address, port: 9 }] } : service,
    );
    agent = await Agent.open({
      config: { ...fleet.config, services },
      kubeconfig: fleet.kubeconfigFile,
      clock: systemClock,
      logger: silentLogger(),
      signal,
    });
    const [bigIp] = fleet.bigIps;
    assert.ok(bigIp !== undefined);
    const byHand = new IControlClient({
      url: bigIp.url,
      credentials: () =>
        Promise.resolve({ username: deviceUser.name, password: new Secret(deviceUser.password) }),
      tls: { fingerprint256: bigIp.fingerprint256 },
      clock: systemClock,
      logger: silentLogger(),
    });
    const node = { name: 'squatter', partition: 'Common', address };
    await byHand.resources.create(collectionPath('ltm/node'), node);
    await byHand.close();
    bigIp.forgetRequests();
  });
  after(async () => {
    await agent.close();
    await fleet.close();
  });

  it('takes the others by halves, and the refusal is told of that one alone', async () => {
    const [device] = fleet.config.devices;
    const [bigIp] = fleet.bigIps;
    assert.ok(device !== undefined && bigIp !== undefined);
    const refused: string[] = [];
    const { notApplied } = await agent.reconcile(device, {
      mode: 'apply',
      onServiceFailure: (service, { code }) => {
        if (code === 'MESH_ERR_DEVICE_EXISTS') refused.push(service);
        else assert.equal(code, 'MESH_ERR_PROOF_FAILED', service);
      },
    });
    assert.deepEqual([...notApplied], ['s5']);
    assert.deepEqual(refused, ['s5']);
    const commits = bigIp.requests.filter(
      ({ method, path }) => method === 'PATCH' && path.startsWith('/mgmt/tm/transaction/'),
    );
    // All eight, then both halves of each half that was refused: four, two, one.
    assert.deepEqual(
      commits.map(({ status }) => status),
      [400, 200, 400, 400, 200, 400, 200],
    );
  });
});
