import { randomBytes } from 'node:crypto';
import type { MgmtRequest } from '../http/mgmt-request.js';
import { header } from '../http/mgmt-request.js';
import type { MgmtResponse, RestErrors } from '../http/mgmt-response.js';
import type { Token, TokenStore } from './token-store.js';
import type { MockUser } from './user.js';
import { passwordMatches } from './user.js';

/** Who makes a request. */
export interface Caller {
  readonly user: MockUser;
  /** Absent with Basic credentials. */
  readonly token?: Token;
}

interface AuthenticatorOptions {
  readonly users: readonly MockUser[];
  readonly tokens: TokenStore;
  readonly errors: RestErrors;
  /** Whether db `httpd.basic_auth` is on. */
  readonly allowsBasic: () => boolean;
}

type Authentication =
  { readonly ok: true; readonly caller: Caller } | { readonly ok: false; readonly response: MgmtResponse };

/** Tells who calls, by token or by Basic credentials, or answers 401 in the words of restjavad. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  authenticate(request: MgmtRequest): Authentication {
    const token = header(request, 'x-f5-auth-token');
    if (token !== undefined) return this.#byToken(request, token);
    const basic = /^Basic ([A-Za-z0-9+/=]+)$/.exec(header(request, 'authorization') ?? '')?.[1];
    if (basic === undefined || !this.#options.allowsBasic()) {
      return { ok: false, response: this.withoutCredentials(request) };
    }
    const [name = '', ...password] = Buffer.from(basic, 'base64').toString().split(':');
    const user = this.verify(name, password.join(':'));
    if (user !== undefined) return { ok: true, caller: { user } };
    return { ok: false, response: this.#options.errors.unauthorized(request, 'Authentication failed.') };
  }

  /** The user that a name and a password belong to. */
  verify(name: string, password: string): MockUser | undefined {
    const user = this.#options.users.find((candidate) => candidate.name === name);
    return user !== undefined && passwordMatches(user, password) ? user : undefined;
  }

  /** Also comes, now and then, in answer to credentials that are right. */
  withoutCredentials(request: MgmtRequest): MgmtResponse {
    const message =
      `Authorization failed: no user authentication header or token detected. ` +
      `Uri:http://localhost:8100${request.path} Referrer:${request.clientAddress} ` +
      `Sender:${request.clientAddress}`;
    return this.#options.errors.unauthorized(request, message);
  }

  #byToken(request: MgmtRequest, value: string): Authentication {
    const { tokens, errors, users } = this.#options;
    const token = tokens.find(value);
    if (token === 'expired') {
      return { ok: false, response: errors.unauthorized(request, 'X-F5-Auth-Token has expired.') };
    }
    const user = token === 'unknown' ? undefined : users.find(({ name }) => name === token.userName);
    if (token === 'unknown' || user === undefined) {
      const message = 'X-F5-Auth-Token does not exist.';
      const errorStack = [
        `java.lang.SecurityException: ${message}`,
        'at com.f5.rest.workers.EvaluatePermissions.failPermissionValidation(EvaluatePermissions.java:249)',
      ];
      return { ok: false, response: errors.unauthorized(request, message, { errorStack }) };
    }
    return { ok: true, caller: { user, token } };
  }
}

/** The two cookies that every answer to Basic credentials sets. */
export function basicCookies(user: MockUser): ReadonlyArray<readonly [string, string]> {
  const session = randomBytes(30).toString('base64url').slice(0, 40);
  const attributes = 'path=/; Secure; HttpOnly; SameSite=Strict';
  return [
    ['Set-Cookie', `BIGIPAuthCookie=${session}; ${attributes}`],
    ['Set-Cookie', `BIGIPAuthUsernameCookie=${user.name}; ${attributes}`],
  ];
}
