import type { Clock } from '../clock.js';
import type { AgentError, ErrorCode } from '../errors.js';
import type { Logger } from '../log.js';
import type { Lease } from './lease.js';

/**
 * What this process is to a device. `leads`: its Lease is good. `holds on`: it was the last to hold the Lease as far as
 * anybody told it, and the API server cannot be asked.
 */
export type Standing = 'leads' | 'holds on' | 'stands by';

interface LeadershipOptions {
  readonly device: string;
  readonly lease: Pick<Lease, 'holder' | 'leftMs'>;
  /** This process. */
  readonly holder: string;
  /** How often it is looked after the Lease while it is over. */
  readonly retryMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onChange: (standing: Standing) => void;
}

/** That nobody can be asked, which says nothing of who holds the Lease. */
const away = new Set<ErrorCode>(['MESH_ERR_KUBE_UNREACHABLE', 'MESH_ERR_KUBE_UNAUTHORIZED']);

/**
 * That this process leads one device, from the moment at which it took the Lease. Ended, it is over for good: the next
 * one begins with the Lease.
 *
 * A Lease that could not be renewed in time because the API server is away ends the leadership and not the work: it is
 * held on to, until somebody else is seen in the Lease, or on the device (see `EpochFence`).
 */
export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #stop = new AbortController();
  #isHoldingOn = false;
  /** Why the last try to renew came to nothing. */
  #failure: AgentError | undefined;

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  /** Aborts when it is over. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get isHoldingOn(): boolean {
    return this.#isHoldingOn && this.#options.lease.leftMs === 0 && !this.#stop.signal.aborted;
  }

  stop(why: string): void {
    this.#stop.abort(new Error(why));
  }

  /** Takes note of a try to renew. @param failure undefined: it was renewed */
  tried(failure: AgentError | undefined): void {
    this.#failure = failure;
  }

  /** Sees whether the Lease is over, and who is known to hold it. */
  look(): void {
    const { device, holder, lease, logger, onChange } = this.#options;
    if (this.#stop.signal.aborted) return;
    if (lease.leftMs > 0) {
      if (!this.#isHoldingOn) return;
      this.#isHoldingOn = false;
      logger.info({ device, holder }, 'leads again');
      onChange('leads');
      return;
    }
    if (lease.holder !== holder || this.#failure === undefined || !away.has(this.#failure.code)) {
      this.stop('leadership was lost');
      return;
    }
    if (this.#isHoldingOn) return;
    this.#isHoldingOn = true;
    logger.warn({ device, holder }, 'holds on: keeps what was good last until the Lease can be had again');
    onChange('holds on');
  }

  /** Looks at the moment at which the Lease should have been renewed and was not; resolves when it is over. */
  async guard(): Promise<void> {
    const { clock, lease, retryMs } = this.#options;
    for (;;) {
      this.look();
      if (this.#stop.signal.aborted) return;
      const ms = lease.leftMs === 0 ? retryMs : lease.leftMs;
      await clock.sleep(ms, this.#stop.signal).catch(() => undefined);
    }
  }
}
