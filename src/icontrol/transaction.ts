import type { Clock } from '../clock.js';
import { AgentError } from '../errors.js';
import type { Logger } from '../log.js';
import { textOf } from './answer.js';
import type { Answer } from './answer.js';
import { DeviceError } from './errors.js';
import type { Command, Requester } from './request.js';

interface CommitOptions {
  /** Lets the device check everything and change nothing; from version 12 on. */
  readonly validateOnly?: boolean;
  /**
   * Reads back whether the change is there. Called only when the answer to the commit was lost.
   */
  readonly resolve?: () => Promise<boolean>;
  /** Ends the queueing; a commit under way is never cut off. */
  readonly signal?: AbortSignal;
}

const transactionsPath = '/mgmt/tm/transaction';
/** How long the reading back waits before each look: the device may still be at work. */
const looksAfterMs = [0, 5000, 15_000];

/** The requests of one transaction, in order, as a plan prints them. */
export function transactionRequests(
  commands: readonly Command[],
  { id = 'ID', validateOnly = false }: { readonly id?: string; readonly validateOnly?: boolean } = {},
): { readonly open: Command; readonly queue: readonly Command[]; readonly commit: Command } {
  return {
    open: { method: 'POST', path: transactionsPath, body: {} },
    queue: commands,
    commit: {
      method: 'PATCH',
      path: `${transactionsPath}/${id}`,
      body: { state: 'VALIDATING', ...(validateOnly ? { validateOnly } : {}) },
    },
  };
}

/** Changes that the device makes together or not at all. */
export class Transactions {
  readonly #requester: Requester;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(requester: Requester, clock: Clock, logger: Logger) {
    this.#requester = requester;
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * Resolves when the device has committed all commands (or, for `validateOnly`, would have).
   *
   * @throws DeviceError with the refusal of the command that failed: then nothing was changed;
   *   MESH_ERR_DEVICE_OUTCOME_UNKNOWN when the answer was lost and reading back did not show the change
   */
  async commit(commands: readonly Command[], options: CommitOptions = {}): Promise<void> {
    if (commands.length === 0) {
      throw new AgentError(
        'MESH_ERR_BUG',
        'a transaction without commands was to be committed',
        'Report this',
      );
    }
    const { signal, validateOnly = false } = options;
    const id = await this.#open(signal);
    const requests = transactionRequests(commands, { id, validateOnly });
    try {
      for (const command of requests.queue) await this.#queue(id, command, signal);
      signal?.throwIfAborted();
    } catch (error) {
      await this.#drop(id);
      throw error;
    }
    await this.#commit(id, requests.commit, options).catch(async (error: unknown) => {
      // Refused for certain; where the outcome is open, the transaction is left alone.
      if (error instanceof DeviceError && !error.outcomeUnknown) await this.#drop(id);
      throw error;
    });
    if (validateOnly) await this.#drop(id);
  }

  async #open(signal: AbortSignal | undefined): Promise<string> {
    const { json } = await this.#requester.request({
      ...transactionRequests([]).open,
      ...(signal === undefined ? {} : { signal }),
    });
    const id = json?.['transId'];
    // Seconds on 11.x, microseconds since; both are safe integers.
    if (Number.isSafeInteger(id)) return String(id);
    throw unlike(transactionsPath, 'the answer has no transaction id');
  }

  async #queue(id: string, command: Command, signal: AbortSignal | undefined): Promise<void> {
    const { json } = await this.#requester.request({
      ...command,
      repeatable: false,
      // Bound to the request and never to the client: a header that sticks swallows the next change.
      headers: { 'X-F5-REST-Coordination-Id': id },
      ...(signal === undefined ? {} : { signal }),
    });
    const kind = json?.['kind'];
    // 11.x answers with the transaction. Anything else is the object itself: carried out at once, not queued.
    if (kind === 'tm:transaction:commandsstate' || kind === 'tm:transactionstate') return;
    throw unlike(command.path, 'the device did not queue the command');
  }

  async #commit(id: string, commit: Command, options: CommitOptions): Promise<void> {
    const answer = await this.#requester
      .request({ ...commit, repeatable: false, detached: true })
      .catch((error: unknown) => {
        if (error instanceof DeviceError && error.outcomeUnknown) return error;
        throw error;
      });
    if (answer instanceof DeviceError) {
      await this.#lookForOutcome(id, answer.message, options);
      return;
    }
    const state = textOf(answer.json, 'state');
    if (state === 'COMPLETED') return;
    if (state === 'FAILED') throw failed(id, answer);
    await this.#lookForOutcome(id, `the transaction is ${state ?? 'in no known state'}`, options);
  }

  async #lookForOutcome(id: string, cause: string, options: CommitOptions): Promise<void> {
    const { resolve, validateOnly = false } = options;
    if (resolve !== undefined && !validateOnly) {
      for (const afterMs of looksAfterMs) {
        await this.#clock.sleep(afterMs);
        if (await this.#see(resolve)) return;
      }
    }
    throw new DeviceError(
      'MESH_ERR_DEVICE_OUTCOME_UNKNOWN',
      `transaction ${id}: no answer to the commit, and the change is not seen on the device (${cause})`,
      'Read the device before changing it again; the agent does so by itself',
      { resource: `${transactionsPath}/${id}`, outcomeUnknown: true },
    );
  }

  /** A look that fails shows nothing; the next one may. */
  async #see(resolve: () => Promise<boolean>): Promise<boolean> {
    try {
      return await resolve();
    } catch (error) {
      if (!(error instanceof DeviceError) || !error.transient) throw error;
      this.#logger.debug({ reason: error.message }, 'outcome of the transaction cannot be read yet');
      return false;
    }
  }

  /** An open transaction dies by itself after two minutes; this only makes it sooner. */
  async #drop(id: string): Promise<void> {
    try {
      await this.#requester.request({
        method: 'DELETE',
        path: `${transactionsPath}/${id}`,
        detached: true,
      });
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      this.#logger.debug({ transaction: id, reason: error.message }, 'transaction left to expire');
    }
  }
}

function failed(id: string, { status, json }: Answer): DeviceError {
  return new DeviceError(
    'MESH_ERR_DEVICE_REFUSED',
    `transaction ${id} failed: ${textOf(json, 'failureReason') ?? 'no reason given'}`,
    'Read the device message; nothing was changed',
    { status, resource: `${transactionsPath}/${id}` },
  );
}

function unlike(resource: string, message: string): DeviceError {
  return new DeviceError(
    'MESH_ERR_DEVICE_PROTOCOL',
    `${resource}: ${message}`,
    'Check that nothing between the agent and the device removes headers, then run apply again',
    { resource, outcomeUnknown: true },
  );
}
