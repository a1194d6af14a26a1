import { isJsonObject, objectAt, stringAt } from './json.js';
import type { Json, JsonObject } from './json.js';
import type { ResourceTable } from './resource-table.js';
import type { Store } from './store.js';
import type { User } from './users.js';

/** What a user wants to do, as RBAC rules speak of it. */
export interface Action {
  readonly verb: string;
  readonly group: string;
  /** `workloadentries`, or `workloadentries/status` */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

/** What somebody wanted to do, and whether the rules let him. */
export interface JudgedAction extends Action {
  readonly user: string;
  readonly allowed: boolean;
}

const rbacGroup = 'rbac.authorization.k8s.io';

/**
 * Whether the Roles and bindings that are stored now let the user do it; `system:masters` may do all.
 *
 * Source: k8s.io/kubernetes, plugin/pkg/auth/authorizer/rbac.
 */
export function isAllowed(user: User, action: Action, store: Store, resources: ResourceTable): boolean {
  if (user.groups.includes('system:masters')) return true;
  const all = (plural: string): JsonObject[] => {
    const resource = resources.find(rbacGroup, 'v1', plural);
    return resource === undefined ? [] : store.all(resource);
  };
  const bindings = [
    ...all('clusterrolebindings'),
    ...all('rolebindings').filter((binding) => namespaceOf(binding) === action.namespace),
  ];
  return bindings
    .filter((binding) => hasSubject(binding, user))
    .flatMap((binding) => rulesOf(binding, all))
    .some((rule) => ruleAllows(rule, action));
}

/** The text of the refusal, as the API server words it. */
export function refusalText(user: User, action: Action): string {
  const qualified = action.group === '' ? action.resource : `${action.resource}.${action.group}`;
  const object = action.name === '' ? '' : ` "${action.name}"`;
  const scope = action.namespace === '' ? 'at the cluster scope' : `in the namespace "${action.namespace}"`;
  return (
    `${qualified}${object} is forbidden: User "${user.name}" cannot ${action.verb} resource ` +
    `"${action.resource}" in API group "${action.group}" ${scope}`
  );
}

function hasSubject(binding: JsonObject, user: User): boolean {
  return objectsAt(binding['subjects']).some((subject) => {
    const name = stringAt(subject, 'name') ?? '';
    switch (stringAt(subject, 'kind') ?? '') {
      case 'User':
        return name === user.name;
      case 'Group':
        return user.groups.includes(name);
      case 'ServiceAccount':
        return user.name === `system:serviceaccount:${stringAt(subject, 'namespace') ?? ''}:${name}`;
      default:
        return false;
    }
  });
}

function rulesOf(binding: JsonObject, all: (plural: string) => JsonObject[]): JsonObject[] {
  const reference = objectAt(binding, 'roleRef');
  const clusterWide = reference['kind'] === 'ClusterRole';
  const role = all(clusterWide ? 'clusterroles' : 'roles').find(
    (candidate) =>
      objectAt(candidate, 'metadata')['name'] === reference['name'] &&
      (clusterWide || namespaceOf(candidate) === namespaceOf(binding)),
  );
  return objectsAt(role?.['rules']);
}

function ruleAllows(rule: JsonObject, action: Action): boolean {
  const names = stringsAt(rule['resourceNames']);
  return (
    covers(rule['verbs'], action.verb) &&
    covers(rule['apiGroups'], action.group) &&
    covers(rule['resources'], action.resource) &&
    (names.length === 0 || names.includes(action.name))
  );
}

function covers(listed: Json | undefined, wanted: string): boolean {
  const values = stringsAt(listed);
  return values.includes('*') || values.includes(wanted);
}

function namespaceOf(object: JsonObject): string {
  return stringAt(objectAt(object, 'metadata'), 'namespace') ?? '';
}

function objectsAt(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function stringsAt(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}
