import type { KubeObject } from '../kube/object.js';
import { needAll } from './datum.js';
import type { ClusterFacts } from './facts.js';
import { annotationsOf, labelsOf, namespaceOf, records, specOf, textAt } from './fields.js';

/** Whom an allowlist names in this cluster. */
export interface NamedCallers {
  /** `*` stands for every service account of the namespace. */
  readonly accounts: ReadonlyArray<{ readonly namespace: string; readonly serviceAccount: string }>;
  /** An entry names every namespace of the mesh. */
  readonly everybody: boolean;
}

/** @param entries texts of allow entries: `spiffe://TD/ns/NS/sa/SA`, `.../sa/*`, `spiffe://TD/ns/*` */
export function namedCallers(entries: readonly string[], trustDomains: readonly string[]): NamedCallers {
  const own = entries.filter((text) => trustDomains.some((domain) => text.startsWith(`spiffe://${domain}/`)));
  return {
    accounts: own.flatMap((text) => {
      const match = /^spiffe:\/\/[^/]+\/ns\/([^/*]+)\/sa\/([^/]+)$/.exec(text);
      return match === null ? [] : [{ namespace: match[1] ?? '', serviceAccount: match[2] ?? '' }];
    }),
    everybody: own.some((text) => /^spiffe:\/\/[^/]+\/ns\/\*$/.test(text)),
  };
}

/** Namespaces that callers run in, sorted. @throws UnknownFact */
export function callerNamespaces(callers: NamedCallers, cluster: ClusterFacts): readonly string[] {
  const named = callers.accounts.map(({ namespace }) => namespace);
  const all = callers.everybody ? meshedNamespaces(cluster) : [];
  return [...new Set([...named, ...all])].toSorted();
}

/** Pods that run as a caller and have not ended. @throws UnknownFact */
export function callerPods(callers: NamedCallers, cluster: ClusterFacts): readonly KubeObject[] {
  const meshed = callers.everybody ? new Set(meshedNamespaces(cluster)) : new Set<string>();
  return needAll(cluster.pods).filter(
    (pod) =>
      isLive(pod) &&
      (meshed.has(namespaceOf(pod)) ||
        callers.accounts.some(
          ({ namespace, serviceAccount }) =>
            namespace === namespaceOf(pod) &&
            (serviceAccount === '*' || serviceAccount === serviceAccountOf(pod)),
        )),
  );
}

export function isLive(pod: KubeObject): boolean {
  const phase = textAt((pod['status'] ?? {}) as Record<string, unknown>, 'phase');
  return phase !== 'Succeeded' && phase !== 'Failed';
}

export function serviceAccountOf(pod: KubeObject): string {
  return textAt(specOf(pod), 'serviceAccountName') ?? 'default';
}

/** Native sidecars stand among the init containers. */
export function hasSidecar(pod: KubeObject): boolean {
  const spec = specOf(pod);
  return [...records(spec['containers']), ...records(spec['initContainers'])].some(
    ({ name }) => name === 'istio-proxy',
  );
}

/** Whether ztunnel takes the pod's traffic. */
export function isAmbient(pod: KubeObject, namespace: KubeObject | undefined): boolean {
  if (hasSidecar(pod)) return false;
  if (annotationsOf(pod)['ambient.istio.io/redirection'] === 'enabled') return true;
  const own = labelsOf(pod)['istio.io/dataplane-mode'];
  return (own ?? (namespace === undefined ? undefined : modeOf(namespace))) === 'ambient';
}

export function modeOf(namespace: KubeObject): string | undefined {
  return labelsOf(namespace)['istio.io/dataplane-mode'];
}

/** Whether new pods of the namespace get a sidecar (I:pkg/kube/inject). */
export function isInjected(namespace: KubeObject): boolean {
  const labels = labelsOf(namespace);
  const injection = labels['istio-injection'];
  if (injection !== undefined) return injection === 'enabled';
  return labels['istio.io/rev'] !== undefined;
}

/** Namespaces with sidecars, now or for the next pod. @throws UnknownFact */
export function meshedNamespaces(cluster: ClusterFacts): readonly string[] {
  const injected = needAll(cluster.namespaces)
    .filter(isInjected)
    .map(({ metadata }) => metadata.name);
  const inUse = needAll(cluster.pods)
    .filter((pod) => isLive(pod) && hasSidecar(pod))
    .map(namespaceOf);
  return [...new Set([...injected, ...inUse])].toSorted();
}

export function namespaceNamed(cluster: ClusterFacts, name: string): KubeObject | undefined {
  return needAll(cluster.namespaces).find(({ metadata }) => metadata.name === name);
}
