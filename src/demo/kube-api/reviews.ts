import { ApiError, unknownPath } from './api-error.js';
import { objectAt, stringAt } from './json.js';
import type { Json, JsonObject } from './json.js';
import { isAllowed } from './rbac.js';
import { readObject } from './request-body.js';
import type { ResourceRoute } from './request-path.js';
import type { Exchange } from './request-routing.js';
import { apiAudience } from './users.js';
import type { User, Users } from './users.js';

const tokenReviews = 'tokenreviews.authentication.k8s.io';
const selfReviews = 'selfsubjectaccessreviews.authorization.k8s.io';

/** Questions that are asked by creating an object which is never stored. */
export function isReview({ plural, group }: ResourceRoute): boolean {
  const resource = `${plural}.${group}`;
  return resource === tokenReviews || resource === selfReviews;
}

export async function answerReview(
  { request, state }: Exchange,
  route: ResourceRoute,
  user: User,
): Promise<JsonObject> {
  if (request.method !== 'POST') throw unknownPath();
  const body = await readObject(request);
  const spec = objectAt(body, 'spec');
  if (`${route.plural}.${route.group}` === tokenReviews) {
    return { ...body, status: tokenStatus(spec, state.users) };
  }
  const attributes = objectAt(spec, 'resourceAttributes');
  const part = (field: string): string => stringAt(attributes, field) ?? '';
  const resource =
    part('subresource') === '' ? part('resource') : `${part('resource')}/${part('subresource')}`;
  const action = {
    verb: part('verb'),
    group: part('group'),
    resource,
    namespace: part('namespace'),
    name: part('name'),
  };
  return { ...body, status: { allowed: isAllowed(user, action, state.store, state.resources) } };
}

/** Source: k8s.io/kubernetes, pkg/apis/authentication/validation. */
const shortestSeconds = 600;

/** TokenRequest: a token of the service account, for the audiences and the time that were asked for. */
export function createToken(serviceAccount: JsonObject, body: JsonObject, users: Users): JsonObject {
  const metadata = objectAt(serviceAccount, 'metadata');
  const spec = objectAt(body, 'spec');
  const lifetimeSeconds = Number(spec['expirationSeconds'] ?? 3600);
  const account = {
    namespace: stringAt(metadata, 'namespace') ?? '',
    name: stringAt(metadata, 'name') ?? '',
    uid: stringAt(metadata, 'uid') ?? '',
  };
  if (lifetimeSeconds < shortestSeconds) {
    throw new ApiError(
      422,
      'Invalid',
      `TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: ${lifetimeSeconds}: ` +
        'may not specify a duration less than 10 minutes',
    );
  }
  const { token, expiresAt } = users.issue(account, stringsAt(spec['audiences']), lifetimeSeconds);
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name: account.name, namespace: account.namespace },
    spec: { ...spec, expirationSeconds: lifetimeSeconds },
    status: { token, expirationTimestamp: expiresAt.toISOString().replace(/\.\d+Z$/, 'Z') },
  };
}

function tokenStatus(spec: JsonObject, users: Users): JsonObject {
  const asked = stringsAt(spec['audiences']);
  const audiences = asked.length === 0 ? [apiAudience] : asked;
  const review = users.review(stringAt(spec, 'token') ?? '', audiences);
  if (review === undefined) return { authenticated: false, error: 'invalid bearer token' };
  const { name, groups } = review.user;
  return {
    authenticated: true,
    user: { username: name, groups: [...groups] },
    audiences: [...review.audiences],
  };
}

function stringsAt(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}
