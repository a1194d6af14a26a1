import { Secret } from '../secret.js';
import type { ApiCall } from './api-server.js';
import { kinds } from './kinds.js';
import { objectPath } from './resource-path.js';

export interface TokenRequest {
  readonly serviceAccount: { readonly namespace: string; readonly name: string };
  /** For istiod `istio-ca`; the API server accepts a token of another audience nowhere else. */
  readonly audiences: readonly string[];
  /** At least 600; the server may grant another lifetime than it is asked for. */
  readonly expirationSeconds: number;
}

export interface ServiceAccountToken {
  readonly token: Secret;
  readonly expiresAt: Date;
}

/** A TokenRequest of authentication.k8s.io/v1. */
export function tokenRequestCall({ serviceAccount, audiences, expirationSeconds }: TokenRequest): ApiCall {
  return {
    method: 'POST',
    verb: 'create',
    object: `serviceaccounts/token ${serviceAccount.namespace}/${serviceAccount.name}`,
    path: objectPath({ kind: kinds.serviceAccount, ...serviceAccount }, 'token'),
    contentType: 'application/json',
    body: JSON.stringify({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences, expirationSeconds },
    }),
  };
}

/** Reads the answer; undefined when it holds no token. */
export function parseToken(body: unknown): ServiceAccountToken | undefined {
  const status = (body as { status?: { token?: unknown; expirationTimestamp?: unknown } } | null)?.status;
  if (typeof status?.token !== 'string' || typeof status.expirationTimestamp !== 'string') return undefined;
  const expiresAt = new Date(status.expirationTimestamp);
  if (status.token === '' || Number.isNaN(expiresAt.getTime())) return undefined;
  return { token: new Secret(status.token), expiresAt };
}
