import { readFile } from 'node:fs/promises';

import { AgentError } from '../errors.js';
import { Secret } from '../secret.js';
import { systemErrorCode } from '../system-error.js';

export interface ServiceAccountName {
  readonly namespace: string;
  readonly name: string;
}

/** What the agent shows to a mesh CA to say who it is. */
export interface CaToken {
  readonly token: Secret;
  /** For messages: `the token of service account default/bigip`. */
  readonly origin: string;
}

/**
 * Gets a token of a service account, anew for each call.
 *
 * @throws AgentError when there is none to have.
 */
export type ReadCaToken = (account: ServiceAccountName, signal: AbortSignal) => Promise<CaToken>;

/** Reads a projected token (`serviceAccountToken` volume) each time: the kubelet replaces it before it expires. */
export function tokenFromFile(file: string): ReadCaToken {
  return async (_account, signal) => {
    const origin = `the token in ${file}`;
    let text: string;
    try {
      text = await readFile(file, { encoding: 'utf8', signal });
    } catch (error) {
      signal.throwIfAborted();
      const code = systemErrorCode(error);
      throw new AgentError(
        'MESH_ERR_CA_TOKEN_MISSING',
        `${origin} cannot be read (${code})`,
        'mount a projected service account token there, or leave identity.istiod.tokenFile out',
      );
    }
    const token = text.trim();
    // Anything else cannot stand in a header, and the gRPC library would quote it in its complaint.
    if (/^[\x21-\x7e]+$/.test(token)) return { token: new Secret(token), origin };
    throw new AgentError(
      'MESH_ERR_CA_TOKEN_MISSING',
      `${origin} is ${token === '' ? 'empty' : 'no token: it has blanks or other characters that none has'}`,
      'mount a projected service account token there',
    );
  };
}
