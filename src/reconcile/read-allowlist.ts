import type { Allowlist, AllowlistRefusal } from '../allowlist/allowlist.js';
import { parseAuthorizationPolicy } from '../allowlist/authorization-policy.js';
import { enforcePolicies } from '../allowlist/enforce-policies.js';
import type { PolicyCounts } from '../allowlist/enforce-policies.js';
import { mergeAllowlists } from '../allowlist/merge-allowlists.js';
import { parseAllowlist } from '../allowlist/parse-allowlist.js';
import type { ParsedAllowlist } from '../allowlist/parse-allowlist.js';
import { renderPlace } from '../allowlist/render-place.js';
import type { ServiceConfig } from '../config/schema.js';
import { AgentError } from '../errors.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { renderLabelSelector } from '../kube/label-selector.js';
import { configMapData } from '../kube/object-data.js';
import type { KubeObject } from '../kube/object.js';
import type { MeshFacts } from '../mesh/mesh-facts.js';
import { limitEntries } from './entry-limit.js';
import { policyNamespaces, policyScope } from './policy-scope.js';

/** Who may call a service, and what could not be understood. */
export interface ReadAllowlist {
  readonly allowlist: Allowlist;
  readonly refusals: readonly AllowlistRefusal[];
  /** `NAMESPACE/NAME` of the ConfigMaps that were found. */
  readonly configMaps: readonly string[];
  /** The AuthorizationPolicies that are for the service; undefined when it takes none. */
  readonly policies?: PolicyCounts | undefined;
  /** Why this is not all that the cluster says. */
  readonly problem?: AgentError | undefined;
}

/** Where a reconcile learns who may call: read for this one time, or held by watches. */
export interface AllowlistSource {
  /**
   * @param installed what the device enforces now; undefined where the service is not on it
   * @returns who may call, and a problem where that is only what can be said for now
   * @throws AgentError when it is unknown who may call; that is not the same as nobody
   */
  read(
    service: ServiceConfig,
    installed: Allowlist | undefined,
    signal: AbortSignal,
  ): Promise<Pick<ReadAllowlist, 'allowlist' | 'problem'>>;
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
 * Reads who may call a service: its allowlist ConfigMaps and, where the config file says so, the AuthorizationPolicies.
 *
 * @throws what the API server says: a list that cannot be read is unknown, not empty
 */
export async function readAllowlist(
  kube: KubeClient,
  service: ServiceConfig,
  meshFacts: MeshFacts,
  signal: AbortSignal,
): Promise<ReadAllowlist> {
  const selection = allowlistSelection(service);
  const { namespace } = selection;
  const { items } = await kube.list(kinds.configMap, selection, { signal });
  const parsed = items
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .map((object) => parseAllowlistObject(namespace, object));
  const merged = mergeAllowlists(parsed.map(({ allowlist }) => allowlist));
  const refusals = parsed.flatMap((part): readonly AllowlistRefusal[] => part.refusals);
  const configMaps = items.map(({ metadata }) => `${namespace}/${metadata.name}`);
  if (!service.allowlist.fromAuthorizationPolicies) {
    return { ...limitEntries(service.name, merged, undefined), refusals, configMaps };
  }
  const objects: KubeObject[] = [];
  for (const place of policyNamespaces(service, meshFacts)) {
    objects.push(...(await kube.list(kinds.authorizationPolicy, { namespace: place }, { signal })).items);
  }
  const policies = objects.map(parseAuthorizationPolicy);
  const enforced = enforcePolicies(merged, policies, policyScope(service, meshFacts));
  return {
    ...limitEntries(service.name, enforced.allowlist, undefined),
    refusals: [...refusals, ...enforced.refusals],
    configMaps,
    policies: enforced.counts,
  };
}

/**
 * Why nobody, or nobody by a policy, gets in; undefined when something admits somebody. Pure.
 *
 * @param entries how many allow entries there are.
 * @param configMaps how many ConfigMaps there are.
 */
export function admissionLack(
  entries: number,
  configMaps: number,
  policies: PolicyCounts | undefined,
): string | undefined {
  if (policies?.allow === 0) {
    return `no ALLOW policy is for it: ${entries === 0 ? 'nobody gets in' : 'only callers of its ConfigMaps get in'}`;
  }
  if (entries > 0) return undefined;
  return configMaps === 0 && policies === undefined
    ? 'no ConfigMap is its allowlist: nobody gets in'
    : 'nothing admits anybody: nobody gets in';
}

/** The source of one-shot commands: read when it is asked for, and refused as a whole while a line is bad. */
export function strictAllowlists(kube: KubeClient, meshFacts: MeshFacts): AllowlistSource {
  return {
    async read(service, _installed, signal) {
      const read = await readAllowlist(kube, service, meshFacts, signal);
      requireNoRefusals(service.name, read.refusals);
      return read;
    },
  };
}

/** A file pasted into the wrong key has a bad line for each of its lines. */
const mostLines = 20;

/**
 * The policy of one-shot commands: somebody stands at the terminal and can mend the line, so nothing is applied
 * while one is bad. (The controller sets the line aside and applies the others.)
 *
 * @throws AgentError MESH_ERR_ALLOWLIST_INVALID, one line a refusal
 */
export function requireNoRefusals(service: string, refusals: readonly AllowlistRefusal[]): void {
  const harmful = refusals.filter(({ isRedundant }) => isRedundant !== true);
  const [first] = harmful;
  if (first === undefined) return;
  const lines = harmful
    .slice(0, mostLines)
    .map((refusal) => `allowlist of ${service}: ${renderPlace(refusal)}: ${refusal.reason}`);
  const left = harmful.length - lines.length;
  throw new AgentError(
    'MESH_ERR_ALLOWLIST_INVALID',
    [...lines, ...(left === 0 ? [] : [`allowlist of ${service}: and ${left} more`])].join('\n'),
    `mend the ${first.policy === undefined ? 'ConfigMap' : 'AuthorizationPolicy'} and run again; nothing was changed`,
  );
}
