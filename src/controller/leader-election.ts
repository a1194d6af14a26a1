import type { Clock } from '../clock.js';
import { AgentError } from '../errors.js';
import type { CallOptions } from '../kube/api-server.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import type { KubeObject } from '../kube/object.js';
import type { Logger } from '../log.js';
import { microTime, parseLease, renderLease } from './lease-record.js';

/** Client-go's own defaults (client-go, tools/leaderelection): a dead leader is replaced within 15 s. */
const leaseDurationMs = 15_000;
const renewDeadlineMs = 10_000;
const retryMs = 2000;

export interface LeaderElectionOptions {
  readonly kube: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  readonly lease: { readonly namespace: string; readonly name: string };
  /** Of this process, and of no other. */
  readonly holder: string;
  readonly clock: Clock;
  /** From 0 up to but not including 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly onChange?: (isLeader: boolean) => void;
}

/** What was seen of a Lease of others, and when by our own clock: clocks of machines differ. */
interface Sighting {
  readonly version: string | undefined;
  readonly atMs: number;
}

/**
 * One writer among several replicas, by a Lease.
 *
 * A leader that cannot renew stops well before another one may begin. That covers a process that runs; one that was
 * paused finds out by `isLeader` when it goes on, and the fence on the device stops what slips through.
 */
export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  #renewedAtMs: number | undefined;
  #sighting: Sighting | undefined;
  #triedAt: Date;
  #holderSeen = '';

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#triedAt = options.clock.now();
  }

  /** Whether this process may write at this moment, by its own clock. */
  get isLeader(): boolean {
    return this.#leftMs > 0;
  }

  /** Who led when the Lease was last read; empty: nobody, or it was not read yet. */
  get leader(): string {
    return this.#holderSeen;
  }

  /** When the Lease was last tried, with whatever result. */
  get triedAt(): Date {
    return this.#triedAt;
  }

  /**
   * Runs `lead` whenever this process leads, until the signal aborts; then the Lease is released.
   *
   * @param lead is to resolve soon after its signal aborts; no other call begins before
   */
  async run(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, random, logger, onChange } = this.#options;
    try {
      for (;;) {
        if (await this.#tryToHold(signal)) {
          logger.info({ holder: this.#options.holder }, 'leads');
          onChange?.(true);
          await this.#leadWhileHeld(signal, lead);
          onChange?.(false);
          logger.info({ holder: this.#options.holder }, 'leads no more');
        }
        await clock.sleep(retryMs * (1 + random() / 5), signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await this.#release();
    }
  }

  async #leadWhileHeld(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const lost = new AbortController();
    const leading = AbortSignal.any([signal, lost.signal]);
    const renewing = this.#renew(leading).finally(() => lost.abort(new Error('leadership was lost')));
    try {
      await lead(leading);
    } finally {
      lost.abort(new Error('the leader has ended'));
      await renewing;
    }
    signal.throwIfAborted();
  }

  /** Resolves when the Lease is another's or could not be renewed in time, or the signal aborts. */
  async #renew(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    try {
      while (this.isLeader) {
        await clock.sleep(Math.min(retryMs, this.#leftMs), signal);
        // Two requests; together they end before the deadline does.
        if (this.isLeader) await this.#tryToHold(signal, this.#leftMs / 2);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Until the Lease must have been renewed; 0 without one. */
  get #leftMs(): number {
    if (this.#renewedAtMs === undefined) return 0;
    return Math.max(0, this.#renewedAtMs + renewDeadlineMs - this.#options.clock.now().getTime());
  }

  /** One try. What cannot be read or written is no Lease, and tried again. */
  async #tryToHold(signal: AbortSignal, timeoutMs = renewDeadlineMs / 2): Promise<boolean> {
    const { clock, kube, lease, holder, logger } = this.#options;
    const call = { signal, timeoutMs };
    this.#triedAt = clock.now();
    try {
      const found = await kube.get({ kind: kinds.lease, ...lease }, call);
      if (found === undefined) {
        const record = { holder, durationMs: leaseDurationMs, transitions: 0, acquireTime: this.#nowText() };
        return await this.#write(record, undefined, call);
      }
      const record = parseLease(found);
      this.#holderSeen = record.holder;
      if (record.holder === holder) {
        return await this.#write({ ...record, durationMs: leaseDurationMs }, found, call);
      }
      this.#renewedAtMs = undefined;
      if (record.holder !== '' && !this.#hasExpired(found, record.durationMs)) return false;
      const { transitions } = record;
      const taken = { holder, durationMs: leaseDurationMs, transitions: transitions + 1 };
      return await this.#write({ ...taken, acquireTime: this.#nowText() }, found, call);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AgentError)) throw error;
      const isRace = error.code === 'MESH_ERR_KUBE_CONFLICT' || error.code === 'MESH_ERR_KUBE_EXISTS';
      if (!isRace) logger.warn({ code: error.code, reason: error.message }, 'the Lease cannot be had');
      return false;
    }
  }

  /** A Lease of another holder has expired when it did not change for its whole duration, as seen from here. */
  #hasExpired({ metadata }: KubeObject, durationMs: number): boolean {
    const nowMs = this.#options.clock.now().getTime();
    const version = metadata.resourceVersion;
    if (this.#sighting === undefined || this.#sighting.version !== version) {
      this.#sighting = { version, atMs: nowMs };
    }
    return nowMs - this.#sighting.atMs >= durationMs;
  }

  async #write(
    record: Parameters<typeof renderLease>[1],
    before: KubeObject | undefined,
    call: CallOptions,
  ): Promise<boolean> {
    const { clock, kube, lease } = this.#options;
    // The moment before the write: whoever sees it counts from a later one.
    const now = clock.now();
    const object = renderLease(lease, record, now, before);
    if (before === undefined) await kube.create(kinds.lease, object, call);
    else await kube.replace(kinds.lease, object, call);
    this.#renewedAtMs = now.getTime();
    this.#holderSeen = record.holder;
    return true;
  }

  /** So that the next leader need not wait; never throws. */
  async #release(): Promise<void> {
    const { clock, kube, lease, holder } = this.#options;
    if (this.#renewedAtMs === undefined) return;
    this.#renewedAtMs = undefined;
    try {
      const found = await kube.get({ kind: kinds.lease, ...lease }, { timeoutMs: retryMs });
      if (found === undefined || parseLease(found).holder !== holder) return;
      const released = { ...parseLease(found), holder: '', durationMs: 1000 };
      await kube.replace(kinds.lease, renderLease(lease, released, clock.now(), found), {
        timeoutMs: retryMs,
      });
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      this.#options.logger.warn({ reason: error.message }, 'the Lease expires by itself');
    }
  }

  #nowText(): string {
    return microTime(this.#options.clock.now());
  }
}
