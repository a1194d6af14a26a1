import { status } from '@grpc/grpc-js';

import { AgentError } from '../errors.js';
import { describeCallFailure, isTransientFailure } from './call-failure.js';
import type { CallFailure } from './call-failure.js';
import type { CaToken, ServiceAccountName } from './ca-token.js';
import type { MeshCaEndpoint } from './istio-ca-client.js';
import { readTokenClaims } from './token-claims.js';

/** What was asked of whom; it explains what the CA, on purpose, does not. */
interface CaAttempt {
  readonly endpoint: MeshCaEndpoint;
  readonly account: ServiceAccountName;
  readonly token: CaToken;
  /** That the CA accepts tokens for. */
  readonly audience: string;
  readonly now: Date;
}

/**
 * Puts a failed call into words, and says whether it may be repeated: only MESH_ERR_CA_UNAVAILABLE may.
 *
 * Sources: istio/istio:security/pkg/pki/error/error.go, pkg/security/retry.go.
 */
export function caRefusal(failure: CallFailure, attempt: CaAttempt): AgentError {
  const { address } = attempt.endpoint;
  const said = describeCallFailure(failure, attempt.token.token.reveal());
  if (failure.status === status.UNAUTHENTICATED) return tokenRefusal(said, attempt);
  if (isTransientFailure(failure)) {
    return new AgentError(
      'MESH_ERR_CA_UNAVAILABLE',
      `the mesh CA at ${address} gave no certificate (${said})`,
      unavailableNextStep(failure, attempt),
    );
  }
  if (failure.status === status.UNIMPLEMENTED) {
    return new AgentError(
      'MESH_ERR_CA_NOT_SERVED',
      `nobody signs certificates at ${address} (${said})`,
      "set identity.istiod.address to the CA: istiod's port 15012, or istio-csr where istiod is no CA",
    );
  }
  return new AgentError(
    'MESH_ERR_CA_REQUEST_REFUSED',
    `the mesh CA at ${address} does not sign the request (${said})`,
    failure.status === status.INVALID_ARGUMENT
      ? 'mend identity.ttl (istiod allows at most 2160h by default) or identity.keyType'
      : 'look into the log of the CA',
  );
}

/** The CA answers every bad token with the same words; the token itself shows most reasons. */
function tokenRefusal(said: string, attempt: CaAttempt): AgentError {
  const { endpoint, audience, now } = attempt;
  const { token, origin } = attempt.token;
  const claims = readTokenClaims(token);
  const refused = (why: string, nextStep: string): AgentError =>
    new AgentError(
      'MESH_ERR_CA_TOKEN_REFUSED',
      `the mesh CA at ${endpoint.address} does not accept ${origin}: ${why} (${said})`,
      nextStep,
    );
  if (claims === undefined) return refused('it is no JSON Web Token', 'give a service account token');
  if (claims.expiresAt !== undefined && claims.expiresAt <= now) {
    return refused(
      `it expired at ${claims.expiresAt.toISOString()}`,
      'find out why the token is not renewed, and compare the clocks of the agent and of the API server',
    );
  }
  if (!claims.audiences.includes(audience)) {
    return refused(
      `it is for the audience ${claims.audiences.join(', ')} and not for ${audience}`,
      `project the token with audience ${audience}`,
    );
  }
  if (endpoint.clusterId !== undefined) {
    return refused(
      `it may not know the cluster ${endpoint.clusterId}`,
      'set identity.istiod.clusterId to a cluster that the CA knows, or leave it out in a mesh of one primary cluster',
    );
  }
  return refused(
    'its time and audience are right',
    `look into the log of the CA: does it accept the audience ${audience}, and is its trust domain that of the mesh?`,
  );
}

function unavailableNextStep({ details: text }: CallFailure, { endpoint }: CaAttempt): string {
  if (/altname|hostname/i.test(text)) {
    return `set identity.istiod.serverName to a name of the CA's certificate; it is not for ${endpoint.serverName}`;
  }
  if (/not yet valid|expired/i.test(text)) {
    return 'compare the clocks of the agent and of the CA; if they agree, renew the certificate that the CA serves with';
  }
  if (/certificate/i.test(text)) {
    return "compare the root of the CA's certificate with the ConfigMap istio-ca-root-cert; a private root of its own belongs into identity.extraRoots";
  }
  return `check that ${endpoint.address} answers from here, and the log of the CA`;
}
