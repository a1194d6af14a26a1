import type { Secret } from '../secret.js';
import type { ServiceAccountName } from './ca-token.js';

/** What a token says of itself. Nobody checked it here: it explains a refusal, and decides nothing. */
interface TokenClaims {
  readonly expiresAt: Date | undefined;
  readonly audiences: readonly string[];
  /** Undefined when the token is not of a Kubernetes service account. */
  readonly serviceAccount: ServiceAccountName | undefined;
}

/** Reads the payload of a JSON Web Token (RFC 7519 section 4.1); undefined for what is none. */
export function readTokenClaims(token: Secret): TokenClaims | undefined {
  const payload = token.reveal().split('.')[1];
  if (payload === undefined) return undefined;
  let claims: unknown;
  try {
    claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (typeof claims !== 'object' || claims === null) return undefined;
  const { exp, aud, sub } = claims as Readonly<Record<string, unknown>>;
  const account = typeof sub === 'string' ? /^system:serviceaccount:([^:]+):([^:]+)$/.exec(sub) : null;
  return {
    expiresAt: typeof exp === 'number' ? new Date(exp * 1000) : undefined,
    audiences: [aud].flat().filter((audience) => typeof audience === 'string'),
    serviceAccount: account === null ? undefined : { namespace: account[1] ?? '', name: account[2] ?? '' },
  };
}
