import { ApiError, badRequest, invalid, unknownPath } from './api-error.js';
import { listObjects, selection } from './collection.js';
import { isJsonObject, objectAt, stringAt } from './json.js';
import { nameOf } from './object-identity.js';
import { isAllowed, refusalText } from './rbac.js';
import type { Preconditions, Target } from './registry.js';
import { mediaType, readBody, readObject } from './request-body.js';
import type { ResourceRoute } from './request-path.js';
import type { Answer, Exchange, ServerState } from './request-routing.js';
import type { Resource } from './resource.js';
import { createToken } from './reviews.js';
import { selectedName } from './selectors.js';
import type { User } from './users.js';
import { streamWatch } from './watch-stream.js';

const applyType = 'application/apply-patch+yaml';

/** Answers a request for objects of a kind. */
export async function answerResource(
  exchange: Exchange,
  route: ResourceRoute,
  user: User,
): Promise<Answer | 'streamed'> {
  const { request, url, state } = exchange;
  const resource = findResource(route, state);
  const verb = verbOf(request.method ?? '', route, url.searchParams);
  authorize(verb, route, url.searchParams, user, state);
  if (route.name === '') return answerCollection(exchange, route, resource, verb);

  const target = targetOf(exchange, route, resource);
  const { registry } = state;
  switch (verb) {
    case 'get':
      return { code: 200, body: registry.get(target) };
    case 'update':
      return { code: 200, body: registry.update(target, await readObject(request)).object };
    case 'patch':
      return answerPatch(exchange, route, target, user);
    case 'delete':
      return { code: 200, body: registry.remove(target, preconditionsOf(await readBody(request))) };
    case 'create':
      if (route.plural !== 'serviceaccounts' || route.subresource !== 'token') break;
      return { code: 201, body: createToken(registry.get(target), await readObject(request), state.users) };
  }
  throw methodNotAllowed();
}

async function answerCollection(
  exchange: Exchange,
  route: ResourceRoute,
  resource: Resource,
  verb: string,
): Promise<Answer | 'streamed'> {
  const { request, response, url, state } = exchange;
  const { version, namespace } = route;
  const query = url.searchParams;
  switch (verb) {
    case 'list':
      return { code: 200, body: listObjects(state.store, resource, version, namespace, query) };
    case 'watch':
      if (query.get('sendInitialEvents') !== null) throw initialEventsRefused(resource);
      await streamWatch(
        response,
        { resource, version, namespace, query },
        { store: state.store, clock: state.clock, signal: state.watches },
      );
      return 'streamed';
    case 'create': {
      if (resource.namespaced && namespace === '') throw methodNotAllowed();
      const body = await readObject(request);
      const name = stringAt(objectAt(body, 'metadata'), 'name') ?? '';
      const target = targetOf(exchange, { ...route, name }, resource);
      return { code: 201, body: state.registry.create(target, body).object };
    }
    case 'deletecollection': {
      const items = state.store.all(resource).filter(selection(namespace, query));
      for (const item of items) {
        const own = stringAt(objectAt(item, 'metadata'), 'namespace') ?? '';
        const target = { ...targetOf(exchange, route, resource), namespace: own, name: nameOf(item) };
        state.registry.remove(target, {});
      }
      return { code: 200, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' } };
    }
  }
  throw methodNotAllowed();
}

async function answerPatch(
  { request, url, state }: Exchange,
  route: ResourceRoute,
  target: Target,
  user: User,
): Promise<Answer> {
  const { registry } = state;
  const contentType = mediaType(request);
  const body = await readBody(request);
  if (contentType !== applyType) {
    return { code: 200, body: registry.patch(target, contentType, body).object };
  }
  if (!isJsonObject(body)) throw badRequest('the body of the request is not an object');
  if (url.searchParams.get('fieldManager') === null) {
    throw new ApiError(
      422,
      'Invalid',
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    );
  }
  // Apply may create, which wants a permission of its own.
  if (!registry.exists(target)) authorize('create', route, url.searchParams, user, state);
  const { object, created } = registry.apply(target, body, url.searchParams.get('force') === 'true');
  return { code: created ? 201 : 200, body: object };
}

function findResource(route: ResourceRoute, state: ServerState): Resource {
  const resource = state.resources.find(route.group, route.version, route.plural);
  if (resource === undefined) throw unknownPath();
  if (route.namespace !== '' && !resource.namespaced) throw unknownPath();
  if (route.name !== '' && resource.namespaced && route.namespace === '') throw unknownPath();
  const known =
    route.subresource === '' ||
    (route.subresource === 'status' && resource.statusSubresource) ||
    (route.subresource === 'token' && resource.plural === 'serviceaccounts');
  if (!known) throw unknownPath();
  return resource;
}

function targetOf({ request, url }: Exchange, route: ResourceRoute, resource: Resource): Target {
  const agent = (request.headers['user-agent'] ?? 'unknown').split('/')[0] ?? 'unknown';
  return {
    resource,
    version: route.version,
    namespace: route.namespace,
    name: route.name,
    subresource: route.subresource === 'status' ? 'status' : undefined,
    fieldManager: url.searchParams.get('fieldManager') ?? agent,
    dryRun: url.searchParams.get('dryRun') === 'All',
  };
}

/** Source: k8s.io/apiserver, pkg/endpoints/request/requestinfo.go. */
function verbOf(method: string, route: ResourceRoute, query: URLSearchParams): string {
  const collection = route.name === '';
  switch (method) {
    case 'GET':
      if (!collection) return 'get';
      return ['true', '1'].includes(query.get('watch') ?? '') ? 'watch' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return collection ? 'deletecollection' : 'delete';
    default:
      throw methodNotAllowed();
  }
}

function authorize(
  verb: string,
  route: ResourceRoute,
  query: URLSearchParams,
  user: User,
  state: ServerState,
): void {
  const { group, plural, namespace, subresource } = route;
  const action = {
    verb,
    group,
    resource: subresource === '' ? plural : `${plural}/${subresource}`,
    namespace: group === '' && plural === 'namespaces' && namespace === '' ? route.name : namespace,
    name: route.name || (selectedName(query.get('fieldSelector') ?? '') ?? ''),
  };
  const allowed = isAllowed(user, action, state.store, state.resources);
  if (!user.groups.includes('system:masters')) state.onAction({ ...action, user: user.name, allowed });
  if (allowed) return;
  throw new ApiError(403, 'Forbidden', refusalText(user, action), {
    ...(action.name === '' ? {} : { name: action.name }),
    ...(group === '' ? {} : { group }),
    kind: plural,
  });
}

function preconditionsOf(body: unknown): Preconditions {
  const preconditions = isJsonObject(body) ? objectAt(body, 'preconditions') : {};
  return {
    uid: stringAt(preconditions, 'uid'),
    resourceVersion: stringAt(preconditions, 'resourceVersion'),
  };
}

function methodNotAllowed(): ApiError {
  return new ApiError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
  );
}

/** As servers answer that do not have the WatchList feature; clients then list and watch. */
function initialEventsRefused(resource: Resource): ApiError {
  return invalid(resource, '', [
    {
      reason: 'FieldValueForbidden',
      field: 'sendInitialEvents',
      message:
        'Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled',
    },
  ]);
}
