import type { X509Certificate } from 'node:crypto';
import { parseCertificatesPem } from '../pki/pem.js';
import { need, UnknownFact } from './datum.js';
import type { ClusterFacts } from './facts.js';
import type { MeshConfig } from './mesh-config.js';

/** @returns undefined for a text that holds no certificate, or a broken one */
export function parseRootsPem(pem: string): readonly X509Certificate[] | undefined {
  const parsed = parseCertificatesPem(pem);
  return parsed.ok && parsed.value.length > 0 ? parsed.value : undefined;
}

/**
 * The roots that sidecars of the mesh trust: those that istiod publishes and `meshConfig.caCertificates`.
 *
 * @throws UnknownFact when the first are not known
 */
export function meshRoots(cluster: ClusterFacts, meshConfig: MeshConfig): readonly X509Certificate[] {
  const { rootNamespace, extraRoots } = meshConfig;
  const pem = need(cluster.publishedRoots.get(rootNamespace) ?? { state: 'absent' });
  const published = pem === undefined ? undefined : parseRootsPem(pem);
  if (published === undefined) {
    throw new UnknownFact({ reason: `ConfigMap ${rootNamespace}/istio-ca-root-cert holds no roots` });
  }
  return [...published, ...extraRoots.flatMap((text) => parseRootsPem(text) ?? [])];
}
