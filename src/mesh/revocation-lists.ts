import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { configMapData } from '../kube/object-data.js';

/** The CRLs that the mesh publishes, and where they were read. */
export interface PublishedRevocationLists {
  /** `ConfigMap istio-system/istio-ca-crl, key ca-crl.pem` */
  readonly origin: string;
  /** PEM, as it is; empty where the ConfigMap is there and says nothing. */
  readonly pem: string;
}

const name = 'istio-ca-crl';
const key = 'ca-crl.pem';

/**
 * Reads the CRLs of the plugged-in CA, which istiod writes into this ConfigMap of every namespace, that of its own too
 * (PILOT_ENABLE_CA_CRL; I:pilot/pkg/serviceregistry/kube/controller/namespacecontroller.go). Without a CRL it writes an
 * empty text.
 *
 * @returns undefined only when the ConfigMap is known not to exist.
 * @throws AgentError MESH_ERR_KUBE_* when it cannot be read.
 */
export async function readPublishedRevocationLists(
  kube: Pick<KubeClient, 'get'>,
  namespace: string,
  signal?: AbortSignal,
): Promise<PublishedRevocationLists | undefined> {
  const configMap = await kube.get({ kind: kinds.configMap, namespace, name }, { signal });
  if (configMap === undefined) return undefined;
  const pem = configMapData(configMap).get(key) ?? '';
  return { origin: `ConfigMap ${namespace}/${name}, key ${key}`, pem: pem.trim() === '' ? '' : pem };
}
