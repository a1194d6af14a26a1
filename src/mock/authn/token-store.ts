import { randomBytes } from 'node:crypto';
import type { JsonObject } from '../json.js';

/** Seconds for which a new token is good, counted from its start and not from its last use. */
const initialTimeout = 1200;
/** Seconds for which a token can be made good at most, counted from its start. */
export const maximumTimeout = 36_000;
/** Tokens that one user may have at a time; the user `admin` may have more (F5 ta-p/287462). */
const tokensPerUser = 100;

export interface Token {
  readonly value: string;
  readonly userName: string;
  readonly provider: string;
  readonly clientAddress: string;
  readonly startTime: Date;
  readonly timeout: number;
  readonly generation: number;
  readonly updatedMicros: number;
}

/** The authentication tokens of restjavad; all are forgotten when it restarts. */
export class TokenStore {
  readonly #tokens = new Map<string, Token>();
  readonly #now: () => Date;
  readonly #limit: number;

  constructor(now: () => Date, limit: number = tokensPerUser) {
    this.#now = now;
    this.#limit = limit;
  }

  /** @returns undefined when the user has reached the limit. */
  issue(userName: string, provider: string, clientAddress: string): Token | undefined {
    const now = this.#now();
    if (userName !== 'admin' && this.activeOf(userName).length >= this.#limit) return undefined;
    const token: Token = {
      value: randomToken(),
      userName,
      provider,
      clientAddress,
      startTime: now,
      timeout: initialTimeout,
      generation: 1,
      updatedMicros: now.getTime() * 1000,
    };
    this.#tokens.set(token.value, token);
    return token;
  }

  find(value: string): Token | 'expired' | 'unknown' {
    const token = this.#tokens.get(value);
    if (token === undefined) return 'unknown';
    return this.#isActive(token) ? token : 'expired';
  }

  activeOf(userName: string): readonly Token[] {
    return [...this.#tokens.values()].filter((token) => token.userName === userName && this.#isActive(token));
  }

  /** Sets the seconds from its start for which a token is good. */
  extend(token: Token, timeout: number): Token {
    const updatedMicros = this.#now().getTime() * 1000;
    const extended = { ...token, timeout, generation: token.generation + 1, updatedMicros };
    this.#tokens.set(token.value, extended);
    return extended;
  }

  remove(token: Token): void {
    this.#tokens.delete(token.value);
  }

  forgetAll(): void {
    this.#tokens.clear();
  }

  #isActive(token: Token): boolean {
    return this.#now().getTime() < expiry(token);
  }
}

export function renderToken(token: Token): JsonObject {
  return {
    token: token.value,
    name: token.value,
    userName: token.userName,
    authProviderName: token.provider,
    user: { link: `https://localhost/mgmt/shared/authz/users/${token.userName}` },
    ...(token.provider === 'local' ? { groupReferences: [] } : {}),
    timeout: token.timeout,
    startTime: token.startTime.toISOString().replace('Z', '+0000'),
    address: token.clientAddress,
    partition: '[All]',
    generation: token.generation,
    lastUpdateMicros: token.updatedMicros,
    expirationMicros: expiry(token) * 1000,
    kind: 'shared:authz:tokens:authtokenitemstate',
    selfLink: `https://localhost/mgmt/shared/authz/tokens/${token.value}`,
  };
}

function expiry(token: Token): number {
  return token.startTime.getTime() + token.timeout * 1000;
}

/** 26 characters of base32, upper case. */
function randomToken(): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return [...randomBytes(26)].map((byte) => alphabet[byte % 32]).join('');
}
