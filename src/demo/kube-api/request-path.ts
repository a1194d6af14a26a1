/** What a request's path means. */
export type Route = DiscoveryRoute | ResourceRoute | { readonly kind: 'plain'; readonly path: string };

export type DiscoveryRoute =
  | { readonly kind: 'core' }
  | { readonly kind: 'groups' }
  | { readonly kind: 'group'; readonly group: string }
  | { readonly kind: 'resources'; readonly group: string; readonly version: string };

export interface ResourceRoute {
  readonly kind: 'resource';
  readonly group: string;
  readonly version: string;
  /** Empty: all namespaces, or a cluster-wide kind. */
  readonly namespace: string;
  readonly plural: string;
  /** Empty: the collection. */
  readonly name: string;
  /** Empty: the object itself. */
  readonly subresource: string;
}

/** Source: k8s.io/apiserver, pkg/endpoints/request/requestinfo.go. */
export function parsePath(path: string): Route {
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
  const [root, ...rest] = parts;
  if (root === 'api') {
    const [version, ...below] = rest;
    if (version === undefined) return { kind: 'core' };
    return resourceRoute('', version, below);
  }
  if (root === 'apis') {
    const [group, version, ...below] = rest;
    if (group === undefined) return { kind: 'groups' };
    if (version === undefined) return { kind: 'group', group };
    return resourceRoute(group, version, below);
  }
  return { kind: 'plain', path };
}

function resourceRoute(group: string, version: string, parts: readonly string[]): Route {
  const [first, second, third] = parts;
  if (first === undefined) return { kind: 'resources', group, version };
  const ofNamespace =
    first === 'namespaces' && third !== undefined && third !== 'status' && third !== 'finalize';
  const [plural = '', name = '', subresource = ''] = ofNamespace ? parts.slice(2) : parts;
  return {
    kind: 'resource',
    group,
    version,
    namespace: ofNamespace ? (second ?? '') : '',
    plural,
    name,
    subresource,
  };
}
