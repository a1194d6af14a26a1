import type { Clock } from '../clock.js';
import { Secret } from '../secret.js';
import type { TrustBundle } from '../spiffe/trust-bundle.js';
import { assembleSvid } from './assemble-svid.js';
import type { FetchedSvid, IdentitySource, SvidRequest } from './identity-source.js';
import type { MeshRoots } from './mesh-roots.js';
import { readNamedFile, readSteadily } from './steady-file.js';
import { fillIn, parseSvidPem } from './svid-pem.js';
import type { ParsedSvidPem } from './svid-pem.js';

interface FileSourceOptions {
  /** Paths; may have `{namespace}` and `{serviceAccount}` in them. */
  readonly certificate: string;
  readonly key: string;
  readonly readPassphrase: (signal: AbortSignal) => Promise<Secret | undefined>;
  readonly roots: MeshRoots;
  readonly clock: Clock;
}

/**
 * Takes SVIDs from files that somebody else renews: spiffe-helper, csi-driver-spiffe, a mounted secret.
 *
 * Such files are replaced one after the other, so that certificate and key of two generations can be read together;
 * they are read again until they belong together.
 */
export class FileSource implements IdentitySource {
  readonly name = 'files';
  readonly canImpersonate = false;
  readonly mintsKeys = false;
  readonly #options: FileSourceOptions;

  constructor(options: FileSourceOptions) {
    this.#options = options;
  }

  async fetchSvid({ spiffeId }: SvidRequest, signal: AbortSignal): Promise<FetchedSvid> {
    const { certificate, key, roots, clock } = this.#options;
    const paths = { certificate: fillIn(certificate, spiffeId), key: fillIn(key, spiffeId) };
    const parsed = await readSteadily(() => this.#readPair(paths, signal), clock, signal);
    return assembleSvid(spiffeId, { ...parsed, trustBundle: await roots.read(signal) }, clock.now());
  }

  fetchTrustBundle(signal: AbortSignal): Promise<TrustBundle> {
    return this.#options.roots.read(signal);
  }

  async #readPair(
    paths: { readonly certificate: string; readonly key: string },
    signal: AbortSignal,
  ): Promise<ParsedSvidPem> {
    const read = (setting: 'certificate' | 'key'): Promise<string> => {
      const file = { path: paths[setting], setting: `identity.files.${setting}` };
      return readNamedFile({ ...file, code: 'MESH_ERR_SVID_MISSING' }, signal);
    };
    return parseSvidPem({
      certificate: { place: paths.certificate, text: await read('certificate') },
      key: { place: paths.key, text: new Secret(await read('key')) },
      passphrase: await this.#options.readPassphrase(signal),
    });
  }
}
