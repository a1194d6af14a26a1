import type { KeyObject, X509Certificate } from 'node:crypto';

import { AgentError } from '../errors.js';
import { Secret } from '../secret.js';
import { isSelfSigned } from '../spiffe/trust-bundle.js';
import { parseCertificatesPem, parsePrivateKeyPem } from './pem.js';
import { parsePkcs12 } from './pkcs12.js';

/** A Kubernetes secret that may hold the mesh CA. */
export interface CaSecret {
  readonly namespace: string;
  readonly name: string;
  /** The values as bytes, not in base64. */
  readonly data: Secret<Readonly<Record<string, Buffer>>>;
  /** For an encrypted key or a PKCS#12 file. */
  readonly passphrase?: Secret | undefined;
}

/** Which keys of the secret hold what (istio/istio:security/pkg/pki/ca/ca.go, pilot/pkg/bootstrap/istio_ca.go). */
interface CaSecretLayout {
  readonly certificate: string;
  readonly privateKey: string;
  /** Intermediates; may repeat the certificate, may hold the root, may be empty. */
  readonly chain?: string;
  readonly roots: string;
}

/** `cacerts` as Istio documents it, and `istio-ca-secret`, whose chain is empty. */
const istioLayout: CaSecretLayout = {
  certificate: 'ca-cert.pem',
  privateKey: 'ca-key.pem',
  chain: 'cert-chain.pem',
  roots: 'root-cert.pem',
};
/** `cacerts` of type kubernetes.io/tls, as cert-manager writes it; intermediates follow in `tls.crt`. */
const tlsLayout: CaSecretLayout = { certificate: 'tls.crt', privateKey: 'tls.key', roots: 'ca.crt' };

/** A keystore alone: certificate, key and intermediates are in one PKCS#12 file, the root perhaps beside it. */
const keystoreLayout: CaSecretLayout = {
  certificate: 'keystore.p12',
  privateKey: 'keystore.p12',
  roots: 'root-cert.pem',
};

/** What a CA secret holds: read, not yet checked. */
interface CaSecretContent {
  readonly layout: CaSecretLayout;
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
  /** Everything that may lie between the certificate and a root. */
  readonly intermediates: readonly X509Certificate[];
  /** At least one certificate; whether it is a root is not said. */
  readonly roots: readonly X509Certificate[];
}

/** The secret in a message. */
export function caSecretName({ namespace, name }: CaSecret): string {
  return `the secret ${namespace}/${name}`;
}

/**
 * Reads a CA secret in any layout that istiod reads, and as a PKCS#12 keystore where there is nothing else.
 *
 * @throws AgentError MESH_ERR_CA_SECRET_INCOMPLETE or MESH_ERR_CA_SECRET_INVALID, which names the secret and its key.
 */
export function parseCaSecret(secret: CaSecret): CaSecretContent {
  const data = secret.data.reveal();
  if (istioLayout.certificate in data) return parsePem(secret, istioLayout);
  if (tlsLayout.certificate in data) return parsePem(secret, tlsLayout);
  return keystoreLayout.certificate in data ? parseKeystore(secret) : parsePem(secret, istioLayout);
}

function parsePem(secret: CaSecret, layout: CaSecretLayout): CaSecretContent {
  const [certificate, ...rest] = certificatesUnder(secret, layout.certificate);
  if (certificate === undefined) throw incomplete(secret, layout.certificate);
  const pem = valueUnder(secret, layout.privateKey);
  const parsedKey = parsePrivateKeyPem(new Secret(pem.toString('latin1')), secret.passphrase);
  if (!parsedKey.ok) throw invalid(secret, layout.privateKey, parsedKey.reason);
  const chain = layout.chain === undefined ? [] : certificatesUnder(secret, layout.chain);
  const roots = certificatesUnder(secret, layout.roots);
  if (roots.length === 0) throw incomplete(secret, layout.roots);
  return {
    layout,
    certificate,
    privateKey: parsedKey.value,
    intermediates: [...rest, ...chain, ...roots],
    roots,
  };
}

function parseKeystore(secret: CaSecret): CaSecretContent {
  const keystore = valueUnder(secret, keystoreLayout.certificate);
  const { passphrase } = secret;
  if (passphrase === undefined) throw invalid(secret, keystoreLayout.certificate, 'it is encrypted');
  const parsed = parsePkcs12(new Secret(keystore), passphrase);
  if (!parsed.ok) throw invalid(secret, keystoreLayout.certificate, parsed.reason);
  const { certificate, privateKey, others } = parsed.value;
  const beside = ['root-cert.pem', 'ca.crt'].flatMap((key) => certificatesUnder(secret, key));
  const roots = beside.length > 0 ? beside : [certificate, ...others].filter(isSelfSigned);
  if (roots.length === 0) throw incomplete(secret, keystoreLayout.roots);
  return { layout: keystoreLayout, certificate, privateKey, intermediates: [...others, ...beside], roots };
}

/** None for a key that is missing or empty. */
function certificatesUnder(secret: CaSecret, key: string): X509Certificate[] {
  const parsed = parseCertificatesPem(secret.data.reveal()[key]?.toString('latin1') ?? '');
  if (!parsed.ok) throw invalid(secret, key, parsed.reason);
  return parsed.value;
}

function valueUnder(secret: CaSecret, key: string): Buffer {
  const value = secret.data.reveal()[key];
  if (value === undefined || value.length === 0) throw incomplete(secret, key);
  return value;
}

function incomplete(secret: CaSecret, key: string): AgentError {
  return new AgentError(
    'MESH_ERR_CA_SECRET_INCOMPLETE',
    `${caSecretName(secret)} has nothing under ${key}`,
    'complete the secret; istiod needs the same keys',
  );
}

function invalid(secret: CaSecret, key: string, reason: string): AgentError {
  return new AgentError(
    'MESH_ERR_CA_SECRET_INVALID',
    `${key} of ${caSecretName(secret)} cannot be used: ${reason}`,
    /encrypted|passphrase/.test(reason)
      ? 'name the file with its passphrase in identity.passphraseFile'
      : 'put the CA there in PEM, as istiod reads it',
  );
}
