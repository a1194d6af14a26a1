/** How an answer goes wrong. Each is what a proxy, a restart or an overload makes of an API server's answers. */
export const answerFaults = [
  'forbidden',
  'not found',
  'expired',
  'internal error',
  'too many requests',
  'unauthorized',
  'not JSON',
  'cut off',
  'another kind, empty',
  'no items',
  'a page of HTML',
  'disconnected',
  'no answer',
  'late',
  'second page expired',
  'second page cut off',
] as const;
export type AnswerFault = (typeof answerFaults)[number];

/** Those that hold until somebody mends them: RBAC, a kind that is not installed, a token, an outage. */
export const lastingFaults = ['forbidden', 'not found', 'unauthorized', 'internal error'] as const;
export type LastingFault = (typeof lastingFaults)[number];

/** Refusals of the API server itself, as it words them. */
export const refusals: Readonly<
  Partial<Record<AnswerFault, { readonly code: number; readonly headers?: Record<string, string> }>>
> = {
  forbidden: statusObject(403, 'Forbidden'),
  'not found': statusObject(404, 'NotFound'),
  expired: statusObject(410, 'Expired'),
  'internal error': statusObject(500, 'InternalError'),
  'too many requests': { ...statusObject(429, 'TooManyRequests'), headers: { 'retry-after': '1' } },
  unauthorized: statusObject(401, 'Unauthorized'),
};

export function statusObject(code: number, reason: string) {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: 'made to fail' };
}

/** What becomes of a good answer on its way; undefined where nothing does. */
export function spoiled(body: object, fault: AnswerFault | undefined): string | undefined {
  if (fault === 'not JSON') return 'upstream connect error';
  if (fault === 'a page of HTML') return '<html><body>Sign in</body></html>';
  if (fault === 'another kind, empty') return JSON.stringify({ ...body, kind: 'SecretList', items: [] });
  if (fault === 'no items') return JSON.stringify({ ...body, items: undefined });
  const text = JSON.stringify(body);
  return fault === 'cut off' ? text.slice(0, Math.floor(text.length / 2)) : undefined;
}
