import type { Clock } from '../clock.js';
import { parseCertificatesPem } from '../pki/pem.js';
import { Secret } from '../secret.js';
import type { TrustBundle } from '../spiffe/trust-bundle.js';
import { assembleSvid } from './assemble-svid.js';
import type { FetchedSvid, IdentitySource, SvidRequest } from './identity-source.js';
import type { MeshRoots } from './mesh-roots.js';
import { fillIn, parseSvidPem, svidMissing } from './svid-pem.js';

/** A Kubernetes secret with an SVID. */
export interface SvidSecret {
  /** The values as bytes, not in base64. */
  readonly data: Secret<Readonly<Record<string, Buffer>>>;
  /** For an encrypted key. */
  readonly passphrase?: Secret | undefined;
}

interface SecretSourceOptions {
  /** Of the secret, in the namespace of the identity; may have `{namespace}` and `{serviceAccount}` in it. */
  readonly name: string;
  /** Undefined means that the secret is known not to exist; what cannot be read throws. */
  readonly readSecret: (
    ref: { readonly namespace: string; readonly name: string },
    signal: AbortSignal,
  ) => Promise<SvidSecret | undefined>;
  readonly roots: MeshRoots;
  readonly clock: Clock;
}

/** Which keys of the secret hold what; the certificate's is followed by its chain, the last one may be missing. */
interface SvidSecretLayout {
  readonly certificate: string;
  readonly privateKey: string;
  readonly issuers: string;
}

/** Type kubernetes.io/tls, as cert-manager writes it. */
const tlsLayout: SvidSecretLayout = { certificate: 'tls.crt', privateKey: 'tls.key', issuers: 'ca.crt' };
/** Type istio.io/key-and-cert, as Citadel wrote it up to Istio 1.5 (security/pkg/k8s/controller/workloadsecret.go). */
const citadelLayout: SvidSecretLayout = {
  certificate: 'cert-chain.pem',
  privateKey: 'key.pem',
  issuers: 'root-cert.pem',
};

/**
 * Takes SVIDs from Kubernetes secrets that somebody else renews, and reads them each time.
 *
 * The secret's own `ca.crt` helps to find the chain and is no root: it may be missing or an intermediate, and whoever
 * may write a workload's secret may not say whom the device trusts.
 */
export class SecretSource implements IdentitySource {
  readonly name = 'secret';
  readonly canImpersonate = false;
  readonly mintsKeys = false;
  readonly #options: SecretSourceOptions;

  constructor(options: SecretSourceOptions) {
    this.#options = options;
  }

  async fetchSvid({ spiffeId }: SvidRequest, signal: AbortSignal): Promise<FetchedSvid> {
    const { roots, clock } = this.#options;
    const namespace = spiffeId.namespace ?? '';
    const name = fillIn(this.#options.name, spiffeId);
    const place = `the secret ${namespace}/${name}`;
    const secret = await this.#options.readSecret({ namespace, name }, signal);
    if (secret === undefined) {
      throw svidMissing(
        `${place} does not exist`,
        `let cert-manager or its like issue a certificate for ${spiffeId.text} into it, or mend identity.secret.name`,
      );
    }
    const data = secret.data.reveal();
    const { certificate, privateKey, issuers } =
      tlsLayout.certificate in data || !(citadelLayout.certificate in data) ? tlsLayout : citadelLayout;
    const textOf = (key: string): string => data[key]?.toString('latin1') ?? '';
    const parsed = parseSvidPem({
      certificate: { place: `${certificate} of ${place}`, text: textOf(certificate) },
      key: { place: `${privateKey} of ${place}`, text: new Secret(textOf(privateKey)) },
      passphrase: secret.passphrase,
    });
    const further = parseCertificatesPem(textOf(issuers));
    const others = [...parsed.others, ...(further.ok ? further.value : [])];
    return assembleSvid(spiffeId, { ...parsed, others, trustBundle: await roots.read(signal) }, clock.now());
  }

  fetchTrustBundle(signal: AbortSignal): Promise<TrustBundle> {
    return this.#options.roots.read(signal);
  }
}
