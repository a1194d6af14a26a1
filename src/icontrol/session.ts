import type { Clock } from '../clock.js';
import type { Logger } from '../log.js';
import { Secret } from '../secret.js';
import { textOf } from './answer.js';
import type { Answer } from './answer.js';
import { DeviceError } from './errors.js';
import { refusalOf } from './refusal.js';
import type { IControlRequest } from './request.js';
import { repeatWhileTransient } from './retry.js';

export interface Credentials {
  readonly username: string;
  readonly password: Secret;
}

export interface SessionOptions {
  readonly credentials: () => Promise<Credentials>;
  /** `tmos` is right for local and remote users alike. */
  readonly loginProvider: string;
  readonly authentication: 'token' | 'basic';
  readonly clock: Clock;
  readonly logger: Logger;
  /** Sends one request as it is: no login, no retry. */
  readonly exchange: (request: IControlRequest) => Promise<Answer>;
}

/** What to do with a request that was answered by 401. */
export type After401 = 'repeat' | 'log in' | 'give up';

interface Token {
  readonly value: Secret;
  readonly goodUntilMs: number;
}

const loginPath = '/mgmt/shared/authn/login';
const longestTokenSeconds = 36_000;
const mostRefusals = 2;
/** A token is replaced this long before its end, so that none ends between two requests of a transaction. */
const marginMs = 120_000;

/**
 * The login to one device: one token, shared by all requests, extended once, deleted at the end.
 *
 * A user may hold 100 tokens, each good for 20 minutes from login however much it is used; a client that logs in
 * for each call locks its own account out.
 */
export class Session {
  readonly #options: SessionOptions;
  #token: Token | undefined;
  #login: Promise<Token> | undefined;
  #refused: (Credentials & { readonly times: number }) | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** @returns the header that authorises a request; logs in first where there is no good token */
  async authorization(): Promise<Readonly<Record<string, string>>> {
    if (this.#options.authentication === 'basic') return this.#basic();
    const now = this.#options.clock.now().getTime();
    if (this.#token !== undefined && now < this.#token.goodUntilMs) return tokenHeader(this.#token);
    // Requests that come together share one login.
    this.#login ??= repeatWhileTransient(() => this.#logIn(), {
      clock: this.#options.clock,
      signal: undefined,
    }).finally(() => {
      this.#login = undefined;
    });
    return tokenHeader(await this.#login);
  }

  /** Reads a 401 and drops the token where the device has forgotten it. */
  async judge(answer: Answer, sent: Readonly<Record<string, string>>): Promise<After401> {
    const message = textOf(answer.json, 'message') ?? '';
    if (lacksHeader(answer)) return 'repeat';
    if (this.#options.authentication === 'basic') {
      if (!message.startsWith('Authorization failed: user=')) this.#refuse(await this.#options.credentials());
      return 'give up';
    }
    // Version 12 answers an HTML page, which may mean an expired token as well as anything else.
    if (
      answer.json !== undefined &&
      !message.includes('X-F5-Auth-Token') &&
      !message.startsWith('Tokens are')
    )
      return 'give up';
    if (this.#token !== undefined && sent['X-F5-Auth-Token'] === this.#token.value.reveal()) {
      this.#token = undefined;
    }
    return 'log in';
  }

  /** Deletes the token on the device. Never throws: an agent that ends has nobody left to tell. */
  async close(): Promise<void> {
    const token = this.#token ?? (await this.#login?.catch(() => undefined));
    this.#token = undefined;
    if (token === undefined) return;
    try {
      const answer = await this.#options.exchange({
        method: 'DELETE',
        path: `/mgmt/shared/authz/tokens/${token.value.reveal()}`,
        headers: tokenHeader(token),
        detached: true,
      });
      if (answer.status >= 400)
        throw refusalOf({ method: 'DELETE', path: '/mgmt/shared/authz/tokens/' }, answer);
    } catch (error) {
      this.#options.logger.warn(
        { reason: error instanceof DeviceError ? error.message : 'unknown' },
        'login token stays on the device until it expires',
      );
    }
  }

  async #logIn(): Promise<Token> {
    const { clock, exchange, loginProvider } = this.#options;
    const { username, password } = await this.#usableCredentials();
    const request: IControlRequest = {
      method: 'POST',
      path: loginPath,
      body: { username, password: password.reveal(), loginProviderName: loginProvider },
      // A login cut off by a signal would leave a token that nobody deletes.
      detached: true,
    };
    const loginAtMs = clock.now().getTime();
    let answer = await exchange(request);
    if (lacksHeader(answer)) answer = await exchange(request);
    if (answer.status === 401 && !lacksHeader(answer)) {
      this.#refuse({ username, password });
      throw refusedLogin(answer, username);
    }
    if (answer.status >= 300 || answer.json === undefined) throw refusalOf(request, answer);
    const token = readToken(answer);
    this.#refused = undefined;
    const seconds = await this.#extend(token);
    this.#token = { value: token, goodUntilMs: loginAtMs + seconds * 1000 - marginMs };
    return this.#token;
  }

  /** Asks for the longest life there is; a device that refuses leaves the usual 20 minutes. */
  async #extend(token: Secret): Promise<number> {
    try {
      const answer = await this.#options.exchange({
        method: 'PATCH',
        path: `/mgmt/shared/authz/tokens/${token.reveal()}`,
        body: { timeout: longestTokenSeconds },
        headers: { 'X-F5-Auth-Token': token.reveal() },
        detached: true,
      });
      const timeout = Number(answer.json?.['timeout']);
      if (answer.status === 200 && timeout > 0) return timeout;
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
    }
    this.#options.logger.debug('login token could not be extended');
    return 1200;
  }

  async #basic(): Promise<Readonly<Record<string, string>>> {
    const { username, password } = await this.#usableCredentials();
    const pair = Buffer.from(`${username}:${password.reveal()}`).toString('base64');
    return { Authorization: `Basic ${pair}` };
  }

  /** A wrong password is tried twice and then left alone: devices lock accounts. */
  async #usableCredentials(): Promise<Credentials> {
    const credentials = await this.#options.credentials();
    if (this.#refused === undefined || !same(this.#refused, credentials)) return credentials;
    if (this.#refused.times < mostRefusals) return credentials;
    throw new DeviceError(
      'MESH_ERR_DEVICE_AUTH_FAILED',
      `the device has refused user ${credentials.username} ${this.#refused.times} times; not tried again with this password`,
      'Correct user name and password of the device; new ones are picked up by themselves',
      { resource: loginPath },
    );
  }

  #refuse(credentials: Credentials): void {
    const times =
      this.#refused !== undefined && same(this.#refused, credentials) ? this.#refused.times + 1 : 1;
    this.#refused = { ...credentials, times };
  }
}

function same(a: Credentials, b: Credentials): boolean {
  return a.username === b.username && a.password.reveal() === b.password.reveal();
}

/** A 401 that appears now and then on calls that carry all they should; the same call then passes. */
function lacksHeader(answer: Answer): boolean {
  return answer.status === 401 && String(answer.json?.['message']).includes('no user authentication header');
}

function tokenHeader(token: Token): Readonly<Record<string, string>> {
  return { 'X-F5-Auth-Token': token.value.reveal() };
}

function readToken(answer: Answer): Secret {
  const token = (answer.json?.['token'] as { token?: unknown } | undefined)?.token;
  // Its own alphabet, because it becomes a part of a path: 26 characters of base32 on every recorded version.
  if (typeof token === 'string' && /^[A-Za-z0-9]{16,128}$/.test(token)) return new Secret(token);
  throw new DeviceError(
    'MESH_ERR_DEVICE_PROTOCOL',
    'the answer to the login has no token',
    'Check that the address is the management port of a BIG-IP',
    { resource: loginPath, status: answer.status },
  );
}

function refusedLogin(answer: Answer, username: string): DeviceError {
  const error = refusalOf({ method: 'POST', path: loginPath }, answer);
  return new DeviceError(
    'MESH_ERR_DEVICE_AUTH_FAILED',
    `the device refuses user ${username}: ${error.message}`,
    'Correct user name, password and login provider of the device; new ones are picked up by themselves',
    { status: answer.status, resource: loginPath },
  );
}
