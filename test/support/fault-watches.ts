import type { StoredObject } from './faulty-kube.js';
import { statusObject } from './fault-answers.js';

/** How a watch goes wrong while it is open. */
export const watchFaults = [
  'cut in a line',
  'disconnected',
  'ended',
  'silent',
  'event again',
  'bookmark',
  'garbage event',
  'event of another kind of thing',
  'expired event',
  'error event',
] as const;
export type WatchFault = (typeof watchFaults)[number];

export interface WatchEventLine {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: StoredObject;
}

type Queued =
  { readonly event: WatchEventLine } | { readonly raw: string } | { readonly end: 'in order' | 'broken' };

/** The server's end of one watch. */
export class OpenWatch {
  readonly #queue: Queued[] = [];
  readonly #onServed: (event: WatchEventLine) => void;
  #wake: () => void = () => undefined;
  #last: WatchEventLine | undefined;
  #isSilent = false;

  /** @param onServed told of each event when it is read. */
  constructor(signal: AbortSignal, onServed: (event: WatchEventLine) => void) {
    this.#onServed = onServed;
    signal.addEventListener('abort', () => this.end('broken'));
  }

  send(event: WatchEventLine): void {
    if (this.#isSilent) return;
    this.#last = event;
    this.#push({ event });
  }

  end(how: 'in order' | 'broken'): void {
    this.#push({ end: how });
  }

  raw(text: string): void {
    if (!this.#isSilent) this.#push({ raw: text });
  }

  /** @param kind of the watched objects, @param version of the cluster. */
  disturb(fault: WatchFault, kind: string, version: number): void {
    switch (fault) {
      case 'cut in a line':
        this.raw(`{"type":"DELETED","object":{"kind":"${kind}","met`);
        this.end('in order');
        break;
      case 'disconnected':
        this.end('broken');
        break;
      case 'ended':
        this.end('in order');
        break;
      case 'silent':
        // As a connection whose other end is gone: nothing comes, and nobody says that it is over.
        this.#isSilent = true;
        break;
      case 'event again':
        // The same change once more, as it was: nothing may come of it.
        if (this.#last !== undefined) this.send(this.#last);
        break;
      case 'bookmark':
        this.raw(
          render({ type: 'BOOKMARK', object: { kind, metadata: { resourceVersion: String(version) } } }),
        );
        break;
      case 'garbage event':
        this.raw('<html>502</html>\n');
        break;
      case 'event of another kind of thing':
        this.raw('{"type":"DELETED","object":{"kind":"Status"}}\n');
        break;
      case 'expired event':
        this.raw(render({ type: 'ERROR', object: statusObject(410, 'Expired') }));
        this.end('in order');
        break;
      case 'error event':
        this.raw(render({ type: 'ERROR', object: statusObject(500, 'InternalError') }));
        this.end('in order');
        break;
    }
  }

  async *body(): AsyncGenerator<Buffer> {
    for (;;) {
      const next = this.#queue.shift();
      if (next === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
      else if ('event' in next) {
        this.#onServed(next.event);
        yield Buffer.from(render(next.event));
      } else if ('raw' in next) yield Buffer.from(next.raw);
      else if (next.end === 'in order') return;
      else throw new Error('ECONNRESET');
    }
  }

  #push(queued: Queued): void {
    this.#queue.push(queued);
    this.#wake();
  }
}

function render(event: object): string {
  return `${JSON.stringify(event)}\n`;
}
