import { unknownPath } from './api-error.js';
import type { JsonObject } from './json.js';
import type { DiscoveryRoute } from './request-path.js';
import { apiVersionOf } from './resource.js';
import type { Resource } from './resource.js';
import type { ResourceTable } from './resource-table.js';

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** What `kubectl get all` shows. */
const inAll = new Set(['pods', 'services', 'deployments']);

/** What is served, as clients ask before anything else. */
export function discover(route: DiscoveryRoute, resources: ResourceTable): JsonObject {
  if (route.kind === 'groups') return groupList(resources);
  if (route.kind === 'group') return oneGroup(route.group, resources);
  if (route.kind === 'resources') return resourceList(route.group, route.version, resources);
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
}

function groupList(resources: ResourceTable): JsonObject {
  const groups = resources.groups().filter(([group]) => group !== '');
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: groups.map(([group, versions]) => apiGroup(group, versions)),
  };
}

function oneGroup(group: string, resources: ResourceTable): JsonObject {
  const [, versions] = resources.groups().find(([name]) => name === group) ?? [];
  if (versions === undefined) throw unknownPath();
  return { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(group, versions) };
}

function apiGroup(group: string, versions: readonly string[]): JsonObject {
  const entries = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: entries, preferredVersion: entries[0] };
}

function resourceList(group: string, version: string, resources: ResourceTable): JsonObject {
  const served = resources
    .all()
    .filter((resource) => resource.group === group && resource.versions.includes(version));
  if (served.length === 0) throw unknownPath();
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf({ group }, version),
    resources: served.flatMap(apiResources),
  };
}

function apiResources(resource: Resource): JsonObject[] {
  const { plural, kind, namespaced, shortNames } = resource;
  const base = { singularName: '', namespaced, kind };
  return [
    {
      ...base,
      name: plural,
      singularName: kind.toLowerCase(),
      shortNames: [...shortNames],
      categories: inAll.has(plural) ? ['all'] : [],
      verbs,
    },
    ...(resource.statusSubresource
      ? [{ ...base, name: `${plural}/status`, verbs: ['get', 'patch', 'update'] }]
      : []),
    ...(plural === 'serviceaccounts'
      ? [{ ...base, name: 'serviceaccounts/token', kind: 'TokenRequest', verbs: ['create'] }]
      : []),
  ];
}
