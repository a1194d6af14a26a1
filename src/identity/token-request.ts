import { AgentError } from '../errors.js';
import type { KubeClient } from '../kube/client.js';
import type { ReadCaToken } from './ca-token.js';

/** The shortest that an API server grants; the token is used at once and forgotten. */
const lifetimeSeconds = 600;

/**
 * Asks the API server for a token of the service account (TokenRequest); no pod has to run as that account.
 *
 * The agent needs the verb `create` on `serviceaccounts/token` of this very account, and nothing more.
 */
export function tokenFromTokenRequest(kube: KubeClient, audience: string): ReadCaToken {
  return async (account, signal) => {
    const name = `${account.namespace}/${account.name}`;
    const request = {
      serviceAccount: account,
      audiences: [audience],
      expirationSeconds: lifetimeSeconds,
    };
    try {
      const { token } = await kube.createTokenRequest(request, { signal });
      return { token, origin: `the token of service account ${name}` };
    } catch (error) {
      if (!(error instanceof AgentError) || error.code !== 'MESH_ERR_KUBE_NOT_FOUND') throw error;
      throw new AgentError(
        'MESH_ERR_CA_TOKEN_MISSING',
        `service account ${name} does not exist, so the mesh CA signs nothing for it`,
        `create it: kubectl create serviceaccount ${account.name} --namespace ${account.namespace}`,
      );
    }
  };
}
