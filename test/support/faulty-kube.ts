import type { Clock } from '../../src/clock.js';
import { ApiServer } from '../../src/kube/api-server.js';
import type { Connection, ConnectionRequest } from '../../src/kube/connection.js';
import type { KubeClient } from '../../src/kube/client.js';
import { kinds } from '../../src/kube/kinds.js';
import { listCollection } from '../../src/kube/list.js';
import { watchCollection } from '../../src/kube/watch.js';

/** How an answer goes wrong. Each is what a proxy, a restart or an overload makes of an API server's answers. */
export const answerFaults = [
  'forbidden',
  'not found',
  'expired',
  'internal error',
  'too many requests',
  'unauthorized',
  'not JSON',
  'cut off',
  'another kind, empty',
  'no items',
  'a page of HTML',
  'disconnected',
  'second page expired',
  'second page cut off',
] as const;
export type AnswerFault = (typeof answerFaults)[number];

/** How a watch goes wrong while it is open. */
export const watchFaults = [
  'cut in a line',
  'disconnected',
  'ended',
  'event again',
  'bookmark',
  'garbage event',
  'event of another kind of thing',
  'expired event',
  'error event',
] as const;
export type WatchFault = (typeof watchFaults)[number];

interface Stored {
  readonly uid: string;
  readonly version: number;
  readonly data: Readonly<Record<string, string>>;
}

interface Change {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: object;
}

interface OpenWatch {
  push(line: string): void;
  end(how: 'in order' | 'broken'): void;
}

/**
 * ConfigMaps behind an API server that can be made to answer anything, all in memory, below the parsers of the real
 * client: thousands of stories in seconds.
 */
export class FaultyKube {
  /** What a controller is given. */
  readonly kube: Pick<KubeClient, 'list' | 'watch'>;
  readonly #objects = new Map<string, Stored>();
  readonly #changes: Change[] = [];
  readonly #watches = new Set<OpenWatch>();
  /** What is left of lists that were begun, as of the version at which they were. */
  readonly #pages = new Map<string, { readonly items: readonly object[]; readonly version: number }>();
  #tokens = 0;
  #version = 1;
  #uids = 0;
  #oldest = 0;
  #faults: AnswerFault[] = [];
  #away = false;

  constructor(clock: Clock) {
    const connection = {
      server: 'http://cluster',
      send: (request: ConnectionRequest) => Promise.resolve().then(() => this.#answer(request)),
    };
    const api = new ApiServer(connection as unknown as Connection, clock);
    const call = { method: 'GET', object: 'configmaps', path: '/configmaps' } as const;
    this.kube = {
      list: (kind, _selection, options) =>
        listCollection(api, { ...call, verb: 'list' }, kind, {}, options ?? {}),
      watch: (_kind, _selection, options) =>
        watchCollection(api, clock, { ...call, verb: 'watch' }, {}, options),
    };
  }

  write(name: string, data: Readonly<Record<string, string>>): void {
    const before = this.#objects.get(name);
    this.#version += 1;
    const stored = { uid: before?.uid ?? `u${(this.#uids += 1)}`, version: this.#version, data };
    this.#objects.set(name, stored);
    this.#tell({
      version: stored.version,
      type: before ? 'MODIFIED' : 'ADDED',
      object: render(name, stored),
    });
  }

  remove(name: string): void {
    const before = this.#objects.get(name);
    if (before === undefined) return;
    this.#objects.delete(name);
    this.#version += 1;
    const object = render(name, { ...before, version: this.#version });
    this.#tell({ version: this.#version, type: 'DELETED', object });
  }

  /** The next requests fail, one each. */
  failNext(faults: readonly AnswerFault[]): void {
    this.#faults.push(...faults);
  }

  /** Until it is back, nothing is answered and every connection is cut. */
  setAway(isAway: boolean): void {
    this.#away = isAway;
    if (isAway) for (const watch of this.#watches) watch.end('broken');
  }

  /** Watches from before now are refused. */
  compact(): void {
    this.#oldest = this.#version;
  }

  disturbWatches(fault: WatchFault): void {
    for (const watch of this.#watches) {
      const last = this.#changes.at(-1);
      switch (fault) {
        case 'cut in a line':
          watch.push('{"type":"DELETED","object":{"kind":"ConfigMap","met');
          watch.end('in order');
          break;
        case 'disconnected':
          watch.end('broken');
          break;
        case 'ended':
          watch.end('in order');
          break;
        case 'event again':
          // The same change once more, as it was: nothing may come of it.
          if (last !== undefined) watch.push(renderChange(last));
          break;
        case 'bookmark':
          watch.push(
            `${JSON.stringify({ type: 'BOOKMARK', object: { kind: 'ConfigMap', metadata: { resourceVersion: String(this.#version) } } })}\n`,
          );
          break;
        case 'garbage event':
          watch.push('<html>502</html>\n');
          break;
        case 'event of another kind of thing':
          watch.push('{"type":"DELETED","object":{"kind":"Status"}}\n');
          break;
        case 'expired event':
          watch.push(`${JSON.stringify({ type: 'ERROR', object: status(410, 'Expired') })}\n`);
          watch.end('in order');
          break;
        case 'error event':
          watch.push(`${JSON.stringify({ type: 'ERROR', object: status(500, 'InternalError') })}\n`);
          watch.end('in order');
          break;
      }
    }
  }

  /** No more faults. */
  heal(): void {
    this.#faults = [];
    this.#away = false;
  }

  #tell(change: Change): void {
    this.#changes.push(change);
    for (const watch of this.#watches) watch.push(renderChange(change));
  }

  #answer({ path, signal }: ConnectionRequest) {
    if (this.#away) throw new Error('ECONNREFUSED');
    const query = new URL(path, 'http://cluster').searchParams;
    const fault = this.#faults.shift();
    if (fault === 'disconnected') throw new Error('ECONNRESET');
    const refusal = fault === undefined ? undefined : refusals[fault];
    if (refusal !== undefined) return answer(refusal.code, JSON.stringify(refusal), refusal.headers);
    if (query.get('watch') === 'true') return this.#openWatch(Number(query.get('resourceVersion')), signal);
    return answer(200, this.#list(query, fault));
  }

  /** Two pages when there is more than one object, so that what goes wrong in between is seen. */
  #list(query: URLSearchParams, fault: AnswerFault | undefined): string {
    const token = query.get('continue');
    const now = [...this.#objects].map(([name, stored]) => render(name, stored));
    const { items: all, version } =
      token === null
        ? { items: now, version: this.#version }
        : (this.#pages.get(token) ?? { items: [], version: 0 });
    const isSplit = token === null && all.length > 1 && query.has('limit');
    const next = isSplit ? `page-${(this.#tokens += 1)}` : '';
    if (isSplit) this.#pages.set(next, { items: all.slice(1), version });
    const items = isSplit ? all.slice(0, 1) : all;
    const metadata = { resourceVersion: String(version), ...(next === '' ? {} : { continue: next }) };
    const body = { kind: 'ConfigMapList', apiVersion: 'v1', metadata, items };
    const text = JSON.stringify(body);
    if (fault === 'second page expired' && next !== '') this.#faults.unshift('expired');
    if (fault === 'second page cut off' && next !== '') this.#faults.unshift('cut off');
    if (fault === 'not JSON') return 'upstream connect error';
    if (fault === 'a page of HTML') return '<html><body>Sign in</body></html>';
    if (fault === 'cut off') return text.slice(0, Math.floor(text.length / 2));
    if (fault === 'another kind, empty') return JSON.stringify({ ...body, kind: 'SecretList', items: [] });
    if (fault === 'no items') return JSON.stringify({ ...body, items: undefined });
    return text;
  }

  #openWatch(from: number, signal: AbortSignal) {
    if (from < this.#oldest) return answer(410, JSON.stringify(status(410, 'Expired')));
    const queue: Array<{ readonly line: string } | { readonly end: 'in order' | 'broken' }> = [];
    let wake = (): void => undefined;
    const watch: OpenWatch = {
      push: (line) => {
        queue.push({ line });
        wake();
      },
      end: (how) => {
        queue.push({ end: how });
        this.#watches.delete(watch);
        wake();
      },
    };
    this.#watches.add(watch);
    for (const change of this.#changes) if (change.version > from) watch.push(renderChange(change));
    signal.addEventListener('abort', () => watch.end('broken'));
    async function* lines(): AsyncGenerator<Buffer> {
      for (;;) {
        const next = queue.shift();
        if (next !== undefined && 'end' in next) {
          if (next.end === 'in order') return;
          throw new Error('ECONNRESET');
        }
        if (next !== undefined) yield Buffer.from(next.line);
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    }
    return { statusCode: 200, headers: {}, body: lines() };
  }
}

const refusals: Readonly<Partial<Record<AnswerFault, { code: number; headers?: Record<string, string> }>>> = {
  forbidden: status(403, 'Forbidden'),
  'not found': status(404, 'NotFound'),
  expired: status(410, 'Expired'),
  'internal error': status(500, 'InternalError'),
  'too many requests': { ...status(429, 'TooManyRequests'), headers: { 'retry-after': '1' } },
  unauthorized: status(401, 'Unauthorized'),
};

function status(code: number, reason: string) {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: 'made to fail' };
}

function answer(statusCode: number, text: string, headers: Record<string, string> = {}) {
  return { statusCode, headers, body: { text: () => Promise.resolve(text) } };
}

function render(name: string, { uid, version, data }: Stored): object {
  const metadata = { name, namespace: 'default', uid, resourceVersion: String(version) };
  return { apiVersion: 'v1', kind: kinds.configMap.kind, metadata, data };
}

function renderChange({ type, object }: Change): string {
  return `${JSON.stringify({ type, object })}\n`;
}
