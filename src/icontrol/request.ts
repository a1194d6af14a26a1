import type { Answer } from './answer.js';

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

/** A member of a resource is free JSON: the device's schema is wider than any type of ours. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A request as data: what a plan prints and a transaction queues. */
export interface Command {
  readonly method: Method;
  /** Path below the host, with its query where there is one: `/mgmt/tm/ltm/pool/~mesh~echo_pool`. */
  readonly path: string;
  readonly body?: JsonObject;
}

export interface IControlRequest {
  readonly method: Method;
  readonly path: string;
  readonly body?: JsonObject | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether sending it twice does no harm; by default that is so for GET alone. */
  readonly repeatable?: boolean;
  /** Ends the wait; on top of the client's own signal. */
  readonly signal?: AbortSignal;
  /** Goes on although the client's signal has aborted: for a commit under way, and for clean-up. */
  readonly detached?: boolean;
}

/** One HTTP exchange, for request budgets and logs: no body, no token. */
export interface RequestRecord {
  readonly method: Method;
  readonly path: string;
  /** Bytes of the request's body. */
  readonly bytesOut: number;
  /** Undefined when no answer came. */
  readonly status: number | undefined;
  readonly ms: number;
  /** How long the next request is to wait, because the device slowed down. */
  readonly pauseMs: number;
}

/** What uploads, transactions and resources need of a client. */
export interface Requester {
  /**
   * @returns an answer of the 2xx class with a JSON body, or none
   * @throws DeviceError for every other outcome; the signal's reason when a signal aborts
   */
  request(request: IControlRequest): Promise<Answer>;
}

/** Tokens stand in the path of their own resource; no path leaves the client without this. */
export function redactPath(path: string): string {
  return path.replaceAll(/(\/authz\/tokens\/)[^/?\s"]+/g, '$1[redacted]');
}
