import { status } from '@grpc/grpc-js';

/** Why a gRPC call failed. */
export interface CallFailure {
  readonly status: status;
  /** The server's or the channel's own words: may be long, may quote the request. */
  readonly details: string;
}

const transient: ReadonlySet<status> = new Set([
  status.ABORTED,
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.INTERNAL,
  status.RESOURCE_EXHAUSTED,
  status.UNAVAILABLE,
]);

/** Whether the same call may pass in a moment. */
export function isTransientFailure(failure: CallFailure): boolean {
  return transient.has(failure.status);
}

const longest = 300;

/**
 * A failure as a message can hold it: `UNAVAILABLE: no connection`, on one line, of bearable length, and without the
 * secret should the server have quoted it.
 */
export function describeCallFailure({ status: code, details }: CallFailure, secret?: string): string {
  const line = (secret === undefined ? details : details.replaceAll(secret, '[redacted]'))
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/\p{Cc}/gu, '')
    .trim();
  return `${status[code]}: ${line.length <= longest ? line : `${line.slice(0, longest)}...`}`;
}
