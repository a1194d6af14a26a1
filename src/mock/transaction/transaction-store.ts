import type { Command } from '../config/command.js';
import { icrdRefusal } from '../config/refusal.js';
import type { Json, JsonObject } from '../json.js';
import { link } from '../resources/link.js';
import type { TmosVersion } from '../tmos-version.js';

/** A write that waits for its transaction. */
interface QueuedCommand {
  readonly id: number;
  readonly evalOrder: number;
  readonly method: string;
  /** `https://localhost/mgmt/tm/...`, with the query. */
  readonly uri: string;
  readonly body: Json | undefined;
  readonly command: Command;
}

export interface Transaction {
  readonly id: number;
  readonly commands: readonly QueuedCommand[];
  readonly nextCommandId: number;
  readonly state: 'STARTED' | 'UPDATING' | 'FAILED' | 'COMPLETED' | 'VALIDATING';
  readonly failureReason: string;
  readonly touchedAt: number;
  readonly validateOnly: boolean;
}

/** Seconds after which an idle transaction vanishes without a word. */
const timeoutSeconds = 120;

/** The transactions of icrd. Nothing but the commit touches the configuration. */
export class TransactionStore {
  readonly #transactions = new Map<number, Transaction>();
  readonly #now: () => Date;
  #lastId = 0;

  constructor(now: () => Date) {
    this.#now = now;
  }

  start(): Transaction {
    // Epoch microseconds, and never the same twice.
    this.#lastId = Math.max(this.#now().getTime() * 1000, this.#lastId + 1);
    return this.#put({
      id: this.#lastId,
      commands: [],
      nextCommandId: 1,
      state: 'STARTED',
      failureReason: '',
      touchedAt: 0,
      validateOnly: false,
    });
  }

  list(): readonly Transaction[] {
    return [...this.#transactions.values()].filter((transaction) => this.#isAlive(transaction));
  }

  /** @throws Refusal 404 for one that is unknown or expired. */
  get(id: string): Transaction {
    const transaction = /^\d+$/.test(id) ? this.#transactions.get(Number(id)) : undefined;
    if (transaction !== undefined && this.#isAlive(transaction)) return transaction;
    throw icrdRefusal(404, 'Missing transaction ID for this call.');
  }

  queue(transaction: Transaction, request: Omit<QueuedCommand, 'id' | 'evalOrder'>): QueuedCommand {
    const id = transaction.nextCommandId;
    const queued = { ...request, id, evalOrder: transaction.commands.length + 1 };
    this.#put({
      ...transaction,
      commands: [...transaction.commands, queued],
      nextCommandId: id + 1,
      state: 'UPDATING',
    });
    return queued;
  }

  /** Moves a command to another place in the order of evaluation. */
  reorder(transaction: Transaction, command: QueuedCommand, evalOrder: number): QueuedCommand {
    const others = inOrder(transaction).filter((other) => other.id !== command.id);
    others.splice(Math.max(0, evalOrder - 1), 0, command);
    const commands = others.map((other, index) => ({ ...other, evalOrder: index + 1 }));
    this.#put({ ...transaction, commands });
    return commands.find((other) => other.id === command.id) ?? command;
  }

  drop(transaction: Transaction, command: QueuedCommand): void {
    const commands = transaction.commands.filter((other) => other.id !== command.id);
    this.#put({ ...transaction, commands });
  }

  fail(transaction: Transaction, failureReason: string): void {
    this.#put({ ...transaction, state: 'FAILED', failureReason });
  }

  remove(transaction: Transaction): void {
    this.#transactions.delete(transaction.id);
  }

  forgetAll(): void {
    this.#transactions.clear();
  }

  #put(transaction: Transaction): Transaction {
    const touched = { ...transaction, touchedAt: this.#now().getTime() };
    this.#transactions.set(touched.id, touched);
    return touched;
  }

  #isAlive(transaction: Transaction): boolean {
    return this.#now().getTime() < transaction.touchedAt + timeoutSeconds * 1000;
  }
}

/** @throws Refusal for a command that the transaction does not have. */
export function commandOf(transaction: Transaction, path: string): QueuedCommand {
  const command = transaction.commands.find((candidate) => String(candidate.id) === path);
  if (command === undefined) throw icrdRefusal(400, `Found invalid command id ${path}`);
  return command;
}

export function inOrder(transaction: Transaction): QueuedCommand[] {
  return [...transaction.commands].sort((a, b) => a.evalOrder - b.evalOrder);
}

export function renderTransaction(transaction: Transaction, tmos: TmosVersion): JsonObject {
  return {
    transId: transaction.id,
    state: transaction.state,
    timeoutSeconds,
    asyncExecution: false,
    validateOnly: transaction.validateOnly,
    executionTimeout: 300,
    executionTime: 0,
    failureReason: transaction.failureReason,
    kind: 'tm:transactionstate',
    selfLink: link(`transaction/${transaction.id}`, tmos),
  };
}

export function renderCommand(
  transaction: Transaction,
  command: QueuedCommand,
  tmos: TmosVersion,
): JsonObject {
  return {
    method: command.method,
    uri: command.uri,
    ...(command.body === undefined ? {} : { body: command.body }),
    evalOrder: command.evalOrder,
    commandId: command.id,
    kind: 'tm:transaction:commandsstate',
    selfLink: link(`transaction/${transaction.id}/commands/${command.id}`, tmos),
  };
}
