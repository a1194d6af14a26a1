import { isJsonObject, textOf } from '../json.js';
import type { JsonObject } from '../json.js';
import { parseBody } from '../http/parse-body.js';
import type { MgmtRequest } from '../http/mgmt-request.js';
import { badJson, ok } from '../http/mgmt-response.js';
import type { MgmtResponse, RestErrors } from '../http/mgmt-response.js';
import type { Authenticator, Caller } from './authenticator.js';
import { maximumTimeout, renderToken } from './token-store.js';
import type { TokenStore } from './token-store.js';

const tmosProvider =
  'https://localhost/mgmt/cm/system/authn/providers/tmos/1f44a60e-11a7-3c51-a49f-82983026b41b/login';
const localProvider = 'https://localhost/mgmt/cm/system/authn/providers/local/login';

/** `/mgmt/shared/authn/login` and `/mgmt/shared/authz/tokens`. */
export class AuthnWorker {
  readonly #tokens: TokenStore;
  readonly #authenticator: Authenticator;
  readonly #errors: RestErrors;

  constructor(tokens: TokenStore, authenticator: Authenticator, errors: RestErrors) {
    this.#tokens = tokens;
    this.#authenticator = authenticator;
    this.#errors = errors;
  }

  login(request: MgmtRequest): MgmtResponse {
    const body = parseBody(request);
    if (!isJsonObject(body)) return badJson();
    const { username, password, loginProviderName = 'tmos' } = body;
    if (loginProviderName !== 'tmos' && loginProviderName !== 'local') {
      return this.#errors.unauthorized(request, 'loginProviderName is invalid.');
    }
    const user = this.#authenticator.verify(textOf(username), textOf(password));
    if (user === undefined) {
      // The password, and nothing else, is taken out of the echo.
      const echo = JSON.stringify({ username, loginProviderName, generation: 0, lastUpdateMicros: 0 });
      return this.#errors.unauthorized(request, 'Authentication failed.', { originalRequestBody: echo });
    }
    const token = this.#tokens.issue(user.name, loginProviderName, request.clientAddress);
    if (token === undefined) {
      return this.#errors.response(request, 400, `user ${user.name} has reached maximum active login tokens`);
    }
    return ok({
      username: user.name,
      loginReference: { link: loginProviderName === 'local' ? localProvider : tmosProvider },
      loginProviderName,
      token: renderToken(token),
      generation: 0,
      lastUpdateMicros: 0,
    });
  }

  /** Lists, extends and deletes the caller's own tokens; the user `admin` sees everybody's by name. */
  tokens(request: MgmtRequest, caller: Caller, value: string | undefined): MgmtResponse {
    const own = this.#tokens.activeOf(caller.user.name);
    if (value === undefined) {
      if (request.method === 'GET') return ok(collection(own.map(renderToken)));
      if (request.method !== 'DELETE') return this.#errors.publicUriNotRegistered(request);
      for (const token of own) this.#tokens.remove(token);
      return ok(collection([]));
    }
    const token = own.find((candidate) => candidate.value === value);
    if (token === undefined) {
      // Never the token itself, whoever may own it.
      return this.#errors.response(request, 404, `Object not found - /shared/authz/tokens/${'*'.repeat(8)}`);
    }
    switch (request.method) {
      case 'GET':
        return ok(renderToken(token));
      case 'PATCH':
        return this.#extend(request, token.value);
      case 'DELETE':
        this.#tokens.remove(token);
        return ok(renderToken(token));
      default:
        return this.#errors.publicUriNotRegistered(request);
    }
  }

  #extend(request: MgmtRequest, value: string): MgmtResponse {
    const token = this.#tokens.find(value);
    const body = parseBody(request);
    if (!isJsonObject(body) || typeof token === 'string') return badJson();
    // Numbers and decimal strings are both read.
    const timeout = Number(body['timeout']);
    if (!Number.isInteger(timeout) || timeout <= 0) return badJson();
    if (timeout > maximumTimeout) {
      const message = `Auth-token absolute timeout (${maximumTimeout} seconds) exceeded`;
      return this.#errors.response(request, 406, message);
    }
    return ok(renderToken(this.#tokens.extend(token, timeout)));
  }
}

function collection(items: readonly JsonObject[]): JsonObject {
  return {
    items,
    generation: 1,
    kind: 'shared:authz:tokens:authtokencollectionstate',
    selfLink: 'https://localhost/mgmt/shared/authz/tokens',
  };
}
