import type { Command } from '../config/command.js';
import { Refusal, apiErrors, icrdRefusal, tmshRefusal } from '../config/refusal.js';
import type { RunningConfiguration } from '../config/running-configuration.js';
import type { MgmtRequest } from '../http/mgmt-request.js';
import { deleted, ok } from '../http/mgmt-response.js';
import type { MgmtResponse, RestErrors } from '../http/mgmt-response.js';
import type { JsonObject } from '../json.js';
import { link } from '../resources/link.js';
import type { ChangeContext } from '../resources/resource-kind.js';
import type { TmosVersion } from '../tmos-version.js';
import {
  TransactionStore,
  commandOf,
  inOrder,
  renderCommand,
  renderTransaction,
} from './transaction-store.js';
import type { Transaction } from './transaction-store.js';

interface TransactionWorkerOptions {
  readonly running: RunningConfiguration;
  readonly tmos: TmosVersion;
  readonly errors: RestErrors;
  readonly now: () => Date;
}

/** `/mgmt/tm/transaction`: collects writes and commits them as one. */
export class TransactionWorker {
  readonly #options: TransactionWorkerOptions;
  readonly #store: TransactionStore;

  constructor(options: TransactionWorkerOptions) {
    this.#options = options;
    this.#store = new TransactionStore(options.now);
  }

  forgetAll(): void {
    this.#store.forgetAll();
  }

  /** Answers with the command, and never with the resource. What it refers to is looked at when it runs. */
  queue(id: string, request: MgmtRequest, command: Command): MgmtResponse {
    const { tmos } = this.#options;
    const transaction = this.#store.get(id);
    const query = request.query.toString();
    const queued = this.#store.queue(transaction, {
      method: command.method,
      uri: `https://localhost${request.path}${query === '' ? '' : `?${query}`}`,
      body: request.body.length === 0 ? undefined : command.body,
      command,
    });
    return ok(renderCommand(transaction, queued, tmos));
  }

  async respond(
    request: MgmtRequest,
    segments: readonly string[],
    body: JsonObject,
    coordination: string | undefined,
    context: ChangeContext,
  ): Promise<MgmtResponse> {
    const { tmos, errors } = this.#options;
    if (coordination !== undefined && request.method !== 'GET') {
      throw icrdRefusal(
        400,
        `Transaction ${coordination} operation ${request.method} is not allowed to be added to transaction.`,
      );
    }
    const [id, part] = segments;
    if (id === undefined) {
      if (request.method === 'POST') return ok(renderTransaction(this.#store.start(), tmos));
      if (request.method !== 'GET') return errors.publicUriNotRegistered(request);
      const items = this.#store.list().map((transaction) => renderTransaction(transaction, tmos));
      return ok({ kind: 'tm:transactioncollectionstate', selfLink: link('transaction', tmos), items });
    }
    const transaction = this.#store.get(id);
    if (part === 'commands') {
      // As it came: the device quotes what follows, a trailing slash included.
      const path = /\/commands\/(.*)$/.exec(request.path)?.[1] ?? '';
      return this.#commands(request, transaction, path, body);
    }
    if (part !== undefined) return errors.publicUriNotRegistered(request);
    switch (request.method) {
      case 'GET':
        return ok(renderTransaction(transaction, tmos));
      case 'PATCH':
      case 'PUT':
        return ok(await this.#commit(transaction, body, context));
      case 'DELETE':
        this.#store.remove(transaction);
        return deleted;
      default:
        return errors.publicUriNotRegistered(request);
    }
  }

  #commands(request: MgmtRequest, transaction: Transaction, path: string, body: JsonObject): MgmtResponse {
    const { tmos } = this.#options;
    if (path === '') {
      const items = inOrder(transaction).map((command) => renderCommand(transaction, command, tmos));
      return ok({
        kind: 'tm:transaction:commandscollectionstate',
        selfLink: link(`transaction/${transaction.id}/commands`, tmos),
        items,
      });
    }
    const command = commandOf(transaction, path);
    switch (request.method) {
      case 'GET':
        return ok(renderCommand(transaction, command, tmos));
      case 'PATCH': {
        const evalOrder = body['evalOrder'];
        if (typeof evalOrder !== 'number') throw tmshRefusal('one or more properties must be specified');
        return ok(renderCommand(transaction, this.#store.reorder(transaction, command, evalOrder), tmos));
      }
      case 'DELETE':
        this.#store.drop(transaction, command);
        return deleted;
      default:
        return this.#options.errors.publicUriNotRegistered(request);
    }
  }

  async #commit(transaction: Transaction, body: JsonObject, context: ChangeContext): Promise<JsonObject> {
    const { tmos, running } = this.#options;
    if (body['state'] !== 'VALIDATING') throw tmshRefusal('one or more properties must be specified');
    const validateOnly = body['validateOnly'] === true;
    if (transaction.commands.length === 0) {
      throw icrdRefusal(404, 'there is no command to commit in the transaction.');
    }
    const commands = inOrder(transaction).map((queued) => queued.command);
    try {
      await running.change(commands, context, validateOnly);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#store.fail(transaction, error.message);
      throw new Refusal(400, `transaction failed:${error.message}`, apiErrors.transactionFailed);
    }
    if (!validateOnly) this.#store.remove(transaction);
    return renderTransaction({ ...transaction, state: 'COMPLETED', validateOnly }, tmos);
  }
}
