import type { KubeClient } from '../../src/kube/client.js';
import type { KubeKind } from '../../src/kube/object.js';

export interface Reviewed {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** Whose token this is, or undefined when it is not good for any of the audiences. */
export type ReviewToken = (token: string, audiences: readonly string[]) => Promise<Reviewed | undefined>;

const tokenReview: KubeKind = {
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenReview',
  plural: 'tokenreviews',
  namespaced: false,
};

/** Asks an API server, as istiod and istio-csr do (istio/istio:security/pkg/k8s/tokenreview/k8sauthn.go). */
export function reviewByKubeApi(kube: KubeClient): ReviewToken {
  return async (token, audiences) => {
    const { status } = await kube.create(tokenReview, {
      apiVersion: tokenReview.apiVersion,
      kind: tokenReview.kind,
      metadata: { name: 'review' },
      spec: { token, audiences },
    });
    const { authenticated, user } = status as {
      authenticated?: boolean;
      user?: { username: string; groups: readonly string[] };
    };
    if (authenticated !== true || user?.groups.includes('system:serviceaccounts') !== true) return undefined;
    const [, , namespace, serviceAccount] = user.username.split(':');
    return namespace === undefined || serviceAccount === undefined
      ? undefined
      : { namespace, serviceAccount };
  };
}
