import { setMaxListeners } from 'node:events';
import type { Agent } from '../agent.js';
import type { Clock } from '../clock.js';
import type { ServiceConfig } from '../config/schema.js';
import type { Logger } from '../log.js';
import { DeviceReconciler } from './device-reconciler.js';
import { CallCounters } from './call-counters.js';
import type { DeviceStatus } from './device-status.js';
import { EpochFence } from './epoch-fence.js';
import { EventRecorder } from './event-recorder.js';
import { HeldAllowlists } from './held-allowlists.js';
import { LeaderElection } from './leader-election.js';
import type { Standing } from './leadership.js';
import { watchMesh } from './mesh-triggers.js';
import type { MeshTrigger } from './mesh-triggers.js';
import type { Metrics } from './metrics.js';
import { StatusWriter } from './status-config-map.js';
import { WorkQueue } from './work-queue.js';

export interface ControllerOptions {
  readonly agent: Pick<
    Agent,
    | 'config'
    | 'counters'
    | 'kube'
    | 'meshFacts'
    | 'noteSourceChange'
    | 'prove'
    | 'reconcile'
    | 'refreshMeshFacts'
    | 'settle'
  >;
  /** The agent's own: of the Leases and of the status. */
  readonly namespace: string;
  /** Of this process, and of no other. */
  readonly holder: string;
  /** How long a leader that is gone is waited for; whole seconds, 15 s by default. */
  readonly leaseDurationMs?: number | undefined;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** From 0 up to but not including 1. */
  readonly random: () => number;
  readonly logger: Logger;
  /** Told after each reconcile and each proof, when all of it has been reported. */
  readonly onReported?: (status: DeviceStatus, of: 'reconcile' | 'proof') => void;
}

/** Longer than a reconcile lasts that ends at all: saving a large configuration has five minutes. */
const longestWorkMs = 15 * 60_000;
const longestStandstillMs = 120_000;

/**
 * Decides when reconciles and proofs run: when a watched object changes, when a certificate is due, at intervals, and
 * after failures; of each device on its leader only. What a reconcile does is not decided here.
 */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #allowlists: HeldAllowlists;
  readonly #mesh: readonly MeshTrigger[];
  readonly #election: LeaderElection;
  readonly #reconciler: DeviceReconciler;
  /** One key a device. */
  readonly #devices: WorkQueue;
  /** One key a service. */
  readonly #proofs: WorkQueue;
  readonly #counters: CallCounters;

  constructor(options: ControllerOptions) {
    const { agent, clock, holder, logger, metrics, namespace, onReported, random } = options;
    const { config, kube } = agent;
    const watching = { kube, clock, random, logger };
    const devices = config.devices.map(({ name }) => name);
    this.#options = options;
    this.#allowlists = new HeldAllowlists({
      ...watching,
      services: config.services,
      meshFacts: () => agent.meshFacts,
      onChange: (service) => {
        this.#reconciler.noteChange(service);
        this.#devices.add(service.device);
      },
    });
    this.#mesh = watchMesh({
      ...watching,
      config,
      onChange: (change, concerned) => {
        agent.noteSourceChange();
        this.#reconciler.noteMeshChange(change);
        for (const device of concerned) this.#devices.add(device);
      },
    });
    for (const device of devices) this.#measure(device, 'stands by');
    this.#election = new LeaderElection({
      ...watching,
      namespace,
      devices,
      holder,
      durationMs: options.leaseDurationMs,
      onChange: (device, standing) => {
        this.#measure(device, standing);
        if (standing !== 'leads') return;
        this.#reconciler.resume(device);
        this.#devices.add(device);
      },
    });
    const standing = (device: string): Standing => this.#election.standing(device);
    const isAway = (): boolean => devices.some((device) => standing(device) === 'holds on');
    this.#reconciler = new DeviceReconciler({
      agent,
      allowlists: this.#allowlists,
      metrics,
      events: new EventRecorder({ kube, instance: holder, isAway, clock, logger }),
      status: new StatusWriter({ kube, namespace, writtenBy: holder, devices, isAway, logger }),
      fence: new EpochFence({ standing, giveUp: (device) => this.#election.giveUp(device) }),
      callsOf: (device) => this.#counters.callsOf(device),
      doubt: (device) => this.#devices.add(device),
      prove: (service) => this.#proofs.add(keyOf(service)),
      clock,
      random,
      logger,
      onReported,
    });
    this.#devices = new WorkQueue({
      clock,
      random,
      work: (device, since, signal) => this.#reconciler.reconcile(device, since, signal),
    });
    const services = new Map(config.services.map((service) => [keyOf(service), service]));
    this.#proofs = new WorkQueue({
      clock,
      random,
      work: (key, _since, signal) => {
        const service = services.get(key);
        if (service === undefined) throw new Error(`${key} is no service of the config file`);
        return this.#reconciler.prove(service, signal);
      },
    });
    const isLed = (device: string): boolean => standing(device) !== 'stands by';
    this.#counters = new CallCounters({ agent, metrics, isLed, clock, logger });
  }

  /** Runs until the signal aborts: then what was under way has ended, and the Leases are released. */
  async run(signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const running = AbortSignal.any([signal, failed.signal]);
    // Each watch and each request under way listens to it.
    setMaxListeners(0, running);
    const tasks = [
      ...[...this.#allowlists.informers, ...this.#mesh].map((informer) => informer.run(running)),
      this.#devices.run(running),
      this.#proofs.run(running),
      this.#lead(running),
    ];
    for (const task of tasks) task.catch((error: unknown) => failed.abort(error));
    const outcomes = await Promise.allSettled(tasks);
    await this.#counters.idle();
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected' && !signal.aborted) throw outcome.reason;
    }
  }

  /** Called at each scrape; never waits. */
  refreshCounters(): void {
    this.#counters.refresh();
  }

  /** What says that the process stands still and should be started anew. */
  live(): string[] {
    const now = this.#options.clock.now().getTime();
    const isOver = (since: Date, ms: number): boolean => now - since.getTime() > ms;
    const problems: string[] = [];
    if (isOver(this.#election.triedAt, longestStandstillMs)) problems.push('the Leases are not tried');
    const standsStill = [this.#devices, this.#proofs].some(({ turnedAt }) =>
      isOver(turnedAt, longestStandstillMs),
    );
    if (standsStill) problems.push('the queue does not turn');
    for (const [device, startedAt] of this.#devices.underWay) {
      if (isOver(startedAt, longestWorkMs)) problems.push(`the reconcile of ${device} does not end`);
    }
    for (const [service, startedAt] of this.#proofs.underWay) {
      if (isOver(startedAt, longestWorkMs)) problems.push(`the proof of ${service} does not end`);
    }
    return problems;
  }

  /** What says that the process cannot do its work yet, as leader or standing by. Devices have no part in it. */
  ready(): string[] {
    const problems: string[] = [];
    const unread = this.#allowlists.informers.filter(({ isSynced }) => !isSynced);
    for (const { problem } of unread) problems.push(problem?.message ?? 'allowlists were not read yet');
    const { leaderless } = this.#election;
    if (leaderless === undefined) problems.push('the Leases were not read yet');
    for (const device of leaderless ?? []) problems.push(`nobody leads ${device} yet`);
    return problems;
  }

  /** What an operator should know of a process that is ready all the same. */
  notes(): string[] {
    const { problem } = this.#election;
    return this.#options.agent.config.devices
      .filter(({ name }) => this.#election.standing(name) === 'holds on')
      .map(({ name }) => `holds on to ${name}: ${problem?.message ?? 'the Lease cannot be had'}`);
  }

  #measure(device: string, standing: Standing): void {
    const { metrics } = this.#options;
    metrics.set('bigip_mesh_leader', { device }, standing === 'leads' ? 1 : 0);
    metrics.set('bigip_mesh_holding_on', { device }, standing === 'holds on' ? 1 : 0);
  }

  async #lead(signal: AbortSignal): Promise<void> {
    // Allowlists that cannot be read are unknown by then, and must not keep those waiting that can.
    await Promise.all(this.#allowlists.informers.map(({ tried }) => tried));
    await this.#election.run(signal, (device, leading) => this.#leadDevice(device, leading));
  }

  async #leadDevice(device: string, leading: AbortSignal): Promise<void> {
    const { agent, metrics } = this.#options;
    setMaxListeners(0, leading);
    const services = agent.config.services.filter((service) => service.device === device);
    this.#reconciler.begin(device);
    const taken = [this.#devices.take([device], leading), this.#proofs.take(services.map(keyOf), leading)];
    this.#devices.add(device);
    await Promise.all(taken);
    await metrics.forget(device);
  }
}

/** No name has a slash. */
function keyOf({ device, name }: Pick<ServiceConfig, 'device' | 'name'>): string {
  return `${device}/${name}`;
}
