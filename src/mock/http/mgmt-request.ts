import type { IncomingHttpHeaders } from 'node:http';

/** One request to the management port, its body read. */
export interface MgmtRequest {
  readonly method: string;
  /** Decoded only as far as `%25`: `/mgmt/tm/ltm/pool/~Common~p`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The client, as httpd sees it. */
  readonly clientAddress: string;
  /** A fault lets this read see the configuration before the last change. */
  readonly isStale?: boolean;
  /** A fault has taken mcpd away, so that the device is not ready. */
  readonly isUnready?: boolean;
}

/** A header that comes at most once. */
export function header(request: MgmtRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
