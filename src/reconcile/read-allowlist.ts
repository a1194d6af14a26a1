import type { Allowlist, AllowlistRefusal } from '../allowlist/allowlist.js';
import { mergeAllowlists } from '../allowlist/merge-allowlists.js';
import { parseAllowlist } from '../allowlist/parse-allowlist.js';
import type { ServiceConfig } from '../config/schema.js';
import { AgentError } from '../errors.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { configMapData } from '../kube/object-data.js';

/** Who may call a service, and what could not be understood. */
export interface ReadAllowlist {
  readonly allowlist: Allowlist;
  readonly refusals: readonly AllowlistRefusal[];
  /** `NAMESPACE/NAME` of the ConfigMaps that were found. */
  readonly configMaps: readonly string[];
}

/**
 * Reads the allowlist ConfigMaps of a service.
 *
 * Only those in the namespace of the service's identity count: whoever may write ConfigMaps in some other namespace
 * must not be able to let himself in with a label.
 *
 * @throws what the API server says: a list that cannot be read is unknown, not empty
 */
export async function readAllowlist(
  kube: KubeClient,
  service: ServiceConfig,
  signal: AbortSignal,
): Promise<ReadAllowlist> {
  const { namespace } = service.identity;
  const labelSelector = Object.entries(service.allowlist.selector.matchLabels)
    .map(([label, value]) => `${label}=${value}`)
    .join(',');
  const { items } = await kube.list(kinds.configMap, { namespace, labelSelector }, { signal });
  const parsed = items
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .map((object) =>
      parseAllowlist({
        namespace,
        name: object.metadata.name,
        data: Object.fromEntries(configMapData(object)),
        binaryData: (object['binaryData'] ?? {}) as Record<string, unknown>,
      }),
    );
  return {
    allowlist: mergeAllowlists(parsed.map(({ allowlist }) => allowlist)),
    refusals: parsed.flatMap(({ refusals }) => refusals),
    configMaps: items.map(({ metadata }) => `${namespace}/${metadata.name}`),
  };
}

/**
 * The policy of one-shot commands: somebody stands at the terminal and can mend the line, so nothing is applied
 * while one is bad. (The controller sets the line aside and applies the others.)
 *
 * @throws AgentError MESH_ERR_ALLOWLIST_INVALID, one line a refusal
 */
export function requireNoRefusals(service: string, refusals: readonly AllowlistRefusal[]): void {
  const harmful = refusals.filter(({ isRedundant }) => isRedundant !== true);
  if (harmful.length === 0) return;
  const lines = harmful.map(({ namespace, configMap, key, line, reason }) => {
    const place = line === undefined ? '' : ` line ${line}`;
    return `allowlist of ${service}: ConfigMap ${namespace}/${configMap}, ${key}${place}: ${reason}`;
  });
  throw new AgentError(
    'MESH_ERR_ALLOWLIST_INVALID',
    lines.join('\n'),
    'mend the ConfigMap and run again; nothing was changed',
  );
}
