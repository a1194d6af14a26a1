import { AgentError } from '../errors.js';
import type { KubeKind, ObjectRef } from './object.js';

/** Query parameters of a request; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * The path of a kind's collection, in one namespace or (without one) across all.
 *
 * Source: Kubernetes API concepts, "Resource URIs".
 */
export function collectionPath(kind: KubeKind, namespace?: string): string {
  const root = kind.apiVersion.includes('/') ? `/apis/${kind.apiVersion}` : `/api/${kind.apiVersion}`;
  if (namespace === undefined) return `${root}/${kind.plural}`;
  if (!kind.namespaced) throw misuse(`${kind.plural} is cluster-wide but was asked for in a namespace`);
  return `${root}/namespaces/${segment(namespace)}/${kind.plural}`;
}

/** The path of one object, or of one of its subresources. */
export function objectPath(ref: ObjectRef, subresource?: 'status' | 'token'): string {
  if (ref.kind.namespaced && ref.namespace === undefined) {
    throw misuse(`${ref.kind.plural} ${ref.name} was asked for without a namespace`);
  }
  const path = `${collectionPath(ref.kind, ref.namespace)}/${segment(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

export function queryString(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

/**
 * An empty name would turn the deletion of one object into that of the collection, and `..` would climb out of
 * the namespace; the API server allows neither as a name.
 */
function segment(name: string): string {
  if (name === '' || name === '.' || name === '..' || name.includes('/')) {
    throw misuse(`"${name}" cannot be a name in a Kubernetes path`);
  }
  return encodeURIComponent(name);
}

function misuse(message: string): AgentError {
  return new AgentError('MESH_ERR_BUG', message, 'report this with the command line that led here');
}
