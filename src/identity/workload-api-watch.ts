import { createHash } from 'node:crypto';

import { backOffMs } from '../back-off.js';
import type { Clock } from '../clock.js';
import type { X509SvidResponse } from './workload-api-protocol.js';

interface WorkloadApiWatchOptions {
  /** `unix:///run/spire/agent-sockets/spire-agent.sock` */
  readonly address: string;
  readonly onChange: () => void;
  readonly clock: Clock;
  /** From 0 up to but not including 1. */
  readonly random: () => number;
}

/** As go-spiffe reconnects (workloadapi/backoff.go). */
const backOff = { firstMs: 1000, longestMs: 30_000 };

/**
 * Listens to the Workload API, which sends the whole state anew whenever an SVID was rotated, a bundle changed or an
 * entry came or went.
 *
 * It keeps nothing but a hash: what is used is asked for when it is used. While nobody answers, what was heard stays.
 */
export class WorkloadApiWatch {
  readonly #options: WorkloadApiWatchOptions;
  #heard: string | undefined;

  constructor(options: WorkloadApiWatchOptions) {
    this.#options = options;
  }

  /** Until the signal aborts; then it resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const { address, clock, random } = this.#options;
    const { followX509Svids } = await import('./workload-api-client.js');
    let failures = 0;
    try {
      for (;;) {
        await followX509Svids(address, {
          onState: (state) => {
            failures = 0;
            this.#hear(state);
          },
          signal,
        });
        signal.throwIfAborted();
        failures += 1;
        await clock.sleep(backOffMs(backOff, failures, random), signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #hear({ svids }: X509SvidResponse): void {
    const hash = createHash('sha256');
    for (const { spiffe_id: id, x509_svid: svid, bundle } of svids)
      hash.update(JSON.stringify([id, svid.toString('base64'), bundle.toString('base64')]));
    const heard = hash.digest('hex');
    if (this.#heard !== undefined && this.#heard !== heard) this.#options.onChange();
    this.#heard = heard;
  }
}
