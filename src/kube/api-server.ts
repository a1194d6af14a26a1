import type { Clock } from '../clock.js';
import { AgentError } from '../errors.js';
import { systemErrorCode } from '../system-error.js';
import { parseStatus, unreachable } from './api-status.js';
import type { ApiStatus, Attempt } from './api-status.js';
import { CredentialsFailed } from './connection.js';
import type { Connection, ConnectionRequest } from './connection.js';
import { DeadlinePassed, withDeadline } from './deadline.js';

/** What every operation takes besides its own arguments. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Until the whole answer is there; default 15 s. */
  readonly timeoutMs?: number | undefined;
}

/** One request, and how errors are to name it. */
export interface ApiCall extends Omit<ConnectionRequest, 'signal'> {
  readonly verb: string;
  readonly object: string;
}

type ApiAnswer =
  { readonly ok: true; readonly body: unknown } | { readonly ok: false; readonly status: ApiStatus };

const defaultTimeoutMs = 15_000;

/** Requests to one API server: a deadline on each, and every failure of the way there as an `AgentError`. */
export class ApiServer {
  readonly #connection: Connection;
  readonly #clock: Clock;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  get server(): string {
    return this.#connection.server;
  }

  attempt(call: Pick<ApiCall, 'verb' | 'object'>): Attempt {
    return { server: this.server, verb: call.verb, object: call.object };
  }

  /**
   * Sends one request and reads its answer.
   *
   * A server that asks for patience (`Retry-After`, as its overload protection does) is asked again within the
   * same deadline, for it says that it did nothing.
   *
   * @throws AgentError MESH_ERR_KUBE_UNREACHABLE or _UNAUTHORIZED; the signal's reason when it aborts.
   */
  async call(call: ApiCall, options: CallOptions): Promise<ApiAnswer> {
    return this.#guarded(call, options, async (signal) => {
      for (;;) {
        const response = await this.#connection.send({ ...call, signal });
        const text = await response.body.text();
        if (response.statusCode >= 200 && response.statusCode < 300) {
          return { ok: true, body: JSON.parse(text) as unknown };
        }
        const waitMs = retryAfterMs(response.statusCode, response.headers['retry-after']);
        if (waitMs === undefined)
          return { ok: false, status: parseStatus(response.statusCode, jsonOrText(text)) };
        await this.#clock.sleep(waitMs, signal);
      }
    });
  }

  /**
   * Opens a stream; the deadline is for its beginning alone.
   *
   * @returns the body, to be read under `signal`, or the refusal.
   */
  async open(
    call: ApiCall,
    options: CallOptions & { readonly signal: AbortSignal },
  ): Promise<
    | { readonly ok: true; readonly body: AsyncIterable<Buffer> }
    | { readonly ok: false; readonly status: ApiStatus }
  > {
    return this.#guarded(call, options, async () => {
      const { statusCode, body } = await this.#connection.send({ ...call, signal: options.signal });
      if (statusCode >= 200 && statusCode < 300) return { ok: true, body };
      return { ok: false, status: parseStatus(statusCode, jsonOrText(await body.text())) };
    });
  }

  async #guarded<T>(
    call: ApiCall,
    options: CallOptions,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { signal, timeoutMs = defaultTimeoutMs } = options;
    try {
      return await withDeadline({ clock: this.#clock, timeoutMs, signal }, run);
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      throw this.failure(call, error);
    }
  }

  /** Translates what the connection raised. */
  failure(call: ApiCall, error: unknown): AgentError {
    const attempt = this.attempt(call);
    if (error instanceof AgentError) return error;
    if (error instanceof CredentialsFailed) {
      return new AgentError(
        'MESH_ERR_KUBE_UNAUTHORIZED',
        `${attempt.server}: ${attempt.verb} ${attempt.object}: ${error.message}`,
        'mend the files or the plugin that the kubeconfig names for its user and cluster',
      );
    }
    if (error instanceof DeadlinePassed) return unreachable(attempt, error.message);
    if (error instanceof SyntaxError) return unreachable(attempt, 'its answer is not JSON');
    return unreachable(attempt, `the connection failed (${systemErrorCode(error)})`);
  }
}

/** Seconds only: the API server sends no dates. */
function retryAfterMs(status: number, header: string | string[] | undefined): number | undefined {
  if (status !== 429 && status < 500) return undefined;
  const seconds = typeof header === 'string' && /^\d{1,4}$/.test(header) ? Number(header) : undefined;
  return seconds === undefined ? undefined : seconds * 1000;
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
