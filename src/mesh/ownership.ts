import type { KubeObject } from '../kube/object.js';

/** The mark of every object that the agent makes in the cluster. */
export function ownerLabels(serviceName: string): Readonly<Record<string, string>> {
  return {
    'app.kubernetes.io/managed-by': 'bigip-mesh-agent',
    'bigip-mesh.io/service': serviceName,
  };
}

/** Whether the agent made this object for this mesh service; only then it may change or delete it. */
export function isOwned(object: KubeObject, serviceName: string): boolean {
  const labels = object.metadata.labels ?? {};
  return Object.entries(ownerLabels(serviceName)).every(([key, value]) => labels[key] === value);
}
