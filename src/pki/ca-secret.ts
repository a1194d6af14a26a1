import type { KeyObject, X509Certificate } from 'node:crypto';

import { AgentError } from '../errors.js';
import { Secret } from '../secret.js';
import { parseCertificatesPem, parsePrivateKeyPem } from './pem.js';

/** A Kubernetes secret that may hold the mesh CA. */
export interface CaSecret {
  readonly namespace: string;
  readonly name: string;
  /** The values as bytes, not in base64. */
  readonly data: Secret<Readonly<Record<string, Buffer>>>;
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

/** What a CA secret holds: read, not yet checked. */
export interface CaSecretContent {
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
 * Reads a CA secret in any layout that istiod reads.
 *
 * @throws AgentError MESH_ERR_CA_SECRET_INCOMPLETE or MESH_ERR_CA_SECRET_INVALID, which names the secret and its key.
 */
export function parseCaSecret(secret: CaSecret): CaSecretContent {
  const data = secret.data.reveal();
  const layout =
    tlsLayout.certificate in data && !(istioLayout.certificate in data) ? tlsLayout : istioLayout;
  const certificates = (key: string): X509Certificate[] => {
    const parsed = parseCertificatesPem(data[key]?.toString('latin1') ?? '');
    if (!parsed.ok) throw invalid(secret, key, parsed.reason);
    return parsed.value;
  };
  const [certificate, ...rest] = certificates(layout.certificate);
  if (certificate === undefined) throw incomplete(secret, layout.certificate);
  const privateKey = data[layout.privateKey];
  if (privateKey === undefined || privateKey.length === 0) throw incomplete(secret, layout.privateKey);
  const parsedKey = parsePrivateKeyPem(new Secret(privateKey.toString('latin1')));
  if (!parsedKey.ok) throw invalid(secret, layout.privateKey, parsedKey.reason);
  const chain = layout.chain === undefined ? [] : certificates(layout.chain);
  const roots = certificates(layout.roots);
  if (roots.length === 0) throw incomplete(secret, layout.roots);
  return {
    layout,
    certificate,
    privateKey: parsedKey.value,
    intermediates: [...rest, ...chain, ...roots],
    roots,
  };
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
    'put unencrypted PEM there, as istiod reads it',
  );
}
