import type { Clock } from '../clock.js';
import { istiodSection, secretSection } from '../config/identity.js';
import type { AgentConfig } from '../config/schema.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { secretData } from '../kube/object-data.js';
import { readPublishedRoots } from '../mesh/mesh-facts.js';
import type { CaSecret } from '../pki/ca-secret.js';
import { Secret } from '../secret.js';
import { CaSecretSource } from './ca-secret-source.js';
import type { MeshCaReader } from './ca-secret-source.js';
import { tokenFromFile } from './ca-token.js';
import { FileSource } from './file-source.js';
import type { IdentitySource } from './identity-source.js';
import { MeshRoots, published } from './mesh-roots.js';
import type { ReadRoots } from './mesh-roots.js';
import { SecretSource } from './secret-source.js';
import { readPassphrase, rootsFromFile } from './steady-file.js';
import { tokenFromTokenRequest } from './token-request.js';

interface SourcePorts {
  readonly kube: KubeClient;
  readonly clock: Clock;
  /** Of the mesh. */
  readonly trustDomain: string;
}

/** Makes the identity source that the config names; nothing is read yet. gRPC is loaded where it is spoken only. */
export async function configuredSource(
  { identity, mesh }: Pick<AgentConfig, 'identity' | 'mesh'>,
  { kube, clock, trustDomain }: SourcePorts,
): Promise<IdentitySource> {
  const { passphraseFile } = identity;
  const passphrase = async (signal: AbortSignal): Promise<Secret | undefined> =>
    passphraseFile === undefined ? undefined : readPassphrase(passphraseFile, signal);
  const extraRoots = (identity.extraRoots ?? []).map((path) =>
    rootsFromFile(path, 'identity.extraRoots', clock),
  );
  const ofMesh: ReadRoots = published((signal) => readPublishedRoots(kube, mesh.rootNamespace, signal));
  const roots = new MeshRoots([ofMesh, ...extraRoots]);
  const readSecret = async (ref: SecretRef, signal: AbortSignal): Promise<CaSecret | undefined> => {
    const data = await readSecretData(kube, ref, signal);
    return data === undefined ? undefined : { ...ref, data, passphrase: await passphrase(signal) };
  };
  const sources = {
    istiod: async () => {
      const { IstiodSource } = await import('./istiod-source.js');
      const { audience, tokenFile, ...endpoint } = identity.istiod ?? istiodSection.parse({});
      const readToken =
        tokenFile === undefined ? tokenFromTokenRequest(kube, audience) : tokenFromFile(tokenFile);
      return new IstiodSource({ endpoint, roots, readToken, audience, clock });
    },
    'ca-secret': () => {
      const reader: MeshCaReader = {
        readSecret: (name, signal) => readSecret({ namespace: mesh.rootNamespace, name }, signal),
        readPublishedRoots: ofMesh,
      };
      return new CaSecretSource({ reader, clock, extraRoots });
    },
    secret: () => {
      const { name } = identity.secret ?? secretSection.parse({});
      return new SecretSource({ name, readSecret, roots, clock });
    },
    files: () => {
      const { certificate, key, bundle } = section(identity.files);
      const own =
        bundle === undefined ? ofMesh : published(rootsFromFile(bundle, 'identity.files.bundle', clock));
      const bundleRoots = new MeshRoots([own, ...extraRoots]);
      return new FileSource({ certificate, key, readPassphrase: passphrase, roots: bundleRoots, clock });
    },
    'workload-api': async () => {
      const { WorkloadApiSource } = await import('./workload-api-source.js');
      const { address } = section(identity.workloadApi);
      return new WorkloadApiSource({ address, trustDomain, roots: new MeshRoots(extraRoots), clock });
    },
  } satisfies Record<typeof identity.source, () => IdentitySource | Promise<IdentitySource>>;
  return sources[identity.source]();
}

/** The schema demands the section of a source that cannot do without. */
function section<T>(given: T | undefined): T {
  if (given === undefined) throw new Error('the section was checked when the config was read');
  return given;
}

interface SecretRef {
  readonly namespace: string;
  readonly name: string;
}

async function readSecretData(
  kube: KubeClient,
  ref: SecretRef,
  signal: AbortSignal,
): Promise<CaSecret['data'] | undefined> {
  const secret = await kube.get({ kind: kinds.secret, ...ref }, { signal });
  if (secret === undefined) return undefined;
  const data = [...secretData(secret)].map(([key, value]) => [key, value.reveal()] as const);
  return new Secret(Object.fromEntries(data));
}
