import type { Clock } from '../../src/clock.js';
import { parseLabelSelector } from '../../src/demo/kube-api/selectors.js';
import type { JsonObject } from '../../src/demo/kube-api/json.js';
import { ApiServer } from '../../src/kube/api-server.js';
import type { Connection, ConnectionRequest } from '../../src/kube/connection.js';
import type { KubeClient } from '../../src/kube/client.js';
import { kinds } from '../../src/kube/kinds.js';
import { listCollection } from '../../src/kube/list.js';
import type { KubeKind, KubeMetadata, KubeObject } from '../../src/kube/object.js';
import { collectionPath } from '../../src/kube/resource-path.js';
import { watchCollection } from '../../src/kube/watch.js';
import { refusals, spoiled, statusObject } from './fault-answers.js';
import type { AnswerFault, LastingFault } from './fault-answers.js';
import { OpenWatch } from './fault-watches.js';
import type { WatchEventLine, WatchFault } from './fault-watches.js';

/** A collection of the API server: `configmaps default`. */
export type Place = `${'configmaps' | 'authorizationpolicies'} ${string}`;

export interface StoredObject extends KubeObject {
  readonly metadata: KubeMetadata & { readonly uid: string; readonly resourceVersion: string };
}

/** An object as a person writes it. */
export type WrittenObject = Readonly<Record<string, unknown>> & {
  readonly metadata?: Pick<KubeMetadata, 'labels' | 'annotations'>;
};

/** What a client has read in full and without a fault. */
export type Served = { readonly place: Place; readonly selects: Selects } & (
  { readonly list: readonly StoredObject[] } | { readonly event: WatchEventLine }
);
type Selection = Parameters<KubeClient['watch']>[1];
type Selects = (object: Pick<KubeObject, 'metadata'>) => boolean;

/** What happened to one object; neither is undefined for an edit. */
interface Change {
  readonly version: number;
  readonly place: Place;
  readonly before: StoredObject | undefined;
  readonly after: StoredObject | undefined;
}

/** A list that was begun, as of the version at which it was. */
interface Page {
  readonly all: readonly StoredObject[];
  readonly rest: readonly StoredObject[];
  readonly version: number;
}

const kindOf = { configmaps: kinds.configMap, authorizationpolicies: kinds.authorizationPolicy } as const;
const lateMs = 5000;

/**
 * An API server that can be made to answer anything, all in memory, below the parsers of the real client: thousands of
 * stories in seconds. Selectors, pages, versions and the events of objects that enter and leave a selection are those of
 * a real one.
 */
export class FaultyKube {
  /** What a controller is given. */
  readonly kube: Pick<KubeClient, 'list' | 'watch'>;
  readonly #clock: Clock;
  readonly #onServed: (served: Served) => void;
  readonly #objects = new Map<Place, Map<string, StoredObject>>();
  readonly #changes: Change[] = [];
  readonly #watches = new Set<{
    readonly place: Place;
    readonly selects: Selects;
    readonly open: OpenWatch;
  }>();
  readonly #pages = new Map<string, Page>();
  readonly #lasting = new Map<Place, LastingFault>();
  #faults: { readonly place: Place | undefined; readonly fault: AnswerFault }[] = [];
  #version = 1;
  #uids = 0;
  #oldest = 0;
  #isAway = false;

  constructor(clock: Clock, onServed: (served: Served) => void = () => undefined) {
    this.#clock = clock;
    this.#onServed = onServed;
    const connection = {
      server: 'http://cluster',
      send: (request: ConnectionRequest) => Promise.resolve().then(() => this.#answer(request)),
    };
    const api = new ApiServer(connection as unknown as Connection, clock);
    const call = (kind: KubeKind, verb: string, selection: Selection | undefined) =>
      ({
        method: 'GET',
        object: kind.plural,
        path: collectionPath(kind, selection?.namespace),
        verb,
      }) as const;
    const selectors = (selection: Selection | undefined) => ({ labelSelector: selection?.labelSelector });
    this.kube = {
      list: (kind, selection, options) =>
        listCollection(api, call(kind, 'list', selection), kind, selectors(selection), options ?? {}),
      watch: (kind, selection, options) =>
        watchCollection(api, clock, call(kind, 'watch', selection), selectors(selection), options),
    };
  }

  /** Everything that is there. */
  objects(place: Place): readonly StoredObject[] {
    return [...(this.#objects.get(place)?.values() ?? [])];
  }

  /** Creates the object, or makes it say this. */
  write(place: Place, name: string, written: WrittenObject): void {
    const before = this.#objects.get(place)?.get(name);
    const { apiVersion, kind } = kindOf[pluralOf(place)];
    this.#version += 1;
    const metadata = {
      ...written.metadata,
      name,
      namespace: namespaceOf(place),
      uid: before?.metadata.uid ?? `u${(this.#uids += 1)}`,
      resourceVersion: String(this.#version),
    };
    this.#tell(place, before, { ...written, apiVersion, kind, metadata });
  }

  remove(place: Place, name: string): void {
    const before = this.#objects.get(place)?.get(name);
    if (before === undefined) return;
    this.#version += 1;
    this.#tell(place, before, undefined);
  }

  /** The next requests fail, one each; those for a place, or whichever come. */
  failNext(faults: readonly AnswerFault[], place?: Place): void {
    this.#faults.push(...faults.map((fault) => ({ place, fault })));
  }

  /** From now on requests for a place fail, and watches that are open go on, as with RBAC; undefined ends it. */
  refuse(place: Place, fault: LastingFault | undefined): void {
    if (fault === undefined) this.#lasting.delete(place);
    else this.#lasting.set(place, fault);
  }

  /** Until it is back, nothing is answered and every connection is cut. */
  setAway(isAway: boolean): void {
    this.#isAway = isAway;
    if (isAway) this.disturbWatches('disconnected');
  }

  /** Watches from before now are refused. */
  compact(): void {
    this.#oldest = this.#version;
  }

  disturbWatches(fault: WatchFault, place?: Place): void {
    for (const watch of this.#watches) {
      if (place === undefined || watch.place === place) {
        watch.open.disturb(fault, kindOf[pluralOf(watch.place)].kind, this.#version);
      }
    }
  }

  /** No more faults. */
  heal(): void {
    this.#faults = [];
    this.#lasting.clear();
    this.#isAway = false;
  }

  #tell(place: Place, before: StoredObject | undefined, after: StoredObject | undefined): void {
    const objects = this.#objects.get(place) ?? new Map<string, StoredObject>();
    this.#objects.set(place, objects);
    if (after !== undefined) objects.set(after.metadata.name, after);
    else if (before !== undefined) objects.delete(before.metadata.name);
    const change = { version: this.#version, place, before, after };
    this.#changes.push(change);
    for (const watch of this.#watches) {
      const event = eventOf(change, watch);
      if (event !== undefined) watch.open.send(event);
    }
  }

  async #answer({ path, signal }: ConnectionRequest) {
    if (this.#isAway) throw new Error('ECONNREFUSED');
    const url = new URL(path, 'http://cluster');
    const [plural = '', namespace = ''] = url.pathname
      .split('/')
      .reverse()
      .filter((part) => part !== 'namespaces');
    const place = `${plural} ${namespace}` as Place;
    const query = url.searchParams;
    const matches = parseLabelSelector(query.get('labelSelector') ?? '');
    const selection = { place, selects: (object: object) => matches(object as JsonObject) };
    const fault = this.#takeFault(place);
    if (fault === 'disconnected') throw new Error('ECONNRESET');
    if (fault === 'no answer') {
      return new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    }
    const refusal = fault === undefined ? undefined : refusals[fault];
    if (refusal !== undefined) return answer(refusal.code, JSON.stringify(refusal), refusal.headers);
    if (query.get('watch') === 'true') {
      const garbage = spoiled({}, fault);
      if (garbage !== undefined) return answer(200, garbage);
      return this.#openWatch(selection, Number(query.get('resourceVersion')), signal);
    }
    const { text, onRead } = this.#list(selection, query, fault);
    // What it was when it was asked for; meanwhile it changes.
    if (fault === 'late') await this.#clock.sleep(lateMs, signal);
    onRead();
    return answer(200, text);
  }

  #takeFault(place: Place): AnswerFault | undefined {
    const index = this.#faults.findIndex((planned) => planned.place === undefined || planned.place === place);
    const [taken] = index === -1 ? [] : this.#faults.splice(index, 1);
    return this.#lasting.get(place) ?? taken?.fault;
  }

  /** Two pages when there is more than one object, so that what goes wrong in between is seen. */
  #list(
    { place, selects }: Pick<Served, 'place' | 'selects'>,
    query: URLSearchParams,
    fault: AnswerFault | undefined,
  ): { readonly text: string; readonly onRead: () => void } {
    const token = query.get('continue');
    const now = this.objects(place).filter(selects);
    const page =
      token === null
        ? { all: now, rest: now, version: this.#version }
        : (this.#pages.get(token) ?? { all: [], rest: [], version: 0 });
    const isSplit = token === null && page.rest.length > 1 && query.has('limit');
    const next = isSplit ? `page-${this.#pages.size + 1}` : '';
    if (isSplit) this.#pages.set(next, { ...page, rest: page.rest.slice(1) });
    if (fault === 'second page expired' && isSplit) this.#faults.unshift({ place, fault: 'expired' });
    if (fault === 'second page cut off' && isSplit) this.#faults.unshift({ place, fault: 'cut off' });
    const { apiVersion, kind } = kindOf[pluralOf(place)];
    const body = {
      kind: `${kind}List`,
      apiVersion,
      metadata: { resourceVersion: String(page.version), ...(isSplit ? { continue: next } : {}) },
      items: isSplit ? page.rest.slice(0, 1) : page.rest,
    };
    const garbage = spoiled(body, fault);
    const isRead = garbage === undefined && !isSplit;
    return {
      text: garbage ?? JSON.stringify(body),
      onRead: () => {
        if (isRead) this.#onServed({ place, selects, list: page.all });
      },
    };
  }

  #openWatch(selection: Pick<Served, 'place' | 'selects'>, from: number, signal: AbortSignal) {
    if (from < this.#oldest) return answer(410, JSON.stringify(statusObject(410, 'Expired')));
    const open = new OpenWatch(signal, (event) => this.#onServed({ ...selection, event }));
    const watch = { ...selection, open };
    this.#watches.add(watch);
    signal.addEventListener('abort', () => this.#watches.delete(watch));
    for (const change of this.#changes) {
      const event = change.version > from ? eventOf(change, selection) : undefined;
      if (event !== undefined) open.send(event);
    }
    return { statusCode: 200, headers: {}, body: open.body() };
  }
}

/** What a watch is told: for whoever selects by labels, an object that loses them is deleted. */
function eventOf(
  { version, place, before, after }: Change,
  selection: Pick<Served, 'place' | 'selects'>,
): WatchEventLine | undefined {
  if (place !== selection.place) return undefined;
  const was = before !== undefined && selection.selects(before);
  if (after !== undefined && selection.selects(after))
    return { type: was ? 'MODIFIED' : 'ADDED', object: after };
  if (!was) return undefined;
  const metadata = { ...before.metadata, resourceVersion: String(version) };
  return { type: 'DELETED', object: { ...before, metadata } };
}

function pluralOf(place: Place): keyof typeof kindOf {
  return place.split(' ')[0] as keyof typeof kindOf;
}

function namespaceOf(place: Place): string {
  return place.split(' ')[1] ?? '';
}

function answer(statusCode: number, text: string, headers: Record<string, string> = {}) {
  async function* body(): AsyncGenerator<Buffer> {
    yield Buffer.from(text);
  }
  return { statusCode, headers, body: Object.assign(body(), { text: () => Promise.resolve(text) }) };
}
