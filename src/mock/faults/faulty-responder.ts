import type { Clock } from '../../clock.js';
import type { Authenticator } from '../authn/authenticator.js';
import { Refusal, apiErrors, mcpdRefusal, notFound, tmshRefusal } from '../config/refusal.js';
import type { MgmtRequest } from '../http/mgmt-request.js';
import { refusalResponse } from '../http/mgmt-response.js';
import type { MgmtResponse, RestErrors } from '../http/mgmt-response.js';
import { parseBody } from '../http/parse-body.js';
import { isJsonObject, textOf } from '../json.js';
import { route } from '../icrd/route.js';
import type { ResourceTable } from '../resources/resource-table.js';
import type { FaultRule } from './fault.js';
import type { FaultInjector } from './fault-injector.js';

interface FaultyResponderOptions {
  readonly injector: FaultInjector;
  readonly clock: Clock;
  readonly authenticator: Authenticator;
  readonly errors: RestErrors;
  readonly table: ResourceTable;
  /** Ends what waits, when the mock is closed. */
  readonly signal: AbortSignal;
  /** The device when nothing is wrong. */
  readonly respond: (request: MgmtRequest) => Promise<MgmtResponse>;
}

/** Bytes of an error answer that restjavad forwards up to 16.0. */
const forwardedBytes = 2048;

/** A device with which something is wrong: answers as its faults have it, and as itself otherwise. */
export class FaultyResponder {
  readonly #options: FaultyResponderOptions;

  constructor(options: FaultyResponderOptions) {
    this.#options = options;
  }

  /** @returns undefined when the connection is to end without an answer. */
  async respond(request: MgmtRequest): Promise<MgmtResponse | undefined> {
    const { injector, respond } = this.#options;
    const faults = injector.strike(request);
    const has = (name: FaultRule['fault']) => faults.some(({ fault }) => fault === name);
    const isClosing = !(await this.#wait(faults));
    if (isClosing || has('drop-before')) return undefined;
    const isUnready = has('false-not-found') || has('mcpd-lost');
    if (isUnready && request.path === '/mgmt/tm/sys/ready') return respond({ ...request, isUnready });
    for (const { fault } of faults) {
      const instead = this.#instead(fault, request);
      if (instead !== undefined) return instead;
    }
    const response = await respond(has('stale-read') ? { ...request, isStale: true } : request);
    if (has('drop-after')) return undefined;
    if (has('remote-timeout')) return this.#timeout(request);
    return has('truncated-errors') ? this.#truncated(request, response) : response;
  }

  /** @returns false when the mock was closed meanwhile. */
  async #wait(faults: readonly FaultRule[]): Promise<boolean> {
    const { clock, signal } = this.#options;
    try {
      for (const { fault, ms } of faults) if (fault === 'latency') await clock.sleep(ms ?? 0, signal);
      return true;
    } catch {
      return false;
    }
  }

  /** What is answered in place of doing anything. */
  #instead(fault: FaultRule['fault'], request: MgmtRequest): MgmtResponse | undefined {
    const { authenticator, errors } = this.#options;
    switch (fault) {
      case 'unauthenticated':
        return authenticator.withoutCredentials(request);
      case 'async-task':
        return refusalResponse(
          new Refusal(503, 'There is an active asynchronous task executing.', apiErrors.asyncTask),
        );
      case 'restarting':
        return { status: 503, body: { html: restartingPage } };
      case 'not-registered':
        return errors.uriNotRegistered(request);
      case 'public-uri-not-registered':
        return errors.publicUriNotRegistered(request);
      case 'false-not-found':
        return refusalResponse(this.#falseNotFound(request));
      case 'mcpd-lost':
        return refusalResponse(
          new Refusal(500, 'The connection to mcpd has been lost, try again.', apiErrors.mcpdLost),
        );
      case 'provisioning':
        return refusalResponse(
          mcpdRefusal(
            '01071003',
            'A previous provisioning operation is in progress. Try again when the BIGIP is active.',
          ),
        );
      case 'disk-full':
        // What a full device says to an upload is not on record.
        return errors.response(request, 500, 'No space left on device');
      case 'upload-echo':
        return { status: 400, body: { bytes: request.body } };
      case 'token-limit':
        return errors.response(
          request,
          400,
          `user ${userOf(request)} has reached maximum active login tokens`,
        );
      case 'latency':
      case 'drop-before':
      case 'drop-after':
      case 'mcpd-restart':
      case 'remote-timeout':
      case 'truncated-errors':
      case 'stale-read':
      case 'old-certificate':
      default:
        return undefined;
    }
  }

  /** An mcpd that is starting finds nothing, and says so in the words of an object that is not there. */
  #falseNotFound(request: MgmtRequest): Refusal {
    const segments = request.path
      .split('/')
      .slice(3)
      .filter((part) => part !== '')
      .map(decodeURIComponent);
    const found = route(segments, this.#options.table);
    if (found.to === 'resource' && found.target.fullPath !== undefined) {
      return notFound(found.target.kind.title, found.target.fullPath);
    }
    return tmshRefusal("can't get object count from mcpd");
  }

  #timeout(request: MgmtRequest): MgmtResponse {
    const message = `remoteSender:${request.clientAddress}, method:${request.method} `;
    const errorStack = [`java.util.concurrent.TimeoutException: ${message}`];
    return this.#options.errors.response(request, 400, message, { errorStack });
  }

  #truncated(request: MgmtRequest, response: MgmtResponse): MgmtResponse {
    const { body, status } = response;
    const isLong =
      body !== undefined && 'json' in body && Buffer.byteLength(JSON.stringify(body.json)) > forwardedBytes;
    if (status < 400 || !isLong) return response;
    return this.#options.errors.response(request, status, 'request failed with null exception');
  }
}

function userOf(request: MgmtRequest): string {
  const body = parseBody(request);
  return isJsonObject(body) ? textOf(body['username']) : '';
}

const restartingPage = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="5">
<title>BIG-IP</title>
</head>
<body>
<h1>Configuration Utility restarting...</h1>
<p>The Configuration Utility is restarting. This page reloads by itself.</p>
${'<!-- -->\n'.repeat(200)}</body>
</html>
`;
