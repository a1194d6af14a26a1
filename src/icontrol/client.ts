import type { Agent } from 'node:https';
import { hostname } from 'node:os';
import axios, { isAxiosError } from 'axios';
import type { Clock } from '../clock.js';
import { AgentError } from '../errors.js';
import { linkSignals } from '../linked-signal.js';
import type { Logger } from '../log.js';
import { abortable } from './abortable.js';
import { readAnswer } from './answer.js';
import type { Answer } from './answer.js';
import { connectionError, deadlineError } from './connection-error.js';
import { DeviceError } from './errors.js';
import { Governor } from './governor.js';
import type { ReadingTime } from './governor.js';
import { Readiness } from './readiness.js';
import { refusalOf } from './refusal.js';
import { redactPath } from './request.js';
import type { IControlRequest, Requester, RequestRecord } from './request.js';
import { Resources } from './resources.js';
import { repeatWhileTransient } from './retry.js';
import { Session } from './session.js';
import type { Credentials } from './session.js';
import { DeviceSystem } from './system.js';
import { Transactions } from './transaction.js';
import { createDeviceAgent } from './trust.js';
import type { DeviceTrust } from './trust.js';
import { Uploads } from './upload.js';

export interface IControlClientOptions {
  /** `https://192.0.2.10`, with a port where it is not 443; IPv6 in brackets. */
  readonly url: string;
  /** Asked at each login, so that changed ones are picked up. */
  readonly credentials: () => Promise<Credentials>;
  /** Default `tmos`. */
  readonly loginProvider?: string;
  /** Default `token`. */
  readonly authentication?: 'token' | 'basic';
  /**
   * Who logs in: the same after a restart, different for each replica. Login tokens carry a mark of it, by which a
   * later process finds what a killed one left behind. Default: the name of this host.
   */
  readonly holder?: string;
  readonly tls: DeviceTrust;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Deadline of one HTTP exchange; over the 60 s that a device gives its own parts, so 65,000 by default. */
  readonly timeoutMs?: number;
  /** Ends everything but a commit under way and the clean-up. */
  readonly signal?: AbortSignal;
  readonly onRequest?: (record: RequestRecord) => void;
}

const largestAnswerBytes = 64 * 1024 * 1024;
const closingMs = 5000;

/**
 * One unit of a device, over iControl REST: one connection, one login, one request at a time.
 *
 * Nothing of the HTTP library leaves this file, its errors least of all: they carry the token and the body.
 */
export class IControlClient implements Requester {
  readonly resources: Resources;
  readonly uploads: Uploads;
  readonly transactions: Transactions;
  readonly system: DeviceSystem;
  readonly readiness: Readiness;
  /** Host and port, for messages. */
  readonly device: string;
  readonly #options: IControlClientOptions;
  readonly #agent: Agent;
  readonly #session: Session;
  readonly #governor: Governor;

  constructor(options: IControlClientOptions) {
    const { clock, logger } = options;
    const url = parseDeviceUrl(options.url);
    this.#options = options;
    this.device = url.host;
    this.#agent = createDeviceAgent(options.tls);
    this.#governor = new Governor(clock);
    this.#session = new Session({
      credentials: options.credentials,
      loginProvider: options.loginProvider ?? 'tmos',
      authentication: options.authentication ?? 'token',
      holder: options.holder ?? hostname(),
      clock,
      logger,
      exchange: (request) => this.#exchange(request),
    });
    this.readiness = new Readiness(this, clock, this.device);
    this.resources = new Resources(this, this.readiness);
    this.uploads = new Uploads(this, clock, logger);
    this.transactions = new Transactions(this, clock, logger);
    this.system = new DeviceSystem(this, clock);
  }

  async request(request: IControlRequest): Promise<Answer> {
    const { signal, unlink } = linkSignals(...this.#signalsOf(request));
    const { clock } = this.#options;
    const repeatable = request.repeatable ?? request.method === 'GET';
    try {
      signal.throwIfAborted();
      // A login has retries of its own; they must not multiply with those of the call.
      await abortable(this.#session.authorization(), signal);
      const call = repeatable
        ? repeatWhileTransient(() => this.#authorised(request), { clock, signal })
        : this.#authorised(request);
      return await abortable(call, signal);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      if (error.transient) this.readiness.doubt();
      throw error.of(this.device);
    } finally {
      unlink();
    }
  }

  /**
   * Removes what was left on the device, the login token last, and closes the connection; gives up after five
   * seconds on a device that does not answer. Never throws.
   */
  async close(): Promise<void> {
    this.#governor.release();
    const tidied = new AbortController();
    const limit = this.#options.clock.sleep(closingMs, tidied.signal).catch(() => undefined);
    await Promise.race([limit, this.uploads.removeLeftBehind().then(() => this.#session.close())]);
    tidied.abort();
    this.#agent.destroy();
  }

  async #authorised(request: IControlRequest): Promise<Answer> {
    let answer: Answer;
    let repeated = false;
    let loggedIn = false;
    for (;;) {
      const authorization = await this.#session.authorization();
      answer = await this.#exchange({ ...request, headers: { ...request.headers, ...authorization } });
      if (answer.status !== 401) break;
      // The device has not acted on a request that it answers by 401, so sending it again is always safe.
      const next = await this.#session.judge(answer, authorization);
      if (next === 'repeat' && !repeated) repeated = true;
      else if (next === 'log in' && !loggedIn) loggedIn = true;
      else break;
    }
    if (answer.status < 300 && answer.text === undefined) return answer;
    throw refusalOf(request, answer);
  }

  async #exchange(request: IControlRequest): Promise<Answer> {
    const { signal, unlink } = linkSignals(...this.#signalsOf(request));
    try {
      return await this.#governor.run(() => this.#send(request, signal), signal);
    } finally {
      unlink();
    }
  }

  async #send(request: IControlRequest, signal: AbortSignal): Promise<Answer> {
    const { clock, onRequest, timeoutMs = 65_000 } = this.#options;
    const failed = { method: request.method, path: request.path, device: this.device };
    const body = encodeBody(request.body);
    const deadline = new AbortController();
    const ending = linkSignals(deadline.signal, signal);
    const answered = new AbortController();
    // axios' own timeout does not bound a body that drips.
    clock.sleep(timeoutMs, answered.signal).then(
      () => deadline.abort(),
      () => undefined,
    );
    const startedMs = clock.now().getTime();
    let status: number | undefined;
    try {
      const response = await axios.request<Buffer>({
        method: request.method,
        url: new URL(request.path, this.#options.url).href,
        headers: { ...contentType(request.body), ...request.headers },
        data: body,
        responseType: 'arraybuffer',
        httpsAgent: this.#agent,
        signal: ending.signal,
        proxy: false,
        maxRedirects: 0,
        maxBodyLength: Number.POSITIVE_INFINITY,
        maxContentLength: largestAnswerBytes,
        transformRequest: [],
        validateStatus: () => true,
      });
      status = response.status;
      return readAnswer(status, String(response.headers['content-type'] ?? ''), response.data);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (deadline.signal.aborted) throw deadlineError(failed, timeoutMs);
      const { code, detail } = readFailure(error);
      throw connectionError(failed, code, detail);
    } finally {
      answered.abort();
      ending.unlink();
      const ms = clock.now().getTime() - startedMs;
      if (status !== undefined) this.#governor.observe(status, readingTime(request, ms));
      onRequest?.({
        method: request.method,
        path: redactPath(request.path),
        bytesOut: body?.length ?? 0,
        status,
        ms,
        pauseMs: this.#governor.pauseMs,
      });
    }
  }

  #signalsOf({ detached, signal }: IControlRequest): ReadonlyArray<AbortSignal | undefined> {
    return detached === true ? [signal] : [this.#options.signal, signal];
  }
}

function parseDeviceUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' && url.pathname === '/' && url.username === '') return url;
  throw new AgentError(
    'MESH_ERR_CONFIG_INVALID',
    'the url of a device is not of the form https://HOST or https://HOST:PORT',
    'Correct the url; user name and password go into the credentials',
  );
}

/** Only reads are comparable: how long a commit or an upload takes is up to what it holds. */
function readingTime({ method, path }: IControlRequest, ms: number): ReadingTime | undefined {
  return method === 'GET' ? { path: path.replace(/\?.*/s, ''), ms } : undefined;
}

function encodeBody(body: IControlRequest['body']): Buffer | undefined {
  if (body === undefined || Buffer.isBuffer(body)) return body;
  return Buffer.from(JSON.stringify(body), 'utf8');
}

function contentType(body: IControlRequest['body']): Readonly<Record<string, string>> {
  return body === undefined ? {} : { 'Content-Type': 'application/json' };
}

/** Takes node's name of the failure, and lets go of everything else that the error holds. */
function readFailure(error: unknown): { code: string; detail?: string } {
  const cause: { code?: string; message?: string } = isAxiosError(error) ? (error.cause ?? error) : {};
  const code = cause.code ?? 'unknown';
  return code === 'FINGERPRINT_MISMATCH' ? { code, detail: cause.message ?? code } : { code };
}
