import { Agent } from '../agent.js';
import type { Clock } from '../clock.js';
import { loadConfig } from '../config/load-config.js';
import type { Logger } from '../log.js';
import type { CallOutcome } from '../proof/call.js';
import type { Change } from '../reconcile/plan.js';
import { isEmptyPlan } from '../reconcile/plan.js';
import type { ReconcileReport } from '../reconcile/run-once.js';
import type { Svid } from '../spiffe/svid.js';
import { editAllowlist } from './edit-allowlist.js';
import { expectObserved } from './expectation.js';
import { MeshCa } from './mesh-ca.js';
import type { Narrator } from './narrator.js';
import type { Endpoint } from './resolve-endpoint.js';
import { startScenario } from './scenario.js';
import type { Scenario } from './scenario.js';
import { Sidecar } from './sidecar.js';
import { badCallerId, goodCallerId, serviceHost, trustDomain } from './surroundings.js';

interface StoryOptions {
  readonly narrator: Narrator;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * The reference scenario from end to end, told while it happens.
 *
 * @throws AgentError MESH_ERR_DEMO_FAILED at the first thing that was not observed
 */
export async function tellStory(options: StoryOptions): Promise<void> {
  const scenario = await startScenario(options);
  try {
    const { clock, logger, signal } = options;
    const config = await loadConfig(scenario.configFile);
    const agent = await Agent.open({ config, kubeconfig: scenario.kubeconfigFile, clock, logger, signal });
    try {
      await new Story(options, scenario, agent).tell();
    } finally {
      await agent.close();
    }
  } finally {
    await scenario.close();
  }
}

class Story {
  readonly #narrator: Narrator;
  readonly #signal: AbortSignal;
  readonly #clock: Clock;
  readonly #scenario: Scenario;
  readonly #agent: Agent;
  readonly #sidecar: Sidecar;

  constructor({ narrator, signal, clock }: StoryOptions, scenario: Scenario, agent: Agent) {
    this.#narrator = narrator;
    this.#signal = signal;
    this.#clock = clock;
    this.#scenario = scenario;
    this.#agent = agent;
    this.#sidecar = new Sidecar({
      kube: scenario.kube,
      host: serviceHost,
      trustBundlePem: scenario.meshCa.trustBundle.toPem(),
    });
  }

  async tell(): Promise<void> {
    this.#surroundings();
    await this.#install();
    const endpoint = await this.#registration();
    const good = await this.#scenario.meshCa.mint(goodCallerId);
    const bad = await this.#scenario.meshCa.mint(badCallerId);
    await this.#proof(endpoint, good, bad);
    await this.#allowlistEdit(endpoint, bad);
    await this.#rotation(endpoint, good);
  }

  #surroundings(): void {
    const { kubeApi, bigIp, listen, echo } = this.#scenario;
    this.#narrator.step('What is there');
    this.#narrator.saw(`a mesh CA, its key in Secret istio-system/cacerts`);
    this.#narrator.saw(`a Kubernetes API at ${kubeApi.url}`);
    this.#narrator.saw(
      `a BIG-IP at ${bigIp.url}; its virtual server will be ${listen.address}:${listen.port}`,
    );
    this.#narrator.saw(
      `an echo service at 127.0.0.1:${echo.port}, which answers in capitals and knows no TLS`,
    );
  }

  async #install(): Promise<void> {
    const report = await this.#reconcile();
    const [service] = report.desire.services;
    expectObserved(service !== undefined && service.isNewPair, 'a certificate was minted', 'none');
    this.#narrator.step('The device gets a certificate that Istio trusts');
    this.#narrator.did(`minted ${service.spiffeId.text}`);
    this.#changes(report, ['sys/file/ssl-key', 'sys/file/ssl-cert']);

    this.#narrator.step('It demands a client certificate under the mesh roots, and nothing goes around that');
    this.#changes(report, ['ltm/profile/client-ssl', 'ltm/node', 'ltm/pool', 'ltm/virtual']);

    this.#narrator.step('A rule admits only callers on the allowlist');
    this.#changes(report, ['ltm/rule', 'ltm/data-group/internal']);
    this.#narrator.saw('one transaction, committed and saved; proven on the wire by the agent');
  }

  async #registration(): Promise<Endpoint> {
    this.#narrator.step(`It is registered in the mesh as ${serviceHost}`);
    const endpoint = await this.#sidecar.resolve(trustDomain, this.#signal);
    const { address, port } = this.#scenario.listen;
    const where = `${endpoint.address}:${endpoint.port}`;
    expectObserved(where === `${address}:${port}`, `the host leads to ${address}:${port}`, where);
    this.#narrator.did('applied ServiceAccount, Service and WorkloadEntry');
    this.#narrator.saw(`sidecars reach it at ${where} and demand ${endpoint.spiffeIds.join(' or ')}`);
    return endpoint;
  }

  async #proof(endpoint: Endpoint, good: Svid, bad: Svid): Promise<void> {
    this.#narrator.step('It is proven: the good caller gets in, nobody else does');
    await this.#expectAllowed(endpoint, good);
    await this.#expectRejected(endpoint, bad);
    const foreignCa = await MeshCa.create({ now: this.#clock.now(), cluster: 'another mesh' });
    const foreign = await foreignCa.mint(goodCallerId);
    const refused = { expected: 'is refused', isFine: ({ result }: CallOutcome) => result === 'refused' };
    this.#expectCall('a caller without certificate', await this.#sidecar.call(endpoint), refused);
    this.#expectCall(`${goodCallerId} from another CA`, await this.#sidecar.call(endpoint, foreign), refused);
    this.#expectCall('a caller in plain TCP', await this.#sidecar.callInPlainTcp(endpoint), {
      expected: 'gets nothing',
      isFine: ({ result, detail }) =>
        result === 'refused' || (result === 'silent' && !detail.startsWith('read')),
    });
  }

  async #allowlistEdit(endpoint: Endpoint, bad: Svid): Promise<void> {
    const { kube } = this.#scenario;
    this.#narrator.step('An allowlist edit takes effect');
    await editAllowlist(kube, [goodCallerId, badCallerId], this.#signal);
    this.#narrator.did(`an operator added ${badCallerId} to ConfigMap default/echo-callers`);
    this.#changes(await this.#reconcile(), ['ltm/data-group/internal']);
    await this.#expectAllowed(endpoint, bad);
    await editAllowlist(kube, [goodCallerId], this.#signal);
    this.#narrator.did(`and removed it again`);
    this.#changes(await this.#reconcile(), ['ltm/data-group/internal']);
    await this.#expectRejected(endpoint, bad);
  }

  async #rotation(endpoint: Endpoint, good: Svid): Promise<void> {
    this.#narrator.step('The certificate is rotated while a connection stays open');
    const open = await this.#sidecar.open(endpoint, good);
    try {
      expectObserved((await open.say('before\n')) === 'BEFORE\n', 'the open connection answers', 'no answer');
      const before = open.serverFingerprint256;
      this.#narrator.saw(`connection 1 is open; it was served certificate ${before.slice(0, 12)}`);
      this.#changes(await this.#reconcile(new Set(['echo'])), [
        'sys/file/ssl-key',
        'sys/file/ssl-cert',
        'ltm/profile/client-ssl',
      ]);
      const answer = await open.say('still here\n');
      expectObserved(answer === 'STILL HERE\n', 'connection 1 survives the rotation', String(answer));
      this.#narrator.saw('connection 1 still answers: sent "still here", read "STILL HERE"');
      const next = await this.#sidecar.open(endpoint, good);
      const after = next.serverFingerprint256;
      const heard = await next.say('new\n');
      next.close();
      expectObserved(after !== before, 'a new connection sees the new certificate', 'the old one');
      expectObserved(heard === 'NEW\n', 'the new connection answers', String(heard));
      this.#narrator.saw(`connection 2 was served certificate ${after.slice(0, 12)}, and answers`);
    } finally {
      open.close();
    }
    const again = await this.#reconcile();
    const changes = again.plan.changes.map(({ action, object }) => `${action} ${object.name}`).join(', ');
    expectObserved(isEmptyPlan(again.plan), 'there is nothing left to do', changes);
    this.#narrator.saw('a last look finds nothing to do');
  }

  #reconcile(renew: ReadonlySet<string> = new Set()): Promise<ReconcileReport> {
    const [device] = this.#agent.config.devices;
    if (device === undefined) throw new Error('the scenario has one device');
    return this.#agent.reconcile(device, { mode: 'apply', renew });
  }

  #changes({ plan }: ReconcileReport, kinds: readonly Change['object']['kind'][]): void {
    const marks = { create: '+', modify: '~', remove: '-' } as const;
    for (const change of plan.changes.filter(({ object }) => kinds.includes(object.kind))) {
      this.#narrator.did(`${marks[change.action]} ${change.object.kind} ${change.object.name}`);
      for (const detail of change.details) this.#narrator.did(`    ${detail}`);
    }
  }

  async #expectAllowed(endpoint: Endpoint, caller: Svid): Promise<void> {
    const from = this.#scenario.deviceLog.lines.length;
    const outcome = await this.#sidecar.call(endpoint, caller);
    this.#expectCall(caller.spiffeId.text, outcome, {
      expected: 'gets an answer',
      isFine: ({ result }) => result === 'answered',
    });
    await this.#expectLogged(`allowing: ${caller.spiffeId.text}`, from);
  }

  async #expectRejected(endpoint: Endpoint, caller: Svid): Promise<void> {
    const from = this.#scenario.deviceLog.lines.length;
    const outcome = await this.#sidecar.call(endpoint, caller);
    this.#expectCall(caller.spiffeId.text, outcome, {
      expected: 'is refused',
      isFine: ({ result }) => result === 'refused',
    });
    await this.#expectLogged(`rejecting: ${caller.spiffeId.text}`, from);
  }

  #expectCall(
    who: string,
    outcome: CallOutcome,
    { expected, isFine }: { readonly expected: string; readonly isFine: (outcome: CallOutcome) => boolean },
  ): void {
    expectObserved(isFine(outcome), `${who} ${expected}`, outcome.detail);
    this.#narrator.saw(`${who} ${expected}: ${outcome.detail}`);
  }

  async #expectLogged(text: string, from: number): Promise<void> {
    const line = await this.#scenario.deviceLog.find(text, { from });
    expectObserved(line !== undefined, `the rule logs "${text}"`, 'no such line');
    this.#narrator.log(line);
  }
}
