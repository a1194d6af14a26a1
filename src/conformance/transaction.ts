import type { Answer } from './device-http.js';
import { expectOk } from './expectations.js';
import type { JsonObject } from './json.js';
import { collection, item } from './subject.js';
import type { Subject } from './subject.js';

const transactions = '/mgmt/tm/transaction';
const dataGroup = 'ltm/data-group/internal';

/** One transaction: the id goes into a header of each request that belongs to it. */
export class Transaction {
  readonly opened: JsonObject;
  readonly #subject: Subject;

  private constructor(subject: Subject, opened: JsonObject) {
    this.#subject = subject;
    this.opened = opened;
  }

  static async open(subject: Subject): Promise<Transaction> {
    return new Transaction(subject, expectOk(await subject.http.post(transactions, {})));
  }

  get id(): string {
    return String(this.opened['transId']);
  }

  send(method: string, path: string, body?: JsonObject): Promise<Answer> {
    const headers = { 'X-F5-REST-Coordination-Id': this.id };
    return this.#subject.http.send(method, path, { headers, ...(body === undefined ? {} : { body }) });
  }

  /** Queues the creation of a data group. */
  async create(name: string, members: JsonObject = {}): Promise<void> {
    const { partition } = this.#subject;
    expectOk(await this.send('POST', collection(dataGroup), { name, partition, type: 'string', ...members }));
  }

  /** Queues a change of single records. */
  async edit(name: string, options: string): Promise<void> {
    const path = item(dataGroup, this.#subject.partition, name);
    const query = encodeURIComponent(`records ${options}`);
    expectOk(await this.send('PATCH', `${path}?options=${query}`, { name }));
  }

  commit(more: JsonObject = {}): Promise<Answer> {
    return this.#subject.http.patch(`${transactions}/${this.id}`, { state: 'VALIDATING', ...more });
  }

  drop(): Promise<Answer> {
    return this.#subject.http.delete(`${transactions}/${this.id}`);
  }
}
