import { readFile } from 'node:fs/promises';

import type { Clock } from '../clock.js';
import { istiodSection } from '../config/identity.js';
import type { AgentConfig } from '../config/schema.js';
import { AgentError } from '../errors.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { secretData } from '../kube/object-data.js';
import { readPublishedRoots } from '../mesh/mesh-facts.js';
import type { CaSecret } from '../pki/ca-secret.js';
import { Secret } from '../secret.js';
import { CaSecretSource } from './ca-secret-source.js';
import { tokenFromFile } from './ca-token.js';
import type { IdentitySource } from './identity-source.js';
import { MeshRoots } from './mesh-roots.js';
import type { ReadRoots } from './mesh-roots.js';
import { tokenFromTokenRequest } from './token-request.js';

export interface SourcePorts {
  readonly kube: KubeClient;
  readonly clock: Clock;
}

/** Makes the identity source that the config names; nothing is read yet. gRPC is loaded where it is spoken only. */
export async function configuredSource(
  { identity, mesh }: Pick<AgentConfig, 'identity' | 'mesh'>,
  { kube, clock }: SourcePorts,
): Promise<IdentitySource> {
  const extraRoots = (identity.extraRoots ?? []).map(rootsFile);
  const published: ReadRoots = (signal) => readPublishedRoots(kube, mesh.rootNamespace, signal);
  const meshRoots = new MeshRoots([published, ...extraRoots]);
  switch (identity.source) {
    case 'istiod': {
      const { IstiodSource } = await import('./istiod-source.js');
      const { audience, tokenFile, ...endpoint } = identity.istiod ?? istiodSection.parse({});
      const readToken =
        tokenFile === undefined ? tokenFromTokenRequest(kube, audience) : tokenFromFile(tokenFile);
      return new IstiodSource({ endpoint, roots: meshRoots, readToken, audience, clock });
    }
    case 'ca-secret':
      return new CaSecretSource({
        clock,
        reader: {
          readSecret: (name, signal) => readSecret(kube, { namespace: mesh.rootNamespace, name }, signal),
          readPublishedRoots: published,
        },
        extraRoots,
      });
    default:
      throw new Error(`not yet ${identity.source}`);
  }
}

async function readSecret(
  kube: KubeClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<CaSecret | undefined> {
  const secret = await kube.get({ kind: kinds.secret, namespace, name }, { signal });
  if (secret === undefined) return undefined;
  const data = [...secretData(secret)].map(([key, value]) => [key, value.reveal()] as const);
  return { namespace, name, data: new Secret(Object.fromEntries(data)) };
}

/** Read each time, so that a replaced file counts at once. */
function rootsFile(file: string): ReadRoots {
  return async (signal) => {
    try {
      return { origin: file, pem: await readFile(file, { encoding: 'utf8', signal }) };
    } catch (error) {
      signal.throwIfAborted();
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      throw new AgentError(
        'MESH_ERR_CONFIG_UNREADABLE',
        `${file}, which identity.extraRoots names, cannot be read (${code})`,
        'mend its path in the config file',
      );
    }
  };
}
