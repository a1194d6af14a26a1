import { strict as assert } from 'node:assert';
import { Agent } from '../../../src/agent.js';
import { systemClock } from '../../../src/clock.js';
import type { ServiceConfig } from '../../../src/config/schema.js';
import { findFreePort } from '../../../src/demo/free-port.js';
import { AgentError } from '../../../src/errors.js';
import type { IdentitySource } from '../../../src/identity/identity-source.js';
import { silentLogger } from '../../../src/log.js';
import type { Proof } from '../../../src/proof/proof.js';
import type { Desire, DesireService } from '../../../src/reconcile/desire.js';
import { proveServices, registerProven, servicesAtOnce } from '../../../src/reconcile/prove-services.js';
import type { Proven } from '../../../src/reconcile/prove-services.js';
import type { ReconcilePorts, Registrar } from '../../../src/reconcile/run-once.js';
import { AtMost } from '../../../src/reconcile/side-by-side.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';
import { TrustBundle } from '../../../src/spiffe/trust-bundle.js';
import { startFleet } from '../../bench/fleet.js';
import type { Fleet } from '../../bench/fleet.js';
import { until } from '../../support/until.js';

const names = Array.from({ length: 3 * servicesAtOnce }, (_, index) => `s${index}`);
const passing: Proof = {
  passed: true,
  servedFingerprint: 'ab',
  connections: 1,
  protocols: [],
  checks: [],
  unproven: [],
};

/** Work that waits, each piece under its name, until it is let go on. */
class Gate {
  /** In the order in which they came. */
  readonly came: string[] = [];
  readonly #waiting = new Map<string, (error: Error) => void>();
  /** The most at one time. */
  most = 0;

  wait(name: string): Promise<never> {
    this.came.push(name);
    return new Promise((_resolve, reject) => {
      // Two devices may have services of one name.
      this.#waiting.set(this.#waiting.has(name) ? `${name} again` : name, reject);
      this.most = Math.max(this.most, this.#waiting.size);
    });
  }

  get waiting(): readonly string[] {
    return [...this.#waiting.keys()];
  }

  fail(name: string, error: Error): void {
    this.#waiting.get(name)?.(error);
    this.#waiting.delete(name);
  }
}

function failureOf(name: string): AgentError {
  return new AgentError('MESH_ERR_CA_UNAVAILABLE', `no caller for ${name}`, 'wait');
}

describe('proving the services of a device', () => {
  it('works on eight at once and no more, and tells all of it in the order of the services', async () => {
    const gate = new Gate();
    const proving = prove(gate);
    await until(() => gate.waiting.length === servicesAtOnce);
    assert.deepEqual(gate.came.toSorted(), names.slice(0, servicesAtOnce));
    // The one that came last ends first, so that nothing ends in the order of the services.
    while (gate.came.length < names.length || gate.waiting.length > 0) {
      const last = gate.waiting.at(-1);
      if (last !== undefined) gate.fail(last, failureOf(last));
      await until(() => gate.waiting.length === Math.min(servicesAtOnce, names.length - ended(gate)));
    }
    const { failures, services } = await proving;
    assert.equal(gate.most, servicesAtOnce);
    assert.deepEqual(gate.came.toSorted(), names.toSorted());
    assert.deepEqual(
      failures.map(({ service, error }) => [service, error.message]),
      names.map((name) => [name, `no caller for ${name}`]),
    );
    assert.deepEqual(
      services.map(({ config }) => config.name),
      names,
    );
  });

  it('works on eight of all devices together when they share their turns', async () => {
    const gate = new Gate();
    const proofsAtOnce = new AtMost(servicesAtOnce);
    const left = new Set(names.slice(5));
    const both = [prove(gate, { left, proofsAtOnce }), prove(gate, { left, proofsAtOnce })];
    let hasEnded = false;
    const ending = Promise.all(both).then((ends) => {
      hasEnded = true;
      return ends.flatMap(({ failures }) => failures);
    });
    await until(() => gate.waiting.length === servicesAtOnce);
    await until(() => {
      for (const one of gate.waiting.slice(0, 1)) gate.fail(one, failureOf(one.slice(0, 2)));
      return hasEnded;
    });
    assert.equal((await ending).length, 10);
    assert.equal(gate.most, servicesAtOnce);
  });

  it('leaves out those that are left, and goes on with the next one', async () => {
    const gate = new Gate();
    const proving = prove(gate, { left: new Set(names.filter((name) => name !== 's20')) });
    await until(() => gate.waiting.length === 1);
    gate.fail('s20', failureOf('s20'));
    const { failures, proofs, services } = await proving;
    assert.deepEqual(gate.came, ['s20']);
    assert.deepEqual(
      failures.map(({ service }) => service),
      ['s20'],
    );
    assert.equal(proofs.size, 0);
    assert.equal(services.length, names.length);
  });

  it('begins no proof any more once it is to stop, and waits for those under way', async () => {
    const gate = new Gate();
    const stop = new AbortController();
    const proving = prove(gate, { signal: stop.signal });
    let hasEnded = false;
    const ending = assert.rejects(proving, { message: 'SIGTERM' }).then(() => (hasEnded = true));
    await until(() => gate.waiting.length === servicesAtOnce);
    stop.abort(new Error('SIGTERM'));
    for (const name of gate.waiting.slice(1)) gate.fail(name, new Error('cut off'));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(hasEnded, false);
    for (const name of gate.waiting) gate.fail(name, new Error('cut off'));
    await ending;
    assert.equal(gate.came.length, servicesAtOnce);
  });

  it('ends with a defect as soon as the proofs under way have ended', async () => {
    const gate = new Gate();
    const proving = prove(gate);
    const ending = assert.rejects(proving, { message: 'a defect' });
    await until(() => gate.waiting.length === servicesAtOnce);
    gate.fail('s3', new TypeError('a defect'));
    for (const name of gate.waiting) gate.fail(name, failureOf(name));
    await ending;
    assert.equal(gate.came.length, servicesAtOnce);
  });

  function ended({ came, waiting }: Gate): number {
    return came.length - waiting.length;
  }
});

describe('registering the proven services of a device', () => {
  it('works on eight at once, and one that fails keeps no other from being registered', async () => {
    const registered: string[] = [];
    let underWay = 0;
    let most = 0;
    const registrar: Registrar = {
      register: async ({ config: { name } }) => {
        underWay += 1;
        most = Math.max(most, underWay);
        await new Promise((resolve) => setImmediate(resolve));
        underWay -= 1;
        if (name === 's17' || name === 's2') throw failureOf(name);
        registered.push(name);
      },
      drain: () => Promise.reject(new Error('nothing is drained')),
    };
    const services = names.map((name) => service(name));
    const proofs = new Map(names.slice(1).map((name) => [name, passing]));
    proofs.set('s4', { ...passing, passed: false });
    const failures = await registerProven({ services, proofs }, registrar, new AbortController().signal);
    assert.equal(most, servicesAtOnce);
    assert.deepEqual(
      failures.map(({ service: name }) => name),
      ['s2', 's17'],
    );
    assert.deepEqual(
      registered.toSorted(),
      names.filter((name) => !['s0', 's2', 's4', 's17'].includes(name)).toSorted(),
    );
  });
});

describe('proving four services of one mock BIG-IP', function () {
  this.timeout(30_000);
  let fleet: Fleet;
  let agent: Agent;
  const { signal } = new AbortController();

  before(async () => {
    fleet = await startFleet({ devices: 1, servicesPerDevice: 4, dataPlane: 'tcl' });
    const { config, kubeconfigFile: kubeconfig } = fleet;
    agent = await Agent.open({ config, kubeconfig, clock: systemClock, logger: silentLogger(), signal });
  });
  after(async () => {
    await agent.close();
    await fleet.close();
  });

  function reconcile(
    renew: readonly string[] = [],
    told: (service: string, error: AgentError) => void = fail,
  ) {
    const [device] = fleet.config.devices;
    assert.ok(device !== undefined);
    return agent.reconcile(device, { mode: 'apply', renew: new Set(renew), onServiceFailure: told });
  }
  const fail = (_service: string, error: AgentError): void => assert.fail(error);

  it('finds the one that does not answer, and the others all the same', async () => {
    const { desire } = await reconcile();
    const nobody = await findFreePort();
    const services = desire.services.map((one) =>
      one.config.name === 's1'
        ? { ...one, config: { ...one.config, listen: { ...one.config.listen, port: nobody } } }
        : one,
    );
    const drained: string[] = [];
    const { failures, proofs } = await proveServices(
      { ...desire, services },
      {
        ...ports(callersOf(fleet)),
        registrar: {
          register: () => Promise.reject(new Error('a proof registers nothing')),
          drain: ({ config: { name } }) => Promise.resolve(void drained.push(name)),
        },
      },
      { ...device, left: new Set(), signal },
    );
    assert.deepEqual(
      [...proofs].map(([name, { passed }]) => `${name} ${passed}`),
      ['s0 true', 's1 false', 's2 true', 's3 true'],
    );
    assert.deepEqual(
      failures.map(({ service: name, error }) => [name, error.code]),
      [['s1', 'MESH_ERR_PROOF_FAILED']],
    );
    assert.deepEqual(drained, ['s1']);
  });

  it('takes new certificates back that are not served, one transaction after the other', async () => {
    await reconcile();
    const [bigIp] = fleet.bigIps;
    assert.ok(bigIp !== undefined);
    bigIp.faults.inject({ fault: 'old-certificate' });
    bigIp.forgetRequests();
    const told: string[] = [];
    const all = ['s0', 's1', 's2', 's3'];
    const { rollBacks = new Map() } = await reconcile(all, (name) => told.push(name));
    bigIp.faults.clear();
    assert.deepEqual(
      [...rollBacks].map(([name, { outcome }]) => `${name} ${outcome}`),
      all.map((name) => `${name} proven`),
    );
    assert.deepEqual([...new Set(told)], all);
    const steps = bigIp.requests
      .filter(({ path }) => path.startsWith('/mgmt/tm/transaction'))
      .map(({ method }) => method);
    // One for the four new certificates, and one for each way back.
    assert.deepEqual(steps, Array.from({ length: 5 }, () => ['POST', 'PATCH']).flat());
  });
});

/** Proves three times as many services as go at once; all of them wait at the gate for their callers. */
function prove(
  gate: Gate,
  options: {
    readonly left?: ReadonlySet<string>;
    readonly proofsAtOnce?: AtMost;
    readonly signal?: AbortSignal;
  } = {},
): Promise<Proven> {
  const { left = new Set(), proofsAtOnce, signal = new AbortController().signal } = options;
  const source: IdentitySource = {
    name: 'a gate',
    canImpersonate: true,
    mintsKeys: true,
    fetchTrustBundle: () => Promise.reject(new Error('a proof has its trust bundle')),
    fetchSvid: ({ spiffeId: { text } }) => gate.wait(text.slice(text.lastIndexOf('/') + 1)),
  };
  const desire = { services: names.map((name) => service(name)), trustBundle: TrustBundle.of([]) };
  const shared = proofsAtOnce === undefined ? {} : { proofsAtOnce };
  return proveServices(
    desire as unknown as Desire,
    { ...ports(source), ...shared },
    { ...device, left, signal },
  );
}

function callersOf({ meshCa }: Fleet): IdentitySource {
  return {
    name: 'the mesh CA in memory',
    canImpersonate: true,
    mintsKeys: true,
    fetchTrustBundle: () => Promise.resolve(meshCa.trustBundle),
    fetchSvid: async ({ spiffeId: { text }, ttlMs }) => ({
      svid: await meshCa.mint(text, { now: systemClock.now(), ttlMs }),
      trustBundle: meshCa.trustBundle,
    }),
  };
}

/** What a proof without a way back needs; the device is not touched. */
function ports(identitySource: IdentitySource): ReconcilePorts {
  const registrar = { register: () => Promise.resolve(), drain: () => Promise.resolve() };
  const some = { identitySource, registrar, clock: systemClock, onStep: () => undefined };
  return some as unknown as ReconcilePorts;
}

const device = {
  partition: 'mesh',
  holder: 'test',
  configured: names,
  before: { tmosVersion: '17.1.0', partitionExists: true, objects: [], ledger: undefined, epoch: 1 },
} as const;

/** One with a certificate that stays, whose only caller has its own name. */
function service(name: string): DesireService {
  const spiffeId = parseSpiffeId(`spiffe://cluster.local/ns/default/sa/${name}`);
  assert.ok(spiffeId.ok);
  const { text, trustDomain } = spiffeId.value;
  const listen = { address: '127.0.0.1', port: 9 };
  const config = { name, listen, registration: 'workload-entry' } as ServiceConfig;
  const origin = { namespace: 'default', configMap: name, key: 'allow', line: 1 } as const;
  return {
    config,
    spiffeId: spiffeId.value,
    allowlist: { allow: [{ text, trustDomain, origin }], deny: [], mode: 'enforce' },
    trustDomains: ['cluster.local'],
    pair: { certName: 'c', keyName: 'k', cert: 'kept', key: 'kept', chain: undefined, facts: {} },
    isNewPair: false,
  };
}
