import { strict as assert } from 'node:assert';
import { HeldAllowlists } from '../../src/controller/held-allowlists.js';
import { narrowedAllowlists } from '../../src/controller/narrowed-allowlists.js';
import type { Logger } from '../../src/log.js';
import { silentLogger } from '../../src/log.js';
import { FakeClock } from './fake-clock.js';
import { FaultDevice, meshFacts } from './fault-device.js';
import type { FaultService } from './fault-device.js';
import { FaultOracle } from './fault-oracle.js';
import { configMaps, policyPlaces } from './fault-steps.js';
import type { Step } from './fault-steps.js';
import { FaultyKube } from './faulty-kube.js';

/** One controller, its device and its cluster, and the oracle that judges each reconcile. */
export class FaultStory {
  readonly clock = new FakeClock();
  readonly oracle: FaultOracle;
  readonly cluster: FaultyKube;
  readonly device: FaultDevice;
  readonly #logger: Logger;
  #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #held: HeldAllowlists | undefined;
  #isHoldingOn = false;

  constructor(services: readonly FaultService[], logger: Logger = silentLogger()) {
    this.#logger = logger;
    this.device = new FaultDevice(services);
    this.oracle = new FaultOracle(this.device.config.services);
    this.cluster = new FaultyKube(this.clock, (served) => this.oracle.serve(served));
  }

  /** The agent starts; what was written before is there already. */
  async begin(): Promise<void> {
    this.#start();
    await this.settle();
    await this.reconcile();
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'write':
        this.cluster.write(step.place, step.name, step.object);
        break;
      case 'replace':
        if (step.isMissed) this.cluster.disturbWatches('disconnected', step.place);
        this.cluster.remove(step.place, step.name);
        this.cluster.write(step.place, step.name, step.object);
        break;
      case 'relabel': {
        const object = this.cluster.objects(configMaps).find(({ metadata }) => metadata.name === step.name);
        if (object !== undefined) {
          this.cluster.write(configMaps, step.name, { ...object, metadata: { labels: step.labels } });
        }
        break;
      }
      case 'remove':
        this.cluster.remove(step.place, step.name);
        break;
      case 'fail':
        this.cluster.failNext(step.faults, step.place);
        break;
      case 'refuse':
        this.cluster.refuse(step.place, step.fault);
        break;
      case 'disturb':
        this.cluster.disturbWatches(step.fault, step.place);
        break;
      case 'compact':
        this.cluster.compact();
        break;
      case 'away':
      case 'back':
        this.cluster.setAway(step.do === 'away');
        break;
      case 'wait':
        await this.clock.advance(step.ms);
        break;
      case 'restart':
        await this.stop();
        if (step.without !== undefined) this.cluster.refuse(step.without, 'forbidden');
        this.#start();
        break;
      case 'hold on':
      case 'lead again':
        this.#isHoldingOn = step.do === 'hold on';
        break;
      case 'damage':
        this.device.damage(step.service, step.list);
        break;
      case 'reconcile':
        await this.settle();
        await this.reconcile();
    }
    await this.settle();
  }

  async reconcile(): Promise<void> {
    assert.ok(this.#held !== undefined);
    const { services } = this.device.config;
    const judged = services.map((service) => {
      const before = this.device.enforced(service);
      return { service, before, ...this.oracle.judge(service, before, this.#isHoldingOn) };
    });
    await this.device.reconcile(this.#isHoldingOn ? narrowedAllowlists(this.#held) : this.#held);
    for (const { service, before, most, least } of judged) {
      const after = this.device.admitted(service);
      const isWithin =
        after.every((caller) => most.includes(caller)) && least.every((caller) => after.includes(caller));
      const text = (value: unknown): string => JSON.stringify(value);
      assert.ok(
        isWithin,
        `${service.name} admits ${text(after)}; at most ${text(most)}, at least ${text(least)}; before: ${text(before)}`,
      );
      this.#held.view(service);
    }
  }

  /** Whatever was wrong on the way is over: what the agent knows must be what there is. */
  async heal(): Promise<void> {
    this.cluster.heal();
    this.#isHoldingOn = false;
    await this.clock.advance(12 * 60_000);
    await this.settle();
    await this.reconcile();
    for (const service of this.device.config.services) {
      const { selector, fromAuthorizationPolicies } = service.allowlist;
      const isIts = (labels: Readonly<Record<string, string>> = {}): boolean =>
        Object.entries(selector.matchLabels).every(([key, value]) => labels[key] === value);
      const objects = [
        ...this.cluster.objects(configMaps).filter(({ metadata }) => isIts(metadata.labels)),
        ...(fromAuthorizationPolicies ? policyPlaces.flatMap((place) => this.cluster.objects(place)) : []),
      ];
      assert.deepEqual(
        this.oracle.versions(service),
        objects.map(({ metadata }) => `${metadata.uid} ${metadata.resourceVersion}`).sort(),
        `what the agent was told of ${service.name}`,
      );
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('over'));
    await this.#running;
  }

  settle(): Promise<void> {
    return this.clock.advance(0);
  }

  #start(): void {
    this.oracle.restart();
    this.#stop = new AbortController();
    this.#held = new HeldAllowlists({
      kube: this.cluster.kube,
      clock: this.clock,
      random: () => 0,
      logger: this.#logger,
      services: this.device.config.services,
      meshFacts: () => meshFacts,
      onChange: () => undefined,
    });
    this.#running = Promise.all(this.#held.informers.map((informer) => informer.run(this.#stop.signal)));
  }
}

/** Plays a story to its end, and after all faults are over to what the cluster says then. */
export async function play(
  services: readonly FaultService[],
  first: readonly Step[],
  steps: readonly Step[],
): Promise<void> {
  const story = new FaultStory(services);
  try {
    for (const step of first) await story.take(step);
    await story.begin();
    for (const step of steps) await story.take(step);
    await story.heal();
  } finally {
    await story.stop();
  }
}
