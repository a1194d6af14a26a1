import type { KubeClient } from '../../src/kube/client.js';
import { kinds } from '../../src/kube/kinds.js';
import type { Svid } from '../../src/spiffe/svid.js';

/** What a test changes about a Secret that would be a good one. */
export interface SvidSecretParts {
  readonly certificate?: string;
  readonly key?: string;
}

/** Writes a kubernetes.io/tls Secret in `default`, as cert-manager does, whether it is there or not. */
export async function putSvidSecret(
  kube: KubeClient,
  name: string,
  svid: Svid,
  parts: SvidSecretParts = {},
): Promise<void> {
  const live = await kube.get({ kind: kinds.secret, namespace: 'default', name });
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: live?.metadata ?? { namespace: 'default', name },
    data: {
      'tls.crt': base64(parts.certificate ?? svid.renderLeafPem() + svid.renderChainPem()),
      'tls.key': base64(parts.key ?? svid.renderKeyPem().reveal()),
    },
  };
  await (live === undefined ? kube.create(kinds.secret, secret) : kube.replace(kinds.secret, secret));
}
