import { fieldManager } from '../kube/client.js';
import type { KubeObject } from '../kube/object.js';

/**
 * Whether the agent has applied this very object.
 *
 * Labels come along when somebody copies an object's YAML; the record of who wrote it, which the API server keeps,
 * does not.
 */
export function isApplied({ metadata }: KubeObject): boolean {
  const entries = metadata['managedFields'];
  return (
    Array.isArray(entries) &&
    entries.some(
      (entry: { readonly manager?: unknown; readonly operation?: unknown; readonly subresource?: unknown }) =>
        entry.manager === fieldManager && entry.operation === 'Apply' && entry.subresource === undefined,
    )
  );
}
