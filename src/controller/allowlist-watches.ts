import type { ServiceConfig } from '../config/schema.js';
import type { InformerSelection } from '../kube/informer.js';
import { renderLabelSelector } from '../kube/label-selector.js';
import type { KubeObject } from '../kube/object.js';
import { allowlistSelection } from '../reconcile/read-allowlist.js';

/** One watch on allowlist ConfigMaps, for every service that it concerns. */
interface AllowlistWatch {
  readonly selection: InformerSelection;
  readonly services: readonly ServiceConfig[];
}

/** Of the selector as it stands in a URL; proxies in front of API servers begin to refuse at 8 KiB. */
const longestSelector = 4000;

/**
 * The watches that a set of services needs: one for each namespace and label key, however many services there are,
 * because a watch is a connection to the API server. What it brings is matched with the services by `isAllowlistOf`.
 */
export function allowlistWatches(services: readonly ServiceConfig[]): AllowlistWatch[] {
  const groups = new Map<string, { key: string; namespace: string; services: ServiceConfig[] }>();
  for (const service of services) {
    const { namespace } = allowlistSelection(service);
    const [key = ''] = Object.keys(service.allowlist.selector.matchLabels).sort();
    const group = groups.get(`${namespace} ${key}`) ?? { key, namespace, services: [] };
    group.services.push(service);
    groups.set(`${namespace} ${key}`, group);
  }
  return [...groups.values()].map((group) => ({
    services: group.services,
    selection: { namespace: group.namespace, labelSelector: unitedSelector(group.key, group.services) },
  }));
}

/** Whether a ConfigMap of the service's namespace is one of its allowlists. */
export function isAllowlistOf({ metadata }: KubeObject, { allowlist }: ServiceConfig): boolean {
  const labels = metadata.labels ?? {};
  return Object.entries(allowlist.selector.matchLabels).every(([key, value]) => labels[key] === value);
}

/** Selects what any of the services selects, and as little more as a selector can tell. */
function unitedSelector(key: string, services: readonly ServiceConfig[]): string {
  const selectors = services.map(({ allowlist }) => allowlist.selector.matchLabels);
  const [only, ...others] = new Set(selectors.map(renderLabelSelector));
  if (only !== undefined && others.length === 0) return only;
  const values = [...new Set(selectors.map((labels) => labels[key] ?? ''))].sort();
  const united = `${key} in (${values.join(',')})`;
  return encodeURIComponent(united).length <= longestSelector ? united : key;
}
