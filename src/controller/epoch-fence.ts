import { AgentError } from '../errors.js';
import type { ReconcileOptions } from '../reconcile/run-once.js';
import type { Standing } from './leadership.js';

interface EpochFenceOptions {
  readonly standing: (device: string) => Standing;
  /** Ends what this process holds on to: somebody else has written. */
  readonly giveUp: (device: string) => void;
}

/** What one reconcile asks before it writes. */
export interface RunFence extends Required<
  Pick<ReconcileOptions, 'onRead' | 'beforeCommit' | 'onCommitted'>
> {
  /** Whether it may do no more than put back what was good last. */
  readonly isHoldingOn: boolean;
}

/**
 * Who may write to a device: its leader; and a process that holds on, while the device's epoch is the one that this very
 * process read as the leader, or wrote. Every change by an agent moves the epoch on, in the same transaction.
 *
 * A reconcile that began as the leader's is a leader's to the end: what it is about to write was worked out without the
 * limits of one that holds on.
 */
export class EpochFence {
  readonly #options: EpochFenceOptions;
  /** By device. */
  readonly #own = new Map<string, number>();

  constructor(options: EpochFenceOptions) {
    this.#options = options;
  }

  /** An earlier leadership counts for nothing. */
  begin(device: string): void {
    this.#own.delete(device);
  }

  /** For one reconcile, which begins now. */
  open(device: string): RunFence {
    const { standing } = this.#options;
    const isHoldingOn = standing(device) === 'holds on';
    const requireOwn = (epoch: number): void => this.#requireOwn(device, epoch);
    return {
      isHoldingOn,
      onRead: (epoch) => {
        if (isHoldingOn) requireOwn(epoch);
        else if (standing(device) === 'leads') this.#own.set(device, epoch);
      },
      beforeCommit: (epoch) => {
        if (isHoldingOn) requireOwn(epoch);
        else if (standing(device) !== 'leads') throw notLeader(device, 'was paused or cut off for too long');
      },
      onCommitted: (epoch) => {
        this.#own.set(device, epoch);
      },
    };
  }

  #requireOwn(device: string, epoch: number): void {
    const { giveUp, standing } = this.#options;
    if (standing(device) === 'stands by') throw notLeader(device, 'does not lead any more');
    if (this.#own.get(device) === epoch) return;
    giveUp(device);
    throw notLeader(device, 'is cut off, and another writer was there');
  }
}

function notLeader(device: string, why: string): AgentError {
  return new AgentError(
    'MESH_ERR_NOT_LEADER',
    `this replica ${why}: it may not write to ${device}; nothing was changed`,
    'look at the Leases to see who leads now',
  );
}
