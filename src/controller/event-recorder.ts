import { createHash } from 'node:crypto';
import type { Clock } from '../clock.js';
import { AgentError } from '../errors.js';
import type { ErrorCode } from '../errors.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import type { KubeObject } from '../kube/object.js';
import type { Logger } from '../log.js';
import { eventCatalogue } from './event-catalogue.js';
import type { EventReason } from './event-catalogue.js';
import type { HeldSource } from './held-source.js';
import { microTime } from './lease-record.js';

const reportingController = 'bigip-mesh.io/agent';
/** Of events.k8s.io/v1; what is longer is refused. */
const longestNote = 1024;
const longestInstance = 128;
/** An API server forgets Events after an hour; what still holds then is told again. */
const tellAgainMs = 3_600_000;
/** After a failure that may pass: nobody is to wait for one deadline after the other. */
const awayMs = 30_000;

/** Of those that wait: an outage with more to tell has it in the log. */
const mostWaiting = 200;

/** What is told of an object that says who may call; of a ConfigMap where no kind is given. */
export interface ConfigMapEvent {
  readonly configMap: Partial<Pick<HeldSource, 'kind' | 'uid' | 'resourceVersion'>> &
    Pick<HeldSource, 'namespace' | 'name'>;
  readonly reason: EventReason;
  readonly note: string;
  /** Events of the same reason and subject are one: the line, or the version of the content. */
  readonly subject: string;
}

/**
 * The Event as an object (events.k8s.io/v1). Its name follows from what it tells, so that telling it again, also
 * after a restart or by another replica, is no second one. Pure.
 */
export function renderEvent(
  { configMap, reason, note, subject }: ConfigMapEvent,
  instance: string,
  now: Date,
): KubeObject {
  const { kind = kinds.configMap, namespace, name, uid, resourceVersion } = configMap;
  const hash = createHash('sha256')
    .update(JSON.stringify([uid ?? name, reason, subject]))
    .digest('hex')
    .slice(0, 16);
  const { type, action } = eventCatalogue[reason];
  return {
    apiVersion: kinds.event.apiVersion,
    kind: kinds.event.kind,
    metadata: { namespace, name: `${name.slice(0, 230)}.${hash}` },
    eventTime: microTime(now),
    reportingController,
    reportingInstance: instance.slice(0, longestInstance),
    action,
    reason,
    type,
    note: note.length <= longestNote ? note : `${note.slice(0, longestNote - 3)}...`,
    regarding: { apiVersion: kind.apiVersion, kind: kind.kind, namespace, name, uid, resourceVersion },
  };
}

interface EventRecorderOptions {
  readonly kube: Pick<KubeClient, 'create'>;
  /** Who tells, as the Events name it. */
  readonly instance: string;
  /** Whether the API server is known to be away: then nothing is tried. */
  readonly isAway?: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Tells operators, where they look: on the ConfigMap or AuthorizationPolicy that they edit. What cannot be told while
 * the API server is away is told when it is back, with the time at which it happened. Never fails a reconcile.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  /** By the Event's name: when it was told. */
  readonly #told = new Map<string, number>();
  /** By the Event's name: what waits for the API server, the oldest first. */
  readonly #waiting = new Map<string, KubeObject>();
  #awayUntilMs = 0;
  /** Why the last one could not be written: told once. */
  #problem: ErrorCode | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  async record(event: ConfigMapEvent, signal: AbortSignal): Promise<void> {
    const { clock, instance } = this.#options;
    const nowMs = clock.now().getTime();
    const object = renderEvent(event, instance, clock.now());
    const key = `${event.configMap.namespace}/${object.metadata.name}`;
    const toldAtMs = this.#told.get(key);
    if (toldAtMs !== undefined && nowMs - toldAtMs < tellAgainMs) return;
    if (!this.#waiting.has(key)) this.#waiting.set(key, object);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > mostWaiting && oldest !== undefined) this.#waiting.delete(oldest);
    await this.flush(signal);
  }

  /** Tells what waited for the API server, if that is there. */
  async flush(signal: AbortSignal): Promise<void> {
    for (const [key, object] of this.#waiting) {
      if (this.#isAway()) return;
      this.#waiting.delete(key);
      await this.#write(key, object, signal);
    }
  }

  #isAway(): boolean {
    const { clock, isAway } = this.#options;
    return clock.now().getTime() < this.#awayUntilMs || isAway?.() === true;
  }

  async #write(key: string, object: KubeObject, signal: AbortSignal): Promise<void> {
    const { clock, kube, logger } = this.#options;
    const nowMs = clock.now().getTime();
    for (const [old, atMs] of this.#told) if (nowMs - atMs >= tellAgainMs) this.#told.delete(old);
    this.#told.set(key, nowMs);
    try {
      await kube.create(kinds.event, object, { signal });
      this.#problem = undefined;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof AgentError)) throw error;
      if (error.code === 'MESH_ERR_KUBE_EXISTS') return;
      this.#told.delete(key);
      if (error.consequence === 'transient') {
        this.#awayUntilMs = clock.now().getTime() + awayMs;
        this.#waiting.set(key, object);
      }
      const { code, message } = error;
      logger[code === this.#problem ? 'debug' : 'warn'](
        { code, reason: message },
        'an Event cannot be written',
      );
      this.#problem = code;
    }
  }
}
