import { parseDocument } from 'yaml';

import { AgentError } from '../errors.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { configMapData } from '../kube/object-data.js';
import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';

/** What the mesh says of itself in its `MeshConfig`. */
export interface MeshFacts {
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
  readonly rootNamespace: string;
}

/** Roots that the mesh publishes, and where they were read. */
interface PublishedRoots {
  /** `ConfigMap istio-system/istio-ca-root-cert` */
  readonly origin: string;
  /** PEM, as it is; nobody has parsed it yet. */
  readonly pem: string;
}

/** Istio's own defaults (A:mesh/v1alpha1, I:pkg/config/mesh). */
const defaults: MeshFacts = {
  trustDomain: 'cluster.local',
  trustDomainAliases: [],
  rootNamespace: 'istio-system',
};

const configName = 'istio';
const configKey = 'mesh';
const rootsName = 'istio-ca-root-cert';
const rootsKey = 'root-cert.pem';

/** Parses the text of `MeshConfig`; fields that are not there have Istio's defaults. */
export function parseMeshConfig(text: string): Parsed<MeshFacts> {
  const document = parseDocument(text, { logLevel: 'silent' });
  const [error] = document.errors;
  if (error !== undefined) return refused(`line ${error.linePos?.[0].line ?? 1} is not YAML`);
  const config: unknown = document.toJS() ?? {};
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    return refused('it is not a mapping');
  const { trustDomain, trustDomainAliases, rootNamespace } = config as Record<string, unknown>;
  const domain = textOr(trustDomain, defaults.trustDomain);
  const namespace = textOr(rootNamespace, defaults.rootNamespace);
  const aliases = trustDomainAliases ?? defaults.trustDomainAliases;
  if (domain === undefined) return refused('trustDomain is not text');
  if (namespace === undefined) return refused('rootNamespace is not text');
  if (!Array.isArray(aliases) || !aliases.every((alias) => typeof alias === 'string')) {
    return refused('trustDomainAliases is not a list of texts');
  }
  return accepted({ trustDomain: domain, trustDomainAliases: aliases, rootNamespace: namespace });
}

/**
 * Looks for the mesh's facts in the ConfigMap `istio` of a namespace.
 *
 * @returns undefined only when the ConfigMap is known not to exist.
 * @throws AgentError MESH_ERR_MESH_FACTS when it exists and says nothing, MESH_ERR_KUBE_* when it cannot be read.
 */
export async function findMeshFacts(
  kube: KubeClient,
  namespace: string,
  signal?: AbortSignal,
): Promise<MeshFacts | undefined> {
  const text = await readKey(kube, { namespace, name: configName, key: configKey }, signal);
  if (text === undefined) return undefined;
  const facts = parseMeshConfig(text);
  if (facts.ok) return facts.value;
  throw new AgentError(
    'MESH_ERR_MESH_FACTS',
    `ConfigMap ${namespace}/${configName}, key ${configKey}: ${facts.reason}`,
    'mend the mesh configuration; istiod reads the same text',
  );
}

/**
 * Reads the mesh's facts, where there has to be a mesh.
 *
 * @throws AgentError MESH_ERR_MESH_FACTS also when the ConfigMap does not exist.
 */
export async function readMeshFacts(
  kube: KubeClient,
  namespace: string,
  signal?: AbortSignal,
): Promise<MeshFacts> {
  const facts = await findMeshFacts(kube, namespace, signal);
  if (facts !== undefined) return facts;
  throw new AgentError(
    'MESH_ERR_MESH_FACTS',
    `ConfigMap ${namespace}/${configName} does not exist: no Istio control plane is in that namespace`,
    'set mesh.rootNamespace to the namespace of istiod',
  );
}

/**
 * Reads the roots that istiod publishes into every namespace, in the ConfigMap `istio-ca-root-cert`.
 *
 * @returns undefined only when the ConfigMap is known not to exist.
 * @throws AgentError as `findMeshFacts`.
 */
export async function readPublishedRoots(
  kube: KubeClient,
  namespace: string,
  signal?: AbortSignal,
): Promise<PublishedRoots | undefined> {
  const pem = await readKey(kube, { namespace, name: rootsName, key: rootsKey }, signal);
  return pem === undefined ? undefined : { origin: `ConfigMap ${namespace}/${rootsName}`, pem };
}

async function readKey(
  kube: KubeClient,
  { namespace, name, key }: { readonly namespace: string; readonly name: string; readonly key: string },
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const configMap = await kube.get({ kind: kinds.configMap, namespace, name }, { signal });
  if (configMap === undefined) return undefined;
  const text = configMapData(configMap).get(key);
  if (text !== undefined && text.trim() !== '') return text;
  throw new AgentError(
    'MESH_ERR_MESH_FACTS',
    `ConfigMap ${namespace}/${name} has nothing under ${key}`,
    `find out what emptied it; istiod keeps ${key} there`,
  );
}

function textOr(value: unknown, otherwise: string): string | undefined {
  if (value === undefined || value === null || value === '') return otherwise;
  return typeof value === 'string' ? value : undefined;
}
