import { createHash } from 'node:crypto';
import { Secret } from '../secret.js';
import type { JsonObject } from './request.js';

/** A login token as restjavad shows it to the user that it belongs to. */
export interface LoginToken {
  readonly value: Secret;
  readonly userName: string;
  /** The client's address as the device saw it at the login. */
  readonly address: string;
  /** For how long the token is good, counted from its start and not from its last use. */
  readonly timeoutSeconds: number;
  readonly startedAtMs: number;
}

/** What a new token is good for, on every recorded version (F5 ta-p/287462). */
export const initialTimeoutSeconds = 1200;
/** The device answers 406 to more (F5 ta-p/287462). */
const longestTimeoutSeconds = 36_000;

/**
 * The part of a timeout that tells whose token it is: 7, 17, 27, ... 597 s on top of a multiple of 1200.
 *
 * Of all that restjavad keeps with a token, the timeout alone is the client's to choose. People and other tools choose
 * round numbers, so a timeout with this remainder is of an agent, and of the one that runs as this holder: another
 * replica has another remainder (in 59 of 60 cases).
 */
export function tokenMark(holder: string): number {
  const hash = createHash('sha256').update(holder).digest().readUInt32BE();
  return 7 + 10 * (hash % 60);
}

/** @returns the smallest marked timeout that leaves a token of this age at least 20 minutes; undefined: too old */
export function markedTimeout(mark: number, ageSeconds: number): number | undefined {
  const steps = Math.max(1, Math.ceil((ageSeconds + initialTimeoutSeconds - mark) / initialTimeoutSeconds));
  const timeout = steps * initialTimeoutSeconds + mark;
  return timeout > longestTimeoutSeconds ? undefined : timeout;
}

/** @returns undefined for what is no token; a member that the device left out is empty or 0 */
export function parseLoginToken(json: unknown): LoginToken | undefined {
  const { token, userName, address, timeout, expirationMicros } = (json ?? {}) as JsonObject;
  // Its own alphabet, because it becomes a part of a path: 26 characters of base32 on every recorded version.
  if (typeof token !== 'string' || !/^[A-Za-z0-9]{16,128}$/.test(token)) return undefined;
  const timeoutSeconds = Number(timeout);
  return {
    value: new Secret(token),
    userName: typeof userName === 'string' ? userName : '',
    address: typeof address === 'string' ? address : '',
    timeoutSeconds,
    startedAtMs: Number(expirationMicros) / 1000 - timeoutSeconds * 1000,
  };
}
