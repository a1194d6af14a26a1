import type { Allowlist, AllowlistRefusal } from '../allowlist/allowlist.js';
import { mergeAllowlists } from '../allowlist/merge-allowlists.js';
import { parseAllowlist } from '../allowlist/parse-allowlist.js';
import type { ParsedAllowlist } from '../allowlist/parse-allowlist.js';
import type { ServiceConfig } from '../config/schema.js';
import { AgentError } from '../errors.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { renderLabelSelector } from '../kube/label-selector.js';
import { configMapData } from '../kube/object-data.js';
import type { KubeObject } from '../kube/object.js';

/** Who may call a service, and what could not be understood. */
export interface ReadAllowlist {
  readonly allowlist: Allowlist;
  readonly refusals: readonly AllowlistRefusal[];
  /** `NAMESPACE/NAME` of the ConfigMaps that were found. */
  readonly configMaps: readonly string[];
}

/** Where a reconcile learns who may call: read for this one time, or held by watches. */
export interface AllowlistSource {
  /**
   * @param installed what the device enforces now; undefined where the service is not on it
   * @throws AgentError when it is unknown who may call; that is not the same as nobody
   */
  read(
    service: ServiceConfig,
    installed: Allowlist | undefined,
    signal: AbortSignal,
  ): Promise<Pick<ReadAllowlist, 'allowlist'>>;
}

/** Which ConfigMaps say who may call a service. */
export interface AllowlistSelection {
  readonly namespace: string;
  readonly labelSelector: string;
}

/**
 * Only ConfigMaps in the namespace of the service's identity count: whoever may write ConfigMaps in some other
 * namespace must not be able to let himself in with a label.
 */
export function allowlistSelection({ identity, allowlist }: ServiceConfig): AllowlistSelection {
  const { namespace } = identity;
  return { namespace, labelSelector: renderLabelSelector(allowlist.selector.matchLabels) };
}

/** Parses one allowlist ConfigMap as the API server gave it. */
export function parseAllowlistObject(namespace: string, object: KubeObject): ParsedAllowlist {
  return parseAllowlist({
    namespace,
    name: object.metadata.name,
    data: Object.fromEntries(configMapData(object)),
    binaryData: (object['binaryData'] ?? {}) as Record<string, unknown>,
  });
}

/**
 * Reads the allowlist ConfigMaps of a service.
 *
 * @throws what the API server says: a list that cannot be read is unknown, not empty
 */
export async function readAllowlist(
  kube: KubeClient,
  service: ServiceConfig,
  signal: AbortSignal,
): Promise<ReadAllowlist> {
  const selection = allowlistSelection(service);
  const { namespace } = selection;
  const { items } = await kube.list(kinds.configMap, selection, { signal });
  const parsed = items
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .map((object) => parseAllowlistObject(namespace, object));
  return {
    allowlist: mergeAllowlists(parsed.map(({ allowlist }) => allowlist)),
    refusals: parsed.flatMap(({ refusals }) => refusals),
    configMaps: items.map(({ metadata }) => `${namespace}/${metadata.name}`),
  };
}

/** The source of one-shot commands: read when it is asked for, and refused as a whole while a line is bad. */
export function strictAllowlists(kube: KubeClient): AllowlistSource {
  return {
    async read(service, _installed, signal) {
      const read = await readAllowlist(kube, service, signal);
      requireNoRefusals(service.name, read.refusals);
      return read;
    },
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
