import { setMaxListeners } from 'node:events';
import type { Agent } from '../agent.js';
import type { Clock } from '../clock.js';
import { AgentError } from '../errors.js';
import type { Informer } from '../kube/informer.js';
import type { Logger } from '../log.js';
import { DeviceReconciler } from './device-reconciler.js';
import type { DeviceStatus } from './device-status.js';
import { EventRecorder } from './event-recorder.js';
import { HeldAllowlists } from './held-allowlists.js';
import { LeaderElection } from './leader-election.js';
import { watchMesh } from './mesh-triggers.js';
import type { Metrics } from './metrics.js';
import { StatusWriter } from './status-config-map.js';
import { WorkQueue } from './work-queue.js';

/** One for all replicas of an installation, in the agent's namespace. */
export const leaseName = 'bigip-mesh-agent';

export interface ControllerOptions {
  readonly agent: Pick<Agent, 'config' | 'kube' | 'reconcile' | 'refreshMeshFacts'>;
  /** The agent's own: of the Lease and of the status. */
  readonly namespace: string;
  /** Of this process, and of no other. */
  readonly holder: string;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** From 0 up to but not including 1. */
  readonly random: () => number;
  readonly logger: Logger;
  /** Told after each reconcile, when all of it has been reported. */
  readonly onReconciled?: (status: DeviceStatus) => void;
}

/** Longer than a reconcile lasts that ends at all: saving a large configuration has five minutes. */
const longestWorkMs = 15 * 60_000;
const longestStandstillMs = 120_000;

/**
 * Decides when reconciles run: when a watched object changes, when a certificate is due, at intervals, and after
 * failures; on the leader only. What a reconcile does is not decided here.
 */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #allowlists: HeldAllowlists;
  readonly #mesh: readonly Informer<undefined>[];
  readonly #election: LeaderElection;
  readonly #reconciler: DeviceReconciler;
  readonly #queue: WorkQueue;

  constructor(options: ControllerOptions) {
    const { agent, clock, holder, logger, metrics, namespace, onReconciled, random } = options;
    const { config, kube } = agent;
    const watching = { kube, clock, random, logger };
    this.#options = options;
    this.#allowlists = new HeldAllowlists({
      ...watching,
      services: config.services,
      onChange: ({ device }) => this.#queue.add(device),
    });
    this.#mesh = watchMesh({
      ...watching,
      config,
      onChange: (change) => {
        if (change === 'facts') this.#reconciler.doubtMeshFacts();
        this.#addAll();
      },
    });
    metrics.set('bigip_mesh_leader', {}, 0);
    this.#election = new LeaderElection({
      ...watching,
      lease: { namespace, name: leaseName },
      holder,
      onChange: (isLeader) => metrics.set('bigip_mesh_leader', {}, isLeader ? 1 : 0),
    });
    this.#reconciler = new DeviceReconciler({
      agent,
      allowlists: this.#allowlists,
      metrics,
      events: new EventRecorder({ kube, instance: holder, clock, logger }),
      status: new StatusWriter({ kube, namespace, writtenBy: holder, logger }),
      beforeCommit: () => this.#requireLeadership(),
      clock,
      random,
      logger,
      onReconciled,
    });
    this.#queue = new WorkQueue({
      clock,
      random,
      work: (device, since, signal) => this.#reconciler.work(device, since, signal),
    });
  }

  /** Runs until the signal aborts: then what was under way has ended, and the Lease is released. */
  async run(signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const running = AbortSignal.any([signal, failed.signal]);
    // Each watch and each request under way listens to it.
    setMaxListeners(0, running);
    const tasks = [
      ...[...this.#allowlists.informers, ...this.#mesh].map((informer) => informer.run(running)),
      this.#lead(running),
    ];
    for (const task of tasks) task.catch((error: unknown) => failed.abort(error));
    for (const outcome of await Promise.allSettled(tasks)) {
      if (outcome.status === 'rejected' && !signal.aborted) throw outcome.reason;
    }
  }

  /** What says that the process stands still and should be started anew. */
  live(): string[] {
    const now = this.#options.clock.now().getTime();
    const problems: string[] = [];
    if (now - this.#election.triedAt.getTime() > longestStandstillMs) problems.push('the Lease is not tried');
    const isStill = now - this.#queue.turnedAt.getTime() > longestStandstillMs;
    if (this.#election.isLeader && isStill) problems.push('the queue does not turn');
    for (const [device, startedAt] of this.#queue.underWay) {
      if (now - startedAt.getTime() > longestWorkMs) problems.push(`the reconcile of ${device} does not end`);
    }
    return problems;
  }

  /** What says that the process cannot do its work yet, as leader or standing by. Devices have no part in it. */
  ready(): string[] {
    const problems: string[] = [];
    const unread = this.#allowlists.informers.filter(({ isSynced }) => !isSynced);
    for (const { problem } of unread) problems.push(problem?.message ?? 'allowlists were not read yet');
    if (this.#election.leader === '') problems.push('nobody leads yet');
    return problems;
  }

  async #lead(signal: AbortSignal): Promise<void> {
    // Allowlists that cannot be read are unknown by then, and must not keep those waiting that can.
    await Promise.all(this.#allowlists.informers.map(({ tried }) => tried));
    await this.#election.run(signal, async (leading) => {
      this.#addAll();
      await this.#queue.run(leading);
    });
  }

  #addAll(): void {
    for (const { name } of this.#options.agent.config.devices) this.#queue.add(name);
  }

  #requireLeadership(): void {
    if (this.#election.isLeader) return;
    throw new AgentError(
      'MESH_ERR_NOT_LEADER',
      'this replica was paused or cut off for too long to write; nothing was changed',
      'look at the Lease to see who leads now',
    );
  }
}
