import { apiErrors } from '../config/refusal.js';
import type { Refusal } from '../config/refusal.js';
import type { Json, JsonObject } from '../json.js';
import type { MgmtRequest } from './mgmt-request.js';

/** One answer of the management port, before the headers that all have. */
export interface MgmtResponse {
  readonly status: number;
  /** Where the phrase differs from the standard one. */
  readonly reason?: string;
  readonly body: { readonly json: Json } | { readonly html: string } | { readonly bytes: Buffer } | undefined;
  readonly headers?: ReadonlyArray<readonly [string, string]>;
  readonly closes?: boolean;
}

export function ok(json: Json): MgmtResponse {
  return { status: 200, body: { json } };
}

/** How a DELETE is answered: 200 and nothing. */
export const deleted: MgmtResponse = { status: 200, body: undefined };

/** The family of icrd and mcpd: `{code, message, errorStack, apiError}`. */
export function refusalResponse(refusal: Refusal): MgmtResponse {
  const { status, message, apiError } = refusal;
  return { status, body: { json: { code: status, message, errorStack: [], apiError } } };
}

/** Wrong JSON closes the connection, as recorded on 17.1.2.1. */
export function badJson(): MgmtResponse {
  const json = {
    code: 400,
    message: 'Found invalid JSON body in the request.',
    errorStack: [],
    apiError: apiErrors.icrd,
  };
  return { status: 400, body: { json }, closes: true };
}

/** Numbers the operations of restjavad, which its error bodies quote. */
export class RestErrors {
  #operationId = 6_000_000;

  /** The family of restjavad: `{code, message, referer, restOperationId, kind}`. */
  response(
    request: MgmtRequest,
    status: number,
    message: string,
    extra: { readonly originalRequestBody?: string; readonly errorStack?: readonly string[] } = {},
  ): MgmtResponse {
    this.#operationId += 137;
    const json: JsonObject = {
      code: status,
      message,
      ...(extra.originalRequestBody === undefined ? {} : { originalRequestBody: extra.originalRequestBody }),
      referer: request.clientAddress,
      restOperationId: this.#operationId,
      ...(extra.errorStack === undefined ? {} : { errorStack: extra.errorStack }),
      kind: ':resterrorresponse',
    };
    return { status, body: { json } };
  }

  /** A path that no worker has, also while workers are still registering. */
  publicUriNotRegistered(request: MgmtRequest): MgmtResponse {
    const path = request.path.replace(/^\/mgmt/, '').replaceAll('~', '?');
    return this.response(request, 404, `Public URI path not registered: ${path}`);
  }

  /** What restjavad says while the worker of a path is not loaded; without `referer`. */
  uriNotRegistered(request: MgmtRequest): MgmtResponse {
    this.#operationId += 1;
    const path = request.path.replaceAll('~', '?');
    const message =
      `URI path ${path} not registered.  Please verify URI is supported and wait for ` +
      `/available suffix to be responsive.`;
    const json = { code: 404, message, restOperationId: this.#operationId, kind: ':resterrorresponse' };
    return { status: 404, body: { json } };
  }

  unauthorized(
    request: MgmtRequest,
    message: string,
    extra: Parameters<RestErrors['response']>[3] = {},
  ): MgmtResponse {
    const { status, body } = this.response(request, 401, message, extra);
    return {
      status,
      body,
      reason: 'F5 Authorization Required',
      headers: [
        ['WWW-Authenticate', 'Basic realm="Enterprise Manager"'],
        ['WWW-Authenticate', 'X-Auth-Token'],
      ],
    };
  }
}
