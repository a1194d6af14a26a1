import type { Clock } from '../clock.js';
import type { Logger } from '../log.js';
import { Secret } from '../secret.js';
import { textOf } from './answer.js';
import type { Answer } from './answer.js';
import { DeviceError } from './errors.js';
import { initialTimeoutSeconds, markedTimeout, parseLoginToken, tokenMark } from './login-token.js';
import type { LoginToken } from './login-token.js';
import { refusalOf } from './refusal.js';
import type { IControlRequest } from './request.js';
import { repeatWhileTransient } from './retry.js';
import { removeStaleTokens, tokensPath } from './stale-tokens.js';

export interface Credentials {
  readonly username: string;
  readonly password: Secret;
}

interface SessionOptions {
  readonly credentials: () => Promise<Credentials>;
  /** `tmos` is right for local and remote users alike. */
  readonly loginProvider: string;
  readonly authentication: 'token' | 'basic';
  /** Who logs in: the same after a restart, different for each replica. */
  readonly holder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Sends one request as it is: no login, no retry. */
  readonly exchange: (request: IControlRequest) => Promise<Answer>;
}

/** What to do with a request that was answered by 401. */
type After401 = 'repeat' | 'log in' | 'give up';

interface Token {
  readonly value: Secret;
  readonly loggedInAtMs: number;
  readonly timeoutSeconds: number;
  /** It cannot live longer than it does: the device has refused, or it is ten hours old. */
  readonly isFinal: boolean;
}

const loginPath = '/mgmt/shared/authn/login';
const mostRefusals = 2;
/** A token is replaced this long before its end, so that none ends between two requests of a transaction. */
const marginMs = 120_000;
/** A token is extended when less is left, so that one survives the pause between two reconciles. */
const extendedBelowMs = 900_000;

/**
 * The login to one device: one token, shared by all requests, extended while it is used, deleted at the end.
 *
 * A user may hold 100 tokens, each good for 20 minutes from login however much it is used; a client that logs in
 * for each call locks its own account out. So does one that is killed again and again, for then nobody deletes its
 * tokens: hence they are extended by 20 minutes at a time and not by the ten hours that a device allows, they carry a
 * mark, and a login clears away what earlier processes left behind.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #closing = new AbortController();
  #token: Token | undefined;
  #login: Promise<Token> | undefined;
  #refused: (Credentials & { readonly times: number }) | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** @returns the header that authorises a request; logs in first where there is no good token */
  async authorization(): Promise<Readonly<Record<string, string>>> {
    if (this.#options.authentication === 'basic') return this.#basic();
    const token = this.#token;
    if (token !== undefined && this.#lifeMs(token) > (token.isFinal ? marginMs : extendedBelowMs)) {
      return tokenHeader(token);
    }
    // Requests that come together share one login.
    this.#login ??= repeatWhileTransient(() => this.#renew(), {
      clock: this.#clockUntilClosed(),
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
    this.#closing.abort(closed);
    const token = this.#token ?? (await this.#login?.catch(() => undefined));
    this.#token = undefined;
    if (token === undefined) return;
    try {
      const answer = await this.#options.exchange({
        method: 'DELETE',
        path: `${tokensPath}/${token.value.reveal()}`,
        headers: tokenHeader(token),
        detached: true,
      });
      if (answer.status >= 400) throw refusalOf({ method: 'DELETE', path: tokensPath }, answer);
    } catch (error) {
      this.#options.logger.warn(
        { reason: error instanceof DeviceError ? error.message : 'unknown' },
        'login token stays on the device until it expires',
      );
    }
  }

  /** A login under way is let finish, for its token has to be deleted; the next attempt is not waited for. */
  #clockUntilClosed(): Clock {
    const { clock } = this.#options;
    return { now: () => clock.now(), sleep: (ms) => clock.sleep(ms, this.#closing.signal) };
  }

  #lifeMs({ loggedInAtMs, timeoutSeconds }: Token): number {
    return loggedInAtMs + timeoutSeconds * 1000 - this.#options.clock.now().getTime();
  }

  /** The held token, with a longer life where there is one to have, or another token. */
  async #renew(): Promise<Token> {
    const held = this.#token;
    const kept = held === undefined || this.#lifeMs(held) <= 0 ? undefined : await this.#extend(held);
    this.#token = kept !== undefined && this.#lifeMs(kept) > marginMs ? kept : await this.#logIn();
    return this.#token;
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
    let loggedInAtMs = clock.now().getTime();
    let answer = await exchange(request);
    if (lacksHeader(answer)) answer = await exchange(request);
    if (isTokenLimit(answer) && (await this.#makeRoom({ username, password }, answer))) {
      loggedInAtMs = clock.now().getTime();
      answer = await exchange(request);
    }
    if (answer.status === 401 && !lacksHeader(answer)) {
      this.#refuse({ username, password });
      throw refusedLogin(answer, username);
    }
    if (answer.status >= 300 || answer.json === undefined) throw refusalOf(request, answer);
    const { value, userName, address } = readToken(answer);
    this.#refused = undefined;
    const timeoutSeconds = initialTimeoutSeconds;
    const token = await this.#extend({ value, loggedInAtMs, timeoutSeconds, isFinal: false });
    if (!token.isFinal) await this.#removeStaleTokens(tokenHeader(token), { userName, address });
    return token;
  }

  /** @returns the token with at least 20 minutes to live, and the mark; as it is where the device refuses */
  async #extend(token: Token): Promise<Token> {
    const { clock, exchange, holder, logger } = this.#options;
    const ageSeconds = (clock.now().getTime() - token.loggedInAtMs) / 1000;
    const timeout = markedTimeout(tokenMark(holder), ageSeconds);
    if (timeout === undefined) return { ...token, isFinal: true };
    try {
      const answer = await exchange({
        method: 'PATCH',
        path: `${tokensPath}/${token.value.reveal()}`,
        body: { timeout },
        headers: tokenHeader(token),
        detached: true,
      });
      if (answer.status === 200 && Number(answer.json?.['timeout']) === timeout) {
        return { ...token, timeoutSeconds: timeout };
      }
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
    }
    logger.debug('login token could not be extended');
    return { ...token, isFinal: true };
  }

  /**
   * At the limit a device admits nobody, but it still takes a user name and a password for each single call. Its
   * refusal tells which address it sees us at.
   *
   * @returns whether a token was deleted
   */
  async #makeRoom({ username, password }: Credentials, refusal: Answer): Promise<boolean> {
    const address = textOf(refusal.json, 'referer') ?? '';
    const owner = { userName: username, address };
    return (await this.#removeStaleTokens(basicHeader({ username, password }), owner)) > 0;
  }

  async #removeStaleTokens(
    headers: Readonly<Record<string, string>>,
    client: { readonly userName: string; readonly address: string },
  ): Promise<number> {
    const { exchange, holder, logger } = this.#options;
    const removed = await removeStaleTokens(exchange, headers, { ...client, mark: tokenMark(holder) });
    if (removed > 0) logger.warn({ tokens: removed }, 'deleted login tokens that killed processes had left');
    return removed;
  }

  async #basic(): Promise<Readonly<Record<string, string>>> {
    return basicHeader(await this.#usableCredentials());
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

const closed = new DeviceError(
  'MESH_ERR_DEVICE_UNREACHABLE',
  'the connection was closed before the device answered',
  'Run again',
  { resource: loginPath },
);

function same(a: Credentials, b: Credentials): boolean {
  return a.username === b.username && a.password.reveal() === b.password.reveal();
}

/** A 401 that appears now and then on calls that carry all they should; the same call then passes. */
function lacksHeader(answer: Answer): boolean {
  return answer.status === 401 && String(answer.json?.['message']).includes('no user authentication header');
}

function tokenHeader({ value }: Pick<Token, 'value'>): Readonly<Record<string, string>> {
  return { 'X-F5-Auth-Token': value.reveal() };
}

function basicHeader({ username, password }: Credentials): Readonly<Record<string, string>> {
  const pair = Buffer.from(`${username}:${password.reveal()}`).toString('base64');
  return { Authorization: `Basic ${pair}` };
}

function isTokenLimit({ status, json }: Answer): boolean {
  return status === 400 && (textOf(json, 'message') ?? '').includes('maximum active login tokens');
}

function readToken(answer: Answer): LoginToken {
  const token = parseLoginToken(answer.json?.['token']);
  if (token !== undefined) return token;
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
