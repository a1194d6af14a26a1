import { AgentError } from '../errors.js';
import { Secret } from '../secret.js';
import { describeRef, refOf } from './object.js';
import type { KubeObject } from './object.js';
import { kinds } from './kinds.js';

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The content of a Secret, out of reach of any printer from here on.
 *
 * @throws AgentError MESH_ERR_KUBE_INVALID when a value is not base64 (no API server stores such).
 */
export function secretData(secret: KubeObject): ReadonlyMap<string, Secret<Buffer>> {
  const data = new Map<string, Secret<Buffer>>();
  for (const [key, value] of entries(secret['data'])) {
    if (!base64.test(value)) {
      throw new AgentError(
        'MESH_ERR_KUBE_INVALID',
        `${describeRef(refOf(kinds.secret, secret))}: key ${key} is not base64`,
        'write the Secret again',
      );
    }
    data.set(key, new Secret(Buffer.from(value, 'base64')));
  }
  return data;
}

/** The text of a ConfigMap by key; `binaryData` is left out. */
export function configMapData(configMap: KubeObject): ReadonlyMap<string, string> {
  return new Map(entries(configMap['data']));
}

function entries(data: unknown): [string, string][] {
  if (typeof data !== 'object' || data === null) return [];
  return Object.entries(data).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
}
