import type { KubeClient } from '../../../src/kube/client.js';
import type { KubeKind, KubeObject } from '../../../src/kube/object.js';
import { kinds } from '../../../src/kube/kinds.js';
import { vetKinds } from '../../../src/vet/read/vet-kinds.js';

/** An object of the cluster, for tests. */
export function object(
  kind: KubeKind,
  name: string,
  content: { readonly metadata?: object; readonly [field: string]: unknown } = {},
): KubeObject {
  const { metadata, ...rest } = content;
  return { apiVersion: kind.apiVersion, kind: kind.kind, ...rest, metadata: { ...metadata, name } };
}

/** A Pod with the containers of that name, as the injector makes it with `istio-proxy`. */
export function pod(
  namespace: string,
  name: string,
  serviceAccountName: string,
  content: object = {},
): KubeObject {
  return object(vetKinds.pods, name, {
    metadata: { namespace, labels: { app: name } },
    spec: {
      serviceAccountName,
      containers: [
        { name: 'app', image: 'app:1' },
        { name: 'istio-proxy', image: 'istio/proxyv2:1.30.3' },
      ],
    },
    ...content,
  });
}

export function istiod(
  name: string,
  revision: string,
  env: ReadonlyArray<{ name: string; value: string }> = [],
): KubeObject {
  return object(vetKinds.deployments, name, {
    metadata: { namespace: 'istio-system', labels: { app: 'istiod', 'istio.io/rev': revision } },
    spec: {
      selector: { matchLabels: { app: 'istiod' } },
      template: {
        metadata: { labels: { app: 'istiod' } },
        spec: { containers: [{ name: 'discovery', image: 'docker.io/istio/pilot:1.30.3', env }] },
      },
    },
  });
}

function definition(plural: string, kind: string): KubeObject {
  const group = 'networking.istio.io';
  return object(kinds.customResourceDefinition, `${plural}.${group}`, {
    spec: {
      group,
      names: { plural, kind },
      scope: 'Namespaced',
      versions: [{ name: 'v1', served: true, storage: true }],
    },
  });
}

/** What a cluster with Istio has besides what the reference scenario needs of it: callers, control plane, policies. */
export function meshObjects(rootPem: string): Array<[KubeKind, KubeObject]> {
  const roots = (namespace: string): [KubeKind, KubeObject] => [
    kinds.configMap,
    object(kinds.configMap, 'istio-ca-root-cert', {
      metadata: { namespace },
      data: { 'root-cert.pem': rootPem },
    }),
  ];
  return [
    roots('default'),
    roots('trusted'),
    [kinds.serviceAccount, object(kinds.serviceAccount, 'sleep', { metadata: { namespace: 'trusted' } })],
    [kinds.pod, pod('trusted', 'sleep', 'sleep')],
    [vetKinds.deployments, istiod('istiod', 'default')],
    [
      kinds.configMap,
      object(kinds.configMap, 'istio-sidecar-injector', {
        metadata: { namespace: 'istio-system' },
        data: { values: '{"global":{"multiCluster":{"clusterName":"Kubernetes"}}}' },
      }),
    ],
    [
      vetKinds.validatingWebhooks,
      object(vetKinds.validatingWebhooks, 'istio-validator-istio-system', { webhooks: [] }),
    ],
    [kinds.customResourceDefinition, definition('workloadentries', 'WorkloadEntry')],
    [kinds.customResourceDefinition, definition('serviceentries', 'ServiceEntry')],
    [kinds.customResourceDefinition, definition('destinationrules', 'DestinationRule')],
    [
      vetKinds.networkPolicies,
      object(vetKinds.networkPolicies, 'device-from-trusted-only', {
        metadata: { namespace: 'default' },
        spec: { podSelector: {}, policyTypes: ['Egress'], egress: [] },
      }),
    ],
  ];
}

/** Makes the scenario's cluster a mesh in which everything is as it should be. */
export async function seedHealthyMesh(kube: KubeClient, rootPem: string): Promise<void> {
  for (const [kind, wanted] of meshObjects(rootPem)) await kube.create(kind, wanted);
  for (const name of ['default', 'trusted']) {
    const namespace = await kube.get({ kind: kinds.namespace, name });
    if (namespace === undefined) throw new Error(`namespace ${name} is part of the scenario`);
    const labels = { ...namespace.metadata.labels, 'istio-injection': 'enabled' };
    await kube.replace(kinds.namespace, { ...namespace, metadata: { ...namespace.metadata, labels } });
  }
}
