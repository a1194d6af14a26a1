import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';

import { HttpMethod, RequestContext } from '@kubernetes/client-node';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, request } from 'undici';
import type { Dispatcher } from 'undici';

export interface ConnectionRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  readonly contentType?: string;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** The kubeconfig itself is at fault (a certificate file that is missing, a plugin that fails). */
export class CredentialsFailed extends Error {
  override readonly name = 'CredentialsFailed';
}

interface Pool {
  readonly fingerprint: string;
  readonly dispatcher: Dispatcher;
}

/**
 * One API server over pooled connections, with the kubeconfig's credentials on every request.
 *
 * The library makes a new connection pool for each request and leaves it open; here one pool is kept for as long
 * as its TLS settings (CA, client certificate, server name) are the same, so that a CA file that is replaced
 * takes effect with the next request. Tokens are not part of it: the library reads their file anew each minute.
 */
export class Connection {
  readonly server: string;
  readonly #config: KubeConfig;
  #pool: Pool | undefined;

  constructor(config: KubeConfig) {
    this.#config = config;
    this.server = config.getCurrentCluster()?.server ?? '';
  }

  /** @throws CredentialsFailed, or what undici raises; the caller translates both. */
  async send(asked: ConnectionRequest): Promise<Dispatcher.ResponseData> {
    const { headers, dispatcher } = await this.#authenticate();
    return request(`${this.server}${asked.path}`, {
      method: asked.method,
      dispatcher,
      signal: asked.signal,
      headers: {
        ...headers,
        accept: 'application/json',
        'user-agent': 'bigip-mesh-agent',
        ...(asked.contentType === undefined ? {} : { 'content-type': asked.contentType }),
      },
      body: asked.body ?? null,
      // Every call has a deadline of its own; a watch may be silent for minutes.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.dispatcher.destroy();
  }

  async #authenticate(): Promise<{ headers: Record<string, string>; dispatcher: Dispatcher }> {
    try {
      const options: RequestOptions = {};
      await this.#config.applyToHTTPSOptions(options);
      const fingerprint = tlsFingerprint(options);
      const pool = this.#pool?.fingerprint === fingerprint ? this.#pool : await this.#renewPool(fingerprint);
      return { headers: headersOf(options), dispatcher: pool.dispatcher };
    } catch (error) {
      throw new CredentialsFailed(credentialFailure(error));
    }
  }

  /** Requests on the old pool run to their end; its idle connections close. */
  async #renewPool(fingerprint: string): Promise<Pool> {
    const context = new RequestContext(this.server, HttpMethod.GET);
    await this.#config.applySecurityAuthentication(context);
    // Another request may have renewed it meanwhile.
    if (this.#pool?.fingerprint === fingerprint) return this.#pool;
    const old = this.#pool;
    this.#pool = { fingerprint, dispatcher: context.getDispatcher() ?? new Agent() };
    old?.dispatcher.close().catch(() => undefined);
    return this.#pool;
  }
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    // A token file may end with a line feed, which no header can hold.
    if (typeof value === 'string') headers[name.toLowerCase()] = value.trim();
  }
  if (typeof options.auth === 'string') {
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return headers;
}

function tlsFingerprint(options: RequestOptions): string {
  const hash = createHash('sha256');
  for (const part of [
    options.ca,
    options.cert,
    options.key,
    options.servername,
    options.rejectUnauthorized,
  ]) {
    hash.update(`${Buffer.isBuffer(part) ? part.toString('base64') : JSON.stringify(part)}\n`);
  }
  return hash.digest('hex');
}

/** Plugins print credentials; of a foreign message only a system error's code and path are kept. */
function credentialFailure(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    const path = 'path' in error && typeof error.path === 'string' ? ` ${error.path}` : '';
    return `the kubeconfig's credentials cannot be had (${error.code}${path})`;
  }
  return "the kubeconfig's credentials cannot be had";
}
