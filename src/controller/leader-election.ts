import { setMaxListeners } from 'node:events';
import { AgentError } from '../errors.js';
import type { CallOptions } from '../kube/api-server.js';
import type { Logger } from '../log.js';
import { Leadership } from './leadership.js';
import type { Standing } from './leadership.js';
import { ObservedLeases } from './observed-leases.js';
import type { ObservedLeasesOptions } from './observed-leases.js';
import { shareOut } from './share-out.js';

/** Client-go's own default (client-go, tools/leaderelection). */
const defaultDurationMs = 15_000;

interface LeaderElectionOptions extends Omit<ObservedLeasesOptions, 'durationMs'> {
  /** How long others wait for a leader that does not renew; whole seconds, 15 s by default. */
  readonly durationMs?: number | undefined;
  /** From 0 up to but not including 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly onChange?: (device: string, standing: Standing) => void;
}

/** A device that this process leads, or led and still ends its work on. */
interface Leading {
  readonly leadership: Leadership;
  readonly ended: Promise<void>;
}

/**
 * One writer a device among several replicas, by one Lease each. A Lease of its own tells that a replica is there, and
 * the devices are shared out among those: whoever has more than its share hands over.
 *
 * A leader that cannot renew stops to lead well before another one may begin, and only holds on where the API server is
 * away (see `Leadership`). That covers a process that runs; one that was paused finds out by `isLeader` when it goes on,
 * and the fence on the device stops what slips through.
 */
export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  readonly #durationMs: number;
  readonly #leases: ObservedLeases;
  readonly #leading = new Map<string, Leading>();
  #triedAt: Date;
  #problem: AgentError | undefined;

  constructor(options: LeaderElectionOptions) {
    const { kube, namespace, devices, holder, clock, durationMs = defaultDurationMs } = options;
    this.#options = options;
    this.#durationMs = durationMs;
    this.#triedAt = clock.now();
    this.#leases = new ObservedLeases({ kube, namespace, devices, holder, durationMs, clock });
  }

  /** Whether this process may write to the device at this moment, by its own clock. */
  isLeader(device: string): boolean {
    return (this.#leases.ofDevices.get(device)?.leftMs ?? 0) > 0;
  }

  standing(device: string): Standing {
    if (this.isLeader(device)) return 'leads';
    return this.#isHoldingOn(device) ? 'holds on' : 'stands by';
  }

  /** To be called when somebody else is seen to have written to a device that is held on to. */
  giveUp(device: string): void {
    this.#leading.get(device)?.leadership.stop('another one has written to the device');
  }

  /** Whom nobody leads or holds on to as far as was seen; undefined before the Leases were read. */
  get leaderless(): readonly string[] | undefined {
    if (!this.#leases.wasRead) return undefined;
    return [...this.#leases.ofDevices]
      .filter(([device, { freeForMs }]) => freeForMs >= 0 && !this.#isHoldingOn(device))
      .map(([device]) => device);
  }

  /** Why the Leases cannot be had just now. */
  get problem(): AgentError | undefined {
    return this.#problem;
  }

  /** When the Leases were last tried, with whatever result. */
  get triedAt(): Date {
    return this.#triedAt;
  }

  /**
   * Runs `lead` for each device while this process leads it, until the signal aborts; then the Leases are released.
   *
   * @param lead is to resolve soon after its signal aborts; no other call for the device begins before
   */
  async run(
    signal: AbortSignal,
    lead: (device: string, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const { clock } = this.#options;
    const failed = new AbortController();
    const running = AbortSignal.any([signal, failed.signal]);
    // Each Lease and each device listens to it.
    setMaxListeners(0, running);
    const begin = (device: string): void => {
      const leading = this.#lead(device, running, lead);
      this.#leading.set(device, leading);
      leading.ended
        .catch((error: unknown) => failed.abort(error))
        .finally(() => this.#leading.delete(device));
    };
    try {
      for (;;) {
        await this.#round(running, begin);
        await clock.sleep(this.#nextRoundMs(), running);
      }
    } catch (error) {
      if (!running.aborted) failed.abort(error);
    } finally {
      await this.#end();
    }
    if (!signal.aborted) throw failed.signal.reason;
  }

  get #retryMs(): number {
    return (this.#durationMs * 2) / 15;
  }

  /** Says that this replica is there, renews, reads who else is and who leads, hands over and takes. */
  async #round(signal: AbortSignal, begin: (device: string) => void): Promise<void> {
    const { clock, holder } = this.#options;
    this.#triedAt = clock.now();
    // After a pause the guard's timer may be the last to know.
    this.#look();
    await this.#renew(signal);
    const unread = await this.#try(signal, (call) => this.#leases.observe(call));
    if (unread !== undefined) {
      for (const { leadership } of this.#leading.values())
        if (leadership.isHoldingOn) leadership.tried(unread);
    }
    this.#look();
    if (unread !== undefined) return;
    const shares = shareOut([...this.#leases.ofDevices.keys()], this.#leases.replicas, this.#leaders());
    const takes = [...this.#leases.ofDevices].map(async ([device, lease]) => {
      const isMine = shares.get(device) === holder;
      const leading = this.#leading.get(device);
      if (leading !== undefined) {
        if (!isMine) leading.leadership.stop('another replica leads from here');
        else if (leading.leadership.isHoldingOn) {
          leading.leadership.tried(await this.#try(signal, (call) => lease.hold(call)));
          leading.leadership.look();
        }
        return;
      }
      // Whose share it is may not know the device yet, or not be able to take it.
      const isFree = lease.freeForMs >= (isMine ? 0 : this.#durationMs);
      const isKept = isMine && lease.holder === holder;
      if (!isFree && !isKept) return;
      if ((await this.#try(signal, (call) => lease.hold(call))) === undefined) begin(device);
    });
    await Promise.all(takes);
  }

  #look(): void {
    for (const { leadership } of this.#leading.values()) leadership.look();
  }

  #isHoldingOn(device: string): boolean {
    return this.#leading.get(device)?.leadership.isHoldingOn === true;
  }

  async #renew(signal?: AbortSignal): Promise<void> {
    const held = [...this.#leases.ofDevices].filter(([, { leftMs }]) => leftMs > 0);
    const tries = held.map(async ([device, lease]) => {
      const failure = await this.#try(signal, (call) => lease.renew(call));
      this.#leading.get(device)?.leadership.tried(failure);
    });
    await Promise.all([...tries, this.#try(signal, (call) => this.#leases.own.hold(call))]);
  }

  #leaders(): ReadonlyMap<string, string> {
    return new Map(
      [...this.#leases.ofDevices].flatMap(([device, lease]) =>
        lease.leftMs > 0 || lease.freeForMs < 0 || this.#isHoldingOn(device)
          ? [[device, lease.holder] as const]
          : [],
      ),
    );
  }

  /** Begins to lead; ends when the signal aborts, the Lease is lost or handed over, and then `lead` has ended. */
  #lead(
    device: string,
    signal: AbortSignal,
    lead: (device: string, signal: AbortSignal) => Promise<void>,
  ): Leading {
    const { clock, holder, logger, onChange } = this.#options;
    const lease = this.#leases.ofDevices.get(device);
    if (lease === undefined) throw new Error(`${device} has no Lease`);
    const tell = (standing: Standing): void => onChange?.(device, standing);
    const watching = { device, lease, holder, retryMs: this.#retryMs, clock, logger, onChange: tell };
    const leadership = new Leadership(watching);
    const leading = AbortSignal.any([signal, leadership.signal]);
    const run = async (): Promise<void> => {
      logger.info({ device, holder }, 'leads');
      tell('leads');
      const guarding = leadership.guard();
      try {
        await lead(device, leading);
      } finally {
        leadership.stop('the leader has ended');
        await guarding;
        tell('stands by');
        logger.info({ device, holder }, 'leads no more');
      }
      if (!signal.aborted) await this.#release(device);
    };
    return { leadership, ended: run() };
  }

  /**
   * One try. What cannot be read or written is no Lease, and tried again; the reason is told once.
   *
   * @returns why it came to nothing; undefined when it did not
   */
  async #try(
    signal: AbortSignal | undefined,
    request: (call: CallOptions) => Promise<void>,
  ): Promise<AgentError | undefined> {
    const { logger } = this.#options;
    try {
      await request({ signal, timeoutMs: this.#durationMs / 5 });
      if (this.#problem !== undefined) logger.info('the Leases can be had again');
      this.#problem = undefined;
      return undefined;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof AgentError)) throw error;
      const isRace = error.code === 'MESH_ERR_KUBE_CONFLICT' || error.code === 'MESH_ERR_KUBE_EXISTS';
      if (!isRace && error.code !== this.#problem?.code) {
        this.#problem = error;
        logger.warn({ code: error.code, reason: error.message }, 'the Leases cannot be had');
      }
      return error;
    }
  }

  /** The usual time, or when the next Lease of somebody else expires. */
  #nextRoundMs(): number {
    const { random } = this.#options;
    const expiries = [...this.#leases.ofDevices.values()]
      .map(({ freeForMs }) => -freeForMs)
      .filter((ms) => ms > 0);
    return Math.min(this.#retryMs * (1 + random() / 5), ...expiries);
  }

  /** Others wait while what was under way ends; after that they need not. */
  async #end(): Promise<void> {
    const { clock } = this.#options;
    const ended = new AbortController();
    const all = Promise.allSettled([...this.#leading.values()].map((leading) => leading.ended));
    const ending = all.then(() => ended.abort());
    while (!ended.signal.aborted) {
      await clock.sleep(this.#retryMs, ended.signal).catch(() => undefined);
      if (ended.signal.aborted) break;
      await this.#renew();
    }
    await ending;
    await Promise.all([...this.#leases.ofDevices.keys()].map((device) => this.#release(device)));
    await this.#try(undefined, (call) => this.#leases.own.remove(call));
  }

  /** So that the next leader need not wait. */
  async #release(device: string): Promise<void> {
    await this.#try(undefined, async (call) => this.#leases.ofDevices.get(device)?.release(call));
  }
}
