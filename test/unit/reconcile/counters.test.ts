import { strict as assert } from 'node:assert';
import { readFile, writeFile } from 'node:fs/promises';
import { Agent } from '../../../src/agent.js';
import { systemClock } from '../../../src/clock.js';
import { loadConfig } from '../../../src/config/load-config.js';
import { findFreePort } from '../../../src/demo/free-port.js';
import { startScenario } from '../../../src/demo/scenario.js';
import type { Scenario } from '../../../src/demo/scenario.js';
import { badCallerId, goodCallerId } from '../../../src/demo/surroundings.js';
import { IControlClient } from '../../../src/icontrol/client.js';
import type { RequestRecord } from '../../../src/icontrol/request.js';
import { renderDataGroups } from '../../../src/irule/data-groups.js';
import { silentLogger } from '../../../src/log.js';
import { identifyRoot } from '../../../src/pki/root-identifier.js';
import { callWithTls } from '../../../src/proof/call.js';
import { certainProfiles, countersProfile } from '../../../src/reconcile/counters-profile.js';
import type { ObservedObject } from '../../../src/reconcile/device-object.js';
import { parseLedger } from '../../../src/reconcile/ledger.js';
import { readCounters } from '../../../src/reconcile/read-counters.js';
import type { ServiceCounters } from '../../../src/reconcile/read-counters.js';
import type { ReconcileReport } from '../../../src/reconcile/run-once.js';
import { Secret } from '../../../src/secret.js';
import type { Svid } from '../../../src/spiffe/svid.js';

const { signal } = new AbortController();
const profilePath = '/mgmt/tm/ltm/profile/statistics';

describe('the statistics profiles that need no look', () => {
  const virtual = (...profiles: readonly string[]): ObservedObject => ({
    kind: 'ltm/virtual',
    name: 'echo',
    members: { profilesReference: { items: profiles.map((fullPath) => ({ fullPath })) } },
  });
  const ledgerOf = (...names: readonly string[]) =>
    parseLedger(names.map((name) => ({ name: `ltm/profile/statistics:${name}`, data: 'owned' })));
  const evidence = {
    partition: 'mesh',
    services: ['echo'],
    ledger: ledgerOf('echo_counters'),
    virtualServers: [virtual('/Common/tcp', '/mesh/echo_counters')],
  };

  it('are those that the ledger lists and a virtual server carries', () => {
    const { kind, name, members } = countersProfile('echo');
    assert.deepEqual(certainProfiles(evidence), [{ kind, name, members }]);
  });

  for (const [name, doubt] of [
    ['is not in the ledger', { ledger: ledgerOf() }],
    ['is carried by nobody', { virtualServers: [virtual('/Common/tcp')] }],
    ['has its name in another folder only', { virtualServers: [virtual('/Common/echo_counters')] }],
    ['belongs to a service that is no more', { ledger: ledgerOf('echo_counters', 'gone_counters') }],
    ['belongs to a service that is new', { services: ['echo', 'ping'] }],
  ] as const) {
    it(`are in doubt, all of them, while one ${name}`, () => {
      assert.equal(certainProfiles({ ...evidence, ...doubt }), undefined);
    });
  }

  it('are in doubt before there is a ledger, and while virtual servers tell nothing', () => {
    assert.equal(certainProfiles({ ...evidence, ledger: undefined }), undefined);
    const mute = { kind: 'ltm/virtual', name: 'echo', members: {} } as const;
    assert.equal(certainProfiles({ ...evidence, virtualServers: [mute] }), undefined);
  });
});

describe('the counters of a device', function () {
  this.timeout(30_000);
  let scenario: Scenario;
  let agent: Agent;
  let hand: IControlClient;
  const requests: RequestRecord[] = [];

  beforeEach(async () => {
    scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
    hand = new IControlClient({
      url: scenario.bigIp.url,
      credentials: () => Promise.resolve({ username: 'admin', password: new Secret('correct horse') }),
      tls: { fingerprint256: scenario.bigIp.fingerprint256 },
      clock: systemClock,
      logger: silentLogger(),
    });
    agent = await openAgent();
  });
  afterEach(async () => {
    await agent.close();
    await hand.close();
    await scenario.close();
  });

  const openAgent = async (): Promise<Agent> =>
    Agent.open({
      config: await loadConfig(scenario.configFile),
      kubeconfig: scenario.kubeconfigFile,
      clock: systemClock,
      logger: silentLogger(),
      signal,
      onRequest: (_device, request) => requests.push(request),
    });
  async function write(config: string): Promise<void> {
    await writeFile(scenario.configFile, config);
    await agent.close();
    agent = await openAgent();
  }

  /** @returns the config without it */
  async function addPing(): Promise<string> {
    const config = await readFile(scenario.configFile, 'utf8');
    const [, echo = ''] = /^services:\n([\s\S]*)$/m.exec(config) ?? [];
    const ping = echo
      .replace('name: echo', 'name: ping')
      .replace('serviceAccount: bigip', 'serviceAccount: ping')
      .replace(/host: .*/, 'host: ping.default.svc.cluster.local')
      .replace(/port: \d+/, `port: ${await findFreePort()}`);
    await write(config + ping);
    return config;
  }

  async function reconcile(mode: 'plan' | 'apply'): Promise<ReconcileReport> {
    const [device] = agent.config.devices;
    assert.ok(device !== undefined);
    requests.length = 0;
    return agent.reconcile(device, { mode });
  }
  const changes = ({ plan }: ReconcileReport): string[] =>
    plan.changes.map((change) =>
      [change.action, change.object.name, ...(change.action === 'modify' ? change.members : [])].join(' '),
    );
  const reads = (): string[] => requests.flatMap(({ method, path }) => (method === 'GET' ? [path] : []));

  async function counters(): Promise<Readonly<Record<keyof ServiceCounters, number>>> {
    const known = (await readCounters(hand, 'mesh', signal)).get('echo');
    assert.ok(known !== undefined);
    const { allowed, rejected, wouldReject, retiring } = known;
    assert.ok(
      allowed !== undefined && rejected !== undefined && wouldReject !== undefined && retiring !== undefined,
    );
    return { allowed, rejected, wouldReject, retiring };
  }
  const call = async (svid: Svid): Promise<string> => {
    const outcome = await callWithTls({
      ...scenario.listen,
      trustBundlePem: scenario.meshCa.rootPem,
      serverName: 'outbound_.9000_._.bigip.default.svc.cluster.local',
      caller: { certificatePem: svid.renderLeafPem() + svid.renderChainPem(), keyPem: svid.renderKeyPem() },
      probe: { send: 'hi\n', expect: 'HI' },
      checkServer: () => undefined,
      deadlineMs: 5000,
      settleMs: 100,
    });
    return outcome.result;
  };
  async function edit(dataGroup: string, records: readonly object[]): Promise<void> {
    await hand.resources.modify(`/mgmt/tm/ltm/data-group/internal/~mesh~${dataGroup}`, {
      records: [...records],
    });
  }

  it('tell what the rule did, of every service in one request', async () => {
    await reconcile('apply');
    const before = await counters();
    assert.ok(before.allowed > 0 && before.rejected > 0, 'the proof calls, too');
    assert.equal(await call(await scenario.meshCa.mint(goodCallerId)), 'answered');
    assert.equal(await call(await scenario.meshCa.mint(badCallerId)), 'refused');
    assert.equal(await call(await scenario.meshCa.mint(badCallerId)), 'refused');
    const asked = scenario.bigIp.requests.length;
    assert.deepEqual(await counters(), {
      ...before,
      allowed: before.allowed + 1,
      rejected: before.rejected + 2,
    });
    assert.deepEqual(
      scenario.bigIp.requests.slice(asked).map(({ method, path }) => `${method} ${path}`),
      [`GET ${profilePath}/stats`],
    );
  });

  it('tell apart whom the mode audit lets in', async () => {
    await reconcile('apply');
    const before = await counters();
    await edit(
      'echo_settings',
      renderDataGroups({ allow: [], deny: [], mode: 'audit' }, ['cluster.local']).settings,
    );
    assert.equal(await call(await scenario.meshCa.mint(badCallerId)), 'answered');
    assert.deepEqual(await counters(), { ...before, wouldReject: before.wouldReject + 1 });
  });

  it('tell which callers may need a root that is to go', async () => {
    await reconcile('apply');
    const good = await scenario.meshCa.mint(goodCallerId);
    const [trusted] = scenario.meshCa.trustBundle.roots;
    assert.ok(trusted !== undefined);
    const root = identifyRoot(trusted.certificate);
    const other = { ...root, keyId: 'ab'.repeat(20), subject: '3000', publicKey: 'another' };
    const retiringAfter = async (roots: { retiring: (typeof root)[]; staying: (typeof root)[] }) => {
      const { settings } = renderDataGroups({ allow: [], deny: [], mode: 'enforce' }, ['cluster.local'], {
        roots,
      });
      await edit('echo_settings', settings);
      const { retiring } = await counters();
      assert.equal(await call(good), 'answered');
      return (await counters()).retiring - retiring;
    };
    assert.equal(await retiringAfter({ retiring: [], staying: [root] }), 0);
    assert.equal(await retiringAfter({ retiring: [other], staying: [root] }), 0);
    assert.equal(await retiringAfter({ retiring: [root], staying: [other] }), 1);
  });

  it('know nothing of services without a profile, and nothing of fields that are not told', async () => {
    assert.deepEqual(await readCounters(hand, 'mesh', signal), new Map());
    await hand.resources.create(profilePath, { name: 'x_counters', partition: 'Common', field1: 'allowed' });
    assert.deepEqual(await readCounters(hand, 'mesh', signal), new Map());
    await hand.resources.create('/mgmt/tm/auth/partition', { name: 'mesh' });
    await hand.resources.create(profilePath, { name: 'x_counters', partition: 'mesh', field1: 'allowed' });
    const known = { allowed: 0, rejected: undefined, wouldReject: undefined, retiring: undefined };
    assert.deepEqual(await readCounters(hand, 'mesh', signal), new Map([['x', known]]));
  });

  it('cost a reconcile with nothing to do no request, with several services as well', async () => {
    await addPing();
    await reconcile('apply');
    assert.deepEqual(changes(await reconcile('apply')), []);
    assert.ok(reads().length <= 8, reads().join('\n'));
    assert.ok(!reads().some((path) => path.startsWith(profilePath)), reads().join('\n'));
    assert.deepEqual([...(await readCounters(hand, 'mesh', signal)).keys()].toSorted(), ['echo', 'ping']);
  });

  it('come to a device that an older version set up, and go on where they stood at the next apply', async () => {
    await reconcile('apply');
    await takeProfileAway();
    const ledger = '/mgmt/tm/ltm/data-group/internal/~mesh~bigip_mesh_ledger';
    const records = (await hand.resources.get(ledger))?.['records'] as readonly { readonly name: string }[];
    await edit(
      'bigip_mesh_ledger',
      records.filter(({ name }) => !name.startsWith('ltm/profile/statistics:')),
    );
    assert.deepEqual(changes(await reconcile('apply')), ['create echo_counters', 'modify echo profiles']);
    assert.deepEqual(changes(await reconcile('plan')), []);
    const before = await counters();
    assert.equal(await call(await scenario.meshCa.mint(goodCallerId)), 'answered');
    await reconcile('apply');
    assert.ok((await counters()).allowed > before.allowed);
  });

  it('are put back when somebody took them away, and never stop a caller meanwhile', async () => {
    await reconcile('apply');
    await takeProfileAway();
    assert.equal(await call(await scenario.meshCa.mint(goodCallerId)), 'answered');
    assert.equal(await call(await scenario.meshCa.mint(badCallerId)), 'refused');
    assert.deepEqual(changes(await reconcile('apply')), ['create echo_counters', 'modify echo profiles']);
    await hand.resources.modify('/mgmt/tm/ltm/virtual/~mesh~echo', { profiles: withoutCounters });
    assert.deepEqual(changes(await reconcile('apply')), ['modify echo profiles']);
    assert.deepEqual(changes(await reconcile('plan')), []);
  });

  it('are not counted in a profile that somebody else made', async () => {
    await hand.resources.create('/mgmt/tm/auth/partition', { name: 'mesh' });
    await hand.resources.create(profilePath, { name: 'echo_counters', partition: 'mesh', field1: 'mine' });
    const { plan } = await reconcile('plan');
    assert.deepEqual(
      plan.blockers.map(({ name, reason }) => [name, reason]),
      [['echo_counters', 'was not made by the agent']],
    );
  });

  it('go with their service, after the virtual server that carried them', async () => {
    const withoutPing = await addPing();
    await reconcile('apply');
    await write(withoutPing);
    const removed = changes(await reconcile('apply'));
    assert.ok(removed.includes('remove ping_counters'), removed.join());
    assert.ok(removed.indexOf('remove ping') < removed.indexOf('remove ping_counters'), removed.join());
    assert.deepEqual([...(await readCounters(hand, 'mesh', signal)).keys()], ['echo']);
    assert.deepEqual(changes(await reconcile('plan')), []);
  });

  it('stay where their profile lost the mark of the agent', async () => {
    const withoutPing = await addPing();
    await reconcile('apply');
    await hand.resources.modify(`${profilePath}/~mesh~ping_counters`, { description: 'mine now' });
    await write(withoutPing);
    const removed = changes(await reconcile('apply'));
    assert.ok(removed.includes('remove ping'), removed.join());
    assert.ok(!removed.includes('remove ping_counters'), removed.join());
  });

  const withoutCounters = [
    { name: '/Common/tcp', context: 'all' },
    { name: '/mesh/echo_clientssl', context: 'clientside' },
  ];
  async function takeProfileAway(): Promise<void> {
    await hand.resources.modify('/mgmt/tm/ltm/virtual/~mesh~echo', { profiles: withoutCounters });
    assert.ok(await hand.resources.remove(`${profilePath}/~mesh~echo_counters`));
  }
});
