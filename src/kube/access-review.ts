import type { ApiCall } from './api-server.js';

/** What a user wants to do, as RBAC rules speak of it. */
export interface ReviewedAction {
  readonly verb: string;
  /** Empty for the core group. */
  readonly group: string;
  /** `workloadentries`, or `workloadentries/status` */
  readonly resource: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

/** The question whether the asking user may do this (SelfSubjectAccessReview of authorization.k8s.io/v1). */
export function accessReviewCall({ verb, group, resource, namespace, name }: ReviewedAction): ApiCall {
  const [plural = '', subresource] = resource.split('/');
  return {
    method: 'POST',
    verb: 'create',
    object: 'selfsubjectaccessreviews',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    contentType: 'application/json',
    body: JSON.stringify({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb, group, resource: plural, subresource, namespace, name } },
    }),
  };
}

/** @returns whether it is allowed; undefined when the answer says neither. */
export function parseAccessReview(body: unknown): boolean | undefined {
  const allowed = (body as { readonly status?: { readonly allowed?: unknown } } | null)?.status?.allowed;
  return typeof allowed === 'boolean' ? allowed : undefined;
}
