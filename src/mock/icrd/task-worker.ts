import { icrdRefusal, tmshRefusal } from '../config/refusal.js';
import type { MgmtRequest } from '../http/mgmt-request.js';
import { ok } from '../http/mgmt-response.js';
import type { MgmtResponse } from '../http/mgmt-response.js';
import type { JsonObject } from '../json.js';
import { link } from '../resources/link.js';
import type { TmosVersion } from '../tmos-version.js';
import type { Commands } from './commands.js';

interface Task {
  readonly id: number;
  readonly path: string;
  readonly body: JsonObject;
  readonly state: 'STARTED' | 'VALIDATING' | 'COMPLETED' | 'FAILED';
  readonly since: number;
}

/**
 * `/mgmt/tm/task/...`: commands that may take longer than a request. POST makes a task, PUT of
 * `VALIDATING` starts it, GET shows how far it is.
 */
export class TaskWorker {
  readonly #tasks = new Map<number, Task>();
  readonly #commands: Commands;
  readonly #tmos: TmosVersion;
  readonly #now: () => Date;
  #lastId = 0;

  constructor(commands: Commands, tmos: TmosVersion, now: () => Date) {
    this.#commands = commands;
    this.#tmos = tmos;
    this.#now = now;
  }

  /** @throws Refusal for a task that does not exist and a command that has no such twin. */
  respond(request: MgmtRequest, segments: readonly string[], body: JsonObject, user: string): MgmtResponse {
    const last = segments.at(-1) ?? '';
    if (!/^\d+$/.test(last)) return ok(this.#render(this.#create(request, segments.join('/'), body)));
    const task = this.#tasks.get(Number(last));
    if (task === undefined) throw icrdRefusal(404, `Task not found - [ID: ${last} user: ${user}]`);
    if (request.method === 'GET') return ok(this.#render(task));
    if (request.method !== 'PUT' || body['_taskState'] !== 'VALIDATING') {
      throw tmshRefusal('one or more properties must be specified');
    }
    void this.#run(this.#enter(task, 'VALIDATING'));
    const json = { code: 202, message: 'Task will execute asynchronously.', errorStack: [] };
    return { status: 202, body: { json } };
  }

  #create(request: MgmtRequest, path: string, body: JsonObject): Task {
    if (request.method !== 'POST' || !this.#commands.has(path)) {
      throw tmshRefusal('one or more properties must be specified');
    }
    this.#lastId = Math.max(this.#now().getTime() * 1000, this.#lastId + 1);
    return this.#enter({ id: this.#lastId, path, body, state: 'STARTED', since: 0 }, 'STARTED');
  }

  async #run(task: Task): Promise<void> {
    try {
      await this.#commands.run(task.path, task.body);
      this.#enter(task, 'COMPLETED');
    } catch {
      this.#enter(task, 'FAILED');
    }
  }

  #enter(task: Task, state: Task['state']): Task {
    const entered = { ...task, state, since: this.#now().getTime() };
    this.#tasks.set(task.id, entered);
    return entered;
  }

  #render(task: Task): JsonObject {
    const path = `task/${task.path}/${task.id}`;
    return {
      _taskId: task.id,
      _taskState: task.state,
      ...task.body,
      _taskTimeInStateMs: this.#now().getTime() - task.since,
      _taskResultLink: link(`${path}/result`, this.#tmos),
      selfLink: link(path, this.#tmos),
    };
  }
}
