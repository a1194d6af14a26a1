import { unknownPath } from './api-error.js';
import type { JsonObject } from './json.js';
import { apiVersionOf } from './resource.js';
import type { Resource } from './resource.js';
import type { ResourceTable } from './resource-table.js';

/**
 * As much of OpenAPI v3 as kubectl asks for before it writes: that PATCH and POST take `fieldValidation`, which
 * leaves validation to the server.
 */
export function openApi(path: string, resources: ResourceTable): JsonObject {
  const groupVersions = resources
    .groups()
    .flatMap(([group, versions]) => versions.map((version) => ({ group, version })));
  if (path === '/openapi/v3') {
    const paths = groupVersions.map((gv) => [
      rootOf(gv.group, gv.version),
      { serverRelativeURL: `/openapi/v3/${rootOf(gv.group, gv.version)}` },
    ]);
    return { paths: Object.fromEntries(paths) as JsonObject };
  }
  const found = groupVersions.find((gv) => path === `/openapi/v3/${rootOf(gv.group, gv.version)}`);
  if (found === undefined) throw unknownPath();
  return document(found.group, found.version, resources);
}

function document(group: string, version: string, resources: ResourceTable): JsonObject {
  const served = resources
    .all()
    .filter((resource) => resource.group === group && resource.versions.includes(version));
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.32.0' },
    paths: Object.fromEntries(
      served.map((resource) => [objectPath(resource, version), { patch: operation(resource, version) }]),
    ),
  };
}

function operation(resource: Resource, version: string): JsonObject {
  return {
    'x-kubernetes-action': 'patch',
    'x-kubernetes-group-version-kind': { group: resource.group, version, kind: resource.kind },
    parameters: ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map((name) => ({
      name,
      in: 'query',
      schema: { type: name === 'force' ? 'boolean' : 'string' },
    })),
    responses: { 200: { description: 'OK' } },
  };
}

function objectPath(resource: Resource, version: string): string {
  const scope = resource.namespaced ? 'namespaces/{namespace}/' : '';
  return `/${rootOf(resource.group, version)}/${scope}${resource.plural}/{name}`;
}

function rootOf(group: string, version: string): string {
  return `${group === '' ? 'api' : 'apis'}/${apiVersionOf({ group }, version)}`;
}
