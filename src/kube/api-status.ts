import { AgentError } from '../errors.js';
import type { ErrorCode } from '../errors.js';

/** What was being asked of which server, for the one line of an error. */
export interface Attempt {
  /** `https://10.0.0.1:6443` */
  readonly server: string;
  /** As RBAC names it: `get`, `list`, `patch`. */
  readonly verb: string;
  /** `configmaps default/echo-callers` */
  readonly object: string;
}

/**
 * The API server's answer to a request that failed.
 *
 * Source: k8s.io/apimachinery, meta/v1 `Status` and `StatusReason`.
 */
export interface ApiStatus {
  /** The HTTP status, or the code of a watch's ERROR event. */
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  /** The object that the server speaks of, when it names one. */
  readonly name?: string;
}

const longestMessage = 400;

/** Reads a `Status` object; anything else (a proxy's HTML page) gives the code alone. */
export function parseStatus(code: number, body: unknown): ApiStatus {
  if (!isRecord(body) || body['kind'] !== 'Status') return { code, reason: '', message: '' };
  const details = body['details'];
  const name = isRecord(details) ? details['name'] : undefined;
  return {
    code: typeof body['code'] === 'number' ? body['code'] : code,
    reason: text(body['reason']),
    message: oneLine(text(body['message'])),
    ...(typeof name === 'string' ? { name } : {}),
  };
}

/** Whether the server said that this one object does not exist, and not that it does not know the kind. */
export function saysAbsent(status: ApiStatus, name: string): boolean {
  return status.code === 404 && status.reason === 'NotFound' && status.name === name;
}

/** The list or watch started from a version that the server no longer holds. */
export function saysExpired(status: ApiStatus): boolean {
  return status.code === 410 || status.reason === 'Expired' || status.reason === 'Gone';
}

export function statusError(status: ApiStatus, attempt: Attempt): AgentError {
  const { code, nextStep } = classify(status, attempt);
  const said = status.message === '' ? `HTTP ${status.code}` : `${status.code}, ${status.message}`;
  return new AgentError(code, `${attemptText(attempt)}: ${said}`, nextStep);
}

/** A connection that failed, a deadline that passed, an answer that cannot be read. */
export function unreachable(attempt: Attempt, why: string): AgentError {
  return new AgentError(
    'MESH_ERR_KUBE_UNREACHABLE',
    `${attemptText(attempt)}: ${why}`,
    `check that ${attempt.server} answers from here, and the cluster's address and CA in the kubeconfig`,
  );
}

function attemptText(attempt: Attempt): string {
  return `${attempt.server}: ${attempt.verb} ${attempt.object}`;
}

function classify(status: ApiStatus, attempt: Attempt): { code: ErrorCode; nextStep: string } {
  switch (status.code) {
    case 401:
      return {
        code: 'MESH_ERR_KUBE_UNAUTHORIZED',
        nextStep: 'renew the credentials that the kubeconfig or the service account token file gives',
      };
    case 403:
      return {
        code: 'MESH_ERR_KUBE_FORBIDDEN',
        nextStep: `grant the verb "${attempt.verb}" on this object to the user that the message names`,
      };
    case 404:
      return status.reason === 'NotFound' && status.name !== undefined
        ? { code: 'MESH_ERR_KUBE_NOT_FOUND', nextStep: 'create the object that the message names' }
        : {
            code: 'MESH_ERR_KUBE_NOT_SERVED',
            nextStep: 'install what serves this kind in this version (for Istio kinds, Istio 1.22 or later)',
          };
    case 409:
      return status.reason === 'AlreadyExists'
        ? { code: 'MESH_ERR_KUBE_EXISTS', nextStep: 'read the object that exists and decide whose it is' }
        : {
            code: 'MESH_ERR_KUBE_CONFLICT',
            nextStep: 'read the object again and decide on what it holds now',
          };
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422:
      return { code: 'MESH_ERR_KUBE_INVALID', nextStep: 'mend the field that the message names' };
    case 410:
      return { code: 'MESH_ERR_KUBE_EXPIRED', nextStep: 'list again and watch from there' };
    default:
      return {
        code: 'MESH_ERR_KUBE_UNREACHABLE',
        nextStep: `try again later; if it stays, look at the health of ${attempt.server}`,
      };
  }
}

/** Server messages span lines (field manager conflicts) and are as long as the input that they quote. */
function oneLine(message: string): string {
  const line = message
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/\p{Cc}/gu, '')
    .trim();
  return line.length <= longestMessage ? line : `${line.slice(0, longestMessage)}...`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
