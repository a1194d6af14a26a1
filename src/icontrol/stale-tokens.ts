import type { Answer } from './answer.js';
import { DeviceError } from './errors.js';
import { initialTimeoutSeconds, parseLoginToken } from './login-token.js';
import type { LoginToken } from './login-token.js';
import type { IControlRequest } from './request.js';

export const tokensPath = '/mgmt/shared/authz/tokens';

/** Whose tokens may be deleted. */
interface TokenOwner {
  readonly userName: string;
  /** Of this process, as the device sees it. */
  readonly address: string;
  /** See `tokenMark`. */
  readonly mark: number;
}

/** Up to here tokens are left alone: they do no harm. */
const crowd = 20;
/** From here on the limit of 100 is nearer than the end of the oldest token. */
const nearLimit = 60;
/** Until this age a token may well be that of a command that still runs. */
const youngMs = 60_000;
/** The newest ones of ours that stay whatever happens: this process', and those of commands beside it. */
const kept = 10;

/**
 * The tokens that processes of this agent left behind when they were killed, as far as that shows from outside.
 *
 * Never one of another user, from another address, with another mark or with none: a person's, another tool's,
 * another replica's. Never one that was extended: its process lived for minutes, and such do not pile up. Of the others none while they are few; what is older than a minute once there are many; and close to the
 * limit the oldest whatever their age. A process that loses the token it still uses logs in again.
 *
 * @param tokens all that the user holds; the newest start is taken for the present, by the device's clock
 */
export function staleTokens(
  tokens: readonly LoginToken[],
  { userName, address, mark }: TokenOwner,
): readonly LoginToken[] {
  const held = tokens.filter((token) => token.userName === userName);
  if (held.length <= crowd) return [];
  const nowMs = Math.max(...held.map(({ startedAtMs }) => startedAtMs));
  const candidates = held
    .filter((token) => token.address === address && token.timeoutSeconds === initialTimeoutSeconds + mark)
    .toSorted((a, b) => a.startedAtMs - b.startedAtMs)
    .slice(0, -kept);
  if (held.length > nearLimit) return candidates.slice(0, held.length - crowd);
  return candidates.filter(({ startedAtMs }) => nowMs - startedAtMs > youngMs);
}

/**
 * Deletes the stale ones of the tokens that the device lists to a user, which are that user's own.
 *
 * @param exchange sends one request as it is
 * @param headers that authorise it
 * @returns how many are gone; those that a failure leaves there expire by themselves
 */
export async function removeStaleTokens(
  exchange: (request: IControlRequest) => Promise<Answer>,
  headers: Readonly<Record<string, string>>,
  owner: TokenOwner,
): Promise<number> {
  let removed = 0;
  try {
    const { status, json } = await exchange({ method: 'GET', path: tokensPath, headers, detached: true });
    const items: readonly unknown[] = status === 200 && Array.isArray(json?.['items']) ? json['items'] : [];
    const tokens = items.map(parseLoginToken).filter((token) => token !== undefined);
    for (const { value } of staleTokens(tokens, owner)) {
      const path = `${tokensPath}/${value.reveal()}`;
      const answer = await exchange({ method: 'DELETE', path, headers, detached: true });
      if (answer.status === 200) removed += 1;
    }
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
  }
  return removed;
}
