import { AgentError } from '../errors.js';
import type { Clock } from '../clock.js';
import { caSecretName } from '../pki/ca-secret.js';
import type { CaSecret } from '../pki/ca-secret.js';
import { mintSvid } from '../pki/mint-svid.js';
import { parseCertificatesPem } from '../pki/pem.js';
import { SigningAuthority } from '../pki/signing-authority.js';
import { TrustBundle } from '../spiffe/trust-bundle.js';
import type { RootSource } from '../spiffe/trust-bundle.js';
import type { FetchedSvid, IdentitySource, SvidRequest } from './identity-source.js';
import { MeshRoots } from './mesh-roots.js';
import type { ReadRoots } from './mesh-roots.js';

/**
 * What the source reads from the cluster. Undefined means that the object is known not to exist; whatever cannot be
 * read throws.
 */
export interface MeshCaReader {
  readSecret(name: string, signal: AbortSignal): Promise<CaSecret | undefined>;
  /** `root-cert.pem` of the ConfigMap that istiod gives every namespace, usually `istio-ca-root-cert`. */
  readPublishedRoots(signal: AbortSignal): Promise<{ origin: string; pem: string } | undefined>;
}

/** In istiod's own order of preference (istio/istio:pilot/pkg/bootstrap/istio_ca.go). */
const secretNames = ['cacerts', 'istio-ca-secret'] as const;

/**
 * Mints SVIDs with the mesh CA's own key, read from its secret.
 *
 * The secret is read anew for each mint, so that a rotated CA counts at once, and nothing of it is kept. A secret whose
 * root the mesh does not publish belongs to another CA than the mesh's, and is refused. The trust bundle is what the
 * mesh publishes and nothing else: a root that only the secret names is not one that sidecars trust.
 */
export class CaSecretSource implements IdentitySource {
  readonly name = 'ca-secret';
  readonly canImpersonate = true;
  readonly mintsKeys = true;
  readonly #reader: MeshCaReader;
  readonly #clock: Clock;
  readonly #extraRoots: readonly ReadRoots[];

  constructor(options: {
    readonly reader: MeshCaReader;
    readonly clock: Clock;
    /** Further roots for the trust bundle; a CA has to be among the published ones all the same. */
    readonly extraRoots?: readonly ReadRoots[];
  }) {
    this.#reader = options.reader;
    this.#clock = options.clock;
    this.#extraRoots = options.extraRoots ?? [];
  }

  async fetchSvid(request: SvidRequest, signal: AbortSignal): Promise<FetchedSvid> {
    const secret = await this.#readCaSecret(signal);
    const published = await this.#readPublishedRoots(signal);
    const now = this.#clock.now();
    const authority = SigningAuthority.fromSecret(secret, now);
    if (!TrustBundle.of([published]).has(authority.root)) {
      throw new AgentError(
        'MESH_ERR_CA_ROOT_MISMATCH',
        `the root of ${caSecretName(secret)} is not among the roots that the mesh publishes`,
        'find out which CA signs for this mesh; with istio-csr or another external CA use identity.source: istiod',
      );
    }
    const svid = await mintSvid(authority, { ...request, now });
    signal.throwIfAborted();
    return { svid, trustBundle: await this.#withExtraRoots(published, signal) };
  }

  async fetchTrustBundle(signal: AbortSignal): Promise<TrustBundle> {
    return this.#withExtraRoots(await this.#readPublishedRoots(signal), signal);
  }

  #withExtraRoots(published: RootSource, signal: AbortSignal): Promise<TrustBundle> {
    return new MeshRoots(this.#extraRoots).read(signal, [published]);
  }

  async #readPublishedRoots(signal: AbortSignal): Promise<RootSource> {
    const published = await this.#reader.readPublishedRoots(signal);
    if (published === undefined) throw noPublishedRoot('the mesh publishes no root');
    const { origin, pem } = published;
    const certificates = parseCertificatesPem(pem);
    if (!certificates.ok) throw noPublishedRoot(`${origin} cannot be used: ${certificates.reason}`);
    const source = { origin, certificates: certificates.value, isPublished: true };
    if (TrustBundle.of([source]).isEmpty) throw noPublishedRoot(`${origin} holds no root certificate`);
    return source;
  }

  async #readCaSecret(signal: AbortSignal): Promise<CaSecret> {
    for (const name of secretNames) {
      const secret = await this.#reader.readSecret(name, signal);
      if (secret !== undefined) return secret;
    }
    throw new AgentError(
      'MESH_ERR_CA_SECRET_MISSING',
      `the mesh's root namespace has neither a secret ${secretNames.join(' nor ')}`,
      'use identity.source: istiod, which needs no CA key in the cluster',
    );
  }
}

function noPublishedRoot(what: string): AgentError {
  return new AgentError(
    'MESH_ERR_CA_ROOT_MISMATCH',
    `${what}, so nothing says whom the mesh trusts`,
    'check the ConfigMap istio-ca-root-cert, key root-cert.pem',
  );
}
