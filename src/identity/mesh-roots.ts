import { AgentError } from '../errors.js';
import { parseCertificatesPem } from '../pki/pem.js';
import { TrustBundle } from '../spiffe/trust-bundle.js';
import type { RootSource } from '../spiffe/trust-bundle.js';

/** PEM, and the place that it was read from: `ConfigMap istio-system/istio-ca-root-cert`. */
interface RootsText {
  readonly origin: string;
  readonly pem: string;
  /** See `RootSource.isPublished`. */
  readonly isPublished?: boolean;
}

/**
 * A place where roots of the mesh are written down.
 *
 * @returns undefined when the place is known not to exist.
 * @throws when it cannot be read, because roots that are unknown are not the same as none.
 */
export type ReadRoots = (signal: AbortSignal) => Promise<RootsText | undefined>;

/** Every place where the roots of the mesh are written down; what counts is the union of all. */
export class MeshRoots {
  readonly #places: readonly ReadRoots[];

  constructor(places: readonly ReadRoots[]) {
    this.#places = places;
  }

  /**
   * Reads every place anew.
   *
   * @throws AgentError MESH_ERR_ROOTS_INVALID when a place holds something else than certificates, in whole or in
   *   part: the rest of it would pass for all of it.
   */
  async readSources(signal: AbortSignal): Promise<RootSource[]> {
    const sources: RootSource[] = [];
    for (const readPlace of this.#places) {
      const text = await readPlace(signal);
      if (text !== undefined) sources.push(parseRoots(text));
    }
    return sources;
  }

  /**
   * The union of all places, read anew, and of further sources that came from elsewhere.
   *
   * @throws AgentError MESH_ERR_ROOTS_INVALID, and MESH_ERR_ROOTS_MISSING when no root is left.
   */
  async read(signal: AbortSignal, further: readonly RootSource[] = []): Promise<TrustBundle> {
    return trustBundleOf([...(await this.readSources(signal)), ...further]);
  }
}

/** @throws AgentError MESH_ERR_ROOTS_MISSING when none of them has a root; it names what they have instead. */
export function trustBundleOf(sources: readonly RootSource[]): TrustBundle {
  const bundle = TrustBundle.of(sources);
  if (!bundle.isEmpty) return bundle;
  const setAside = bundle.setAside.map(
    ({ origin, subject, reason }) => `${subject} of ${origin} is ${reason}`,
  );
  throw new AgentError(
    'MESH_ERR_ROOTS_MISSING',
    `no root certificate of the mesh is to be had${setAside.length === 0 ? '' : `: ${setAside.join('; ')}`}`,
    'check the ConfigMap istio-ca-root-cert, key root-cert.pem, or name a file in identity.extraRoots',
  );
}

/** The roots of all bundles, each with every place that named it. */
export function unionOf(bundles: readonly TrustBundle[]): TrustBundle {
  return TrustBundle.of(
    bundles.flatMap(({ roots }) =>
      roots.flatMap(({ certificate, origins, isPublished }) =>
        origins.map((origin) => ({ origin, certificates: [certificate], isPublished })),
      ),
    ),
  );
}

/** The same place, as one whose roots callers are given too. */
export function published(place: ReadRoots): ReadRoots {
  return async (signal) => {
    const text = await place(signal);
    return text === undefined ? undefined : { ...text, isPublished: true };
  };
}

/** @throws AgentError MESH_ERR_ROOTS_INVALID */
export function parseRoots({ origin, pem, isPublished = false }: RootsText): RootSource {
  const certificates = parseCertificatesPem(pem);
  if (certificates.ok && certificates.value.length > 0)
    return { origin, certificates: certificates.value, isPublished };
  throw new AgentError(
    'MESH_ERR_ROOTS_INVALID',
    `the roots in ${origin} cannot be used: ${certificates.ok ? 'it is empty' : certificates.reason}`,
    'put the root certificates of the mesh there, in PEM and nothing else',
  );
}
