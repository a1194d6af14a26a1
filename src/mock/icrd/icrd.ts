import type { Caller } from '../authn/authenticator.js';
import { existing } from '../config/change.js';
import type { Command, Target } from '../config/command.js';
import { isPresent, viewOf } from '../config/effective.js';
import { Refusal, icrdRefusal, tmshRefusal } from '../config/refusal.js';
import type { RunningConfiguration } from '../config/running-configuration.js';
import type { DownloadsFolder } from '../file-transfer/downloads-folder.js';
import type { MgmtRequest } from '../http/mgmt-request.js';
import { header } from '../http/mgmt-request.js';
import { badJson, deleted, ok, refusalResponse } from '../http/mgmt-response.js';
import type { MgmtResponse, RestErrors } from '../http/mgmt-response.js';
import { parseBody } from '../http/parse-body.js';
import { isJsonObject } from '../json.js';
import type { JsonObject } from '../json.js';
import { link } from '../resources/link.js';
import type { ChangeContext, Health } from '../resources/resource-kind.js';
import type { ResourceTable } from '../resources/resource-table.js';
import type { TmosVersion } from '../tmos-version.js';
import { TransactionWorker } from '../transaction/transaction-worker.js';
import { parseCollectionQuery, renderCollection } from './collection.js';
import { kindName, renderChildren, renderObject } from './render.js';
import type { Rendering } from './render.js';
import type { Route } from './route.js';
import { route } from './route.js';
import type { Commands } from './commands.js';
import { TaskWorker } from './task-worker.js';
import type { Traffic } from '../status/counters.js';
import { renderStatistics } from '../status/statistics.js';
import type { StatusResources } from '../status/status-resources.js';

interface IcrdOptions {
  readonly running: RunningConfiguration;
  readonly table: ResourceTable;
  readonly tmos: TmosVersion;
  readonly downloads: DownloadsFolder;
  readonly errors: RestErrors;
  readonly now: () => Date;
  readonly commands: Commands;
  readonly status: StatusResources;
  /** What the data plane counted so far. */
  readonly traffic: () => Traffic;
  /** What the monitors found out. */
  readonly health?: Health;
}

/** `/mgmt/tm`: the configuration as resources, and the transactions over it. */
export class Icrd {
  readonly #options: IcrdOptions;
  readonly #transactions: TransactionWorker;
  readonly #tasks: TaskWorker;

  constructor(options: IcrdOptions) {
    this.#options = options;
    this.#transactions = new TransactionWorker(options);
    this.#tasks = new TaskWorker(options.commands, options.tmos, options.now);
  }

  /** A restart forgets what was queued. */
  forgetTransactions(): void {
    this.#transactions.forgetAll();
  }

  async respond(request: MgmtRequest, caller: Caller): Promise<MgmtResponse> {
    try {
      return await this.#dispatch(request, caller);
    } catch (error) {
      if (error instanceof Refusal) return refusalResponse(error);
      throw error;
    }
  }

  async #dispatch(request: MgmtRequest, caller: Caller): Promise<MgmtResponse> {
    const segments = request.path
      .split('/')
      .slice(3)
      .filter((part) => part !== '')
      .map(decodeSegment);
    if (segments.some((segment) => /<\/?[a-z]/i.test(segment))) {
      throw tmshRefusal('HTML Tag-like Content in the Request URL/Body');
    }
    const body = parseBody(request);
    if (!isJsonObject(body)) return badJson();
    const context = this.#contextOf(caller);
    const coordination = header(request, 'x-f5-rest-coordination-id');
    if (segments[0] === 'transaction') {
      return this.#transactions.respond(request, segments.slice(1), body, coordination, context);
    }
    const isRead = request.method === 'GET';
    const path = segments.join('/');
    const isTask = segments[0] === 'task';
    const isCommand = request.method === 'POST' && this.#options.commands.has(path);
    if (coordination !== undefined && !isRead && (isTask || isCommand)) {
      throw icrdRefusal(
        400,
        `Transaction ${coordination} operation ${path} is not allowed to be added to transaction.`,
      );
    }
    if (isTask) return this.#tasks.respond(request, segments.slice(1), body, caller.user.name);
    if (isCommand) return ok(await this.#options.commands.run(path, body));
    const status = isRead ? this.#options.status.read(path, request) : undefined;
    if (status !== undefined) return ok(status);
    if (isRead && segments.at(-1) === 'example') {
      const example = this.#example(segments.slice(0, -1), this.#rendering(request));
      if (example !== undefined) return ok(example);
    }
    const found = route(segments, this.#options.table);
    if (isRead) return this.#read(request, found);
    if (found.to !== 'resource' || found.stats) return this.#options.errors.publicUriNotRegistered(request);
    const command = commandOf(request, found.target, body);
    if (coordination !== undefined) return this.#transactions.queue(coordination, request, command);
    const changed = await this.#options.running.change([command], context);
    if (changed.object === undefined) return deleted;
    return ok(renderObject(changed.object, this.#rendering(request)));
  }

  #read(request: MgmtRequest, found: Route): MgmtResponse {
    const rendering = this.#rendering(request);
    const { configuration } = rendering.view;
    if (found.to === 'unknown') return this.#options.errors.publicUriNotRegistered(request);
    if (found.to === 'organizing') return ok(this.#organizing(found.path));
    if (found.to === 'computed') {
      const owner = existing(configuration, found.owner);
      const items = renderChildren(owner, found.subcollection, rendering);
      return ok(this.#collection(request, `${owner.kind}/${found.subcollection.name}`, items));
    }
    return found.stats
      ? ok(renderStatistics(found.target, rendering.view, this.#options.traffic()))
      : ok(this.#readResource(request, found.target, rendering));
  }

  #readResource(request: MgmtRequest, target: Target, rendering: Rendering): JsonObject {
    const { configuration } = rendering.view;
    const { kind, fullPath, parent } = target;
    const { filter, select } = parseCollectionQuery(request.query);
    if (parent !== undefined) existing(configuration, { kind: this.#ownerKind(target), fullPath: parent });
    if (fullPath !== undefined) {
      // A read of a member that is not there is answered by icrd itself, without asking mcpd.
      const isMissingMember =
        parent !== undefined && configuration.get(kind.path, fullPath, parent) === undefined;
      if (isMissingMember) throw icrdRefusal(404, `Object not found - ${fullPath}`);
      return select(renderObject(existing(configuration, target), rendering));
    }
    const objects =
      parent === undefined ? configuration.list(kind.path) : configuration.children(kind.path, parent);
    const inner = { ...rendering, query: '' };
    return this.#collection(
      request,
      kind.path,
      objects.filter(filter).map((object) => renderObject(object, inner)),
    );
  }

  #collection(request: MgmtRequest, kindPath: string, items: readonly JsonObject[]): JsonObject {
    const path = request.path.replaceAll(/^\/mgmt\/tm\/|\/$/g, '');
    return renderCollection(
      kindName(kindPath, 'collectionstate'),
      path,
      items,
      request.query,
      this.#options.tmos,
    );
  }

  /** A level that only groups others: links, no objects. */
  #organizing(path: string): JsonObject {
    const { table, tmos } = this.#options;
    const inside = table.topLevel.filter((kind) => kind.path.startsWith(`${path}/`));
    const next = new Set(inside.map((kind) => kind.path.slice(path.length + 1).split('/')[0] ?? ''));
    return {
      kind: `tm:${path.replaceAll('/', ':')}:${path.split('/').at(-1)}collectionstate`,
      selfLink: link(path, tmos),
      items: [...next].sort().map((name) => ({ reference: { link: link(`${path}/${name}`, tmos) } })),
    };
  }

  /** The template of a kind: its properties with their defaults, and the tmsh names that describe them. */
  #example(segments: readonly string[], { view }: Rendering): JsonObject | undefined {
    const found = route(segments, this.#options.table);
    if (found.to !== 'resource' || found.stats || found.target.fullPath !== undefined) return undefined;
    const { kind } = found.target;
    if (view.configuration.get(kind.path, '/Common/example', found.target.parent) !== undefined)
      return undefined;
    const members = kind.members.filter((member) => isPresent(member, view.tmos));
    const item = {
      propertyDescriptions: Object.fromEntries(members.map(({ name, tmshName }) => [name, tmshName])),
      ...Object.fromEntries(members.map(({ name, default: value = '' }) => [name, value])),
      naturalKeyPropertyNames: kind.naming === 'bare' ? ['name'] : ['name', 'partition', 'subPath'],
    };
    const path = `${segments.join('/')}/example`;
    return {
      kind: kindName(kind.path, 'collectionstate'),
      selfLink: link(path, view.tmos),
      items: [item],
    };
  }

  #ownerKind(target: Target) {
    return this.#options.table.kind(target.kind.path.slice(0, target.kind.path.lastIndexOf('/')));
  }

  #rendering(request: MgmtRequest): Rendering {
    const { running, table, tmos, health } = this.#options;
    return {
      table,
      view: viewOf(request.isStale === true ? running.previous : running.current, table, tmos, health),
      query: request.query.toString(),
      expandSubcollections: request.query.get('expandSubcollections') === 'true',
    };
  }

  #contextOf(caller: Caller): ChangeContext {
    const { tmos, now, downloads } = this.#options;
    return { tmos, now: now(), user: caller.user, readFile: (path) => downloads.read(path) };
  }
}

function commandOf(request: MgmtRequest, target: Target, body: JsonObject): Command {
  const { method } = request;
  if (method !== 'POST' && method !== 'PATCH' && method !== 'PUT' && method !== 'DELETE') {
    throw tmshRefusal(`The method ${method} is not supported.`);
  }
  const options = request.query.get('options');
  return { method, target, body, ...(options === null ? {} : { options }) };
}

/** `~Common~10.0.0.1%2510` names `/Common/10.0.0.1%10`. */
function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
