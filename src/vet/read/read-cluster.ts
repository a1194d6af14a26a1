import type { Clock } from '../../clock.js';
import type { AgentConfig } from '../../config/schema.js';
import { AgentError } from '../../errors.js';
import type { KubeClient } from '../../kube/client.js';
import { kinds } from '../../kube/kinds.js';
import { configMapData, secretData } from '../../kube/object-data.js';
import type { KubeObject } from '../../kube/object.js';
import { SigningAuthority } from '../../pki/signing-authority.js';
import { Secret } from '../../secret.js';
import { certificateFingerprint } from '../../spiffe/svid.js';
import { readAllowlist } from '../../reconcile/read-allowlist.js';
import type { ReadAllowlist } from '../../reconcile/read-allowlist.js';
import { meshedNamespaces, namedCallers } from '../callers.js';
import { absent, unknown, UnknownFact, valueOf } from '../datum.js';
import type { Datum, Gap } from '../datum.js';
import { listedKinds } from '../facts.js';
import type { AgentRight, CaSecretFacts, ClusterFacts, ListedKind } from '../facts.js';
import { record, textAt } from '../fields.js';
import { istiods } from '../istiod.js';
import { parseVettedMeshConfig } from '../mesh-config.js';
import type { MeshConfig } from '../mesh-config.js';
import { parseYamlFields } from '../yaml.js';
import { agentActions } from './agent-actions.js';
import { toDatum } from './to-datum.js';
import { qualifiedName, vetKinds } from './vet-kinds.js';

export interface ReadCluster {
  readonly cluster: ClusterFacts;
  /** By the name of the service in the config file. */
  readonly allowlists: ReadonlyMap<string, Datum<ReadAllowlist>>;
}

interface Ports {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Failures after which no other request to the same server is worth its time. */
const hopeless = new Set(['MESH_ERR_KUBE_UNREACHABLE', 'MESH_ERR_KUBE_UNAUTHORIZED']);

/** Everything of the cluster as not known, for one reason. */
export function unknownCluster(config: AgentConfig, gap: Gap): ReadCluster {
  const lost = unknown(gap);
  const lists = Object.fromEntries(listedKinds.map((kind) => [kind, lost])) as Record<
    ListedKind,
    Datum<never>
  >;
  return {
    cluster: {
      ...lists,
      meshConfig: lost,
      revisionConfigs: new Map(),
      publishedRoots: new Map([[config.mesh.rootNamespace, lost]]),
      caSecrets: lost,
      clusterName: lost,
      agentRights: lost,
    },
    allowlists: new Map(config.services.map(({ name }) => [name, lost])),
  };
}

/** Reads what checks need of the cluster: lists and gets, and questions about permissions. Nothing is written. */
export async function readCluster(config: AgentConfig, ports: Ports): Promise<ReadCluster> {
  const { kube, signal } = ports;
  try {
    // The first request tells whether there is anybody to ask.
    await kube.list(kinds.namespace, {}, { signal });
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    if (hopeless.has(error.code)) return unknownCluster(config, { reason: error.message });
  }
  const lists = await readLists(ports);
  const { rootNamespace } = config.mesh;
  const meshConfig = await readMeshConfig(ports, rootNamespace, 'istio');
  const allowlists = new Map<string, Datum<ReadAllowlist>>();
  for (const service of config.services) {
    const { namespace } = service.identity;
    const facts = valueOf(meshConfig) ?? {
      trustDomain: 'cluster.local',
      trustDomainAliases: [],
      rootNamespace,
    };
    allowlists.set(
      service.name,
      await toDatum(`list configmaps in namespace ${namespace}`, () =>
        readAllowlist(kube, service, facts, signal),
      ),
    );
  }
  const withLists = { ...unknownCluster(config, { reason: 'not read yet' }).cluster, ...lists, meshConfig };
  const revisions = readable(() => istiods(withLists).map(({ revision }) => revision)).filter(
    (revision) => revision !== 'default',
  );
  const namespaces = concernedNamespaces(config, withLists, allowlists);
  return {
    cluster: {
      ...withLists,
      revisionConfigs: await each(revisions, (revision) =>
        readMeshConfig(ports, rootNamespace, `istio-${revision}`),
      ),
      publishedRoots: await each(namespaces, (namespace) => readPublishedRoots(ports, namespace)),
      caSecrets: await readCaSecrets(ports, rootNamespace),
      clusterName: await readClusterName(ports, rootNamespace, revisions),
      agentRights: await readRights(config, ports, valueOf(meshConfig)?.trustDomain ?? 'cluster.local'),
    },
    allowlists,
  };
}

async function readLists({ kube, signal }: Ports): Promise<Record<ListedKind, Datum<readonly KubeObject[]>>> {
  const read: Array<readonly [ListedKind, Datum<readonly KubeObject[]>]> = [];
  for (const name of listedKinds) {
    const kind = vetKinds[name];
    const list = async () => (await kube.list(kind, {}, { signal })).items;
    read.push([name, await toDatum(`list ${qualifiedName(kind)}`, list)]);
  }
  return Object.fromEntries(read) as Record<ListedKind, Datum<readonly KubeObject[]>>;
}

async function readConfigMap(
  { kube, signal }: Ports,
  namespace: string,
  name: string,
): Promise<ReadonlyMap<string, string> | undefined> {
  const configMap = await kube.get({ kind: kinds.configMap, namespace, name }, { signal });
  return configMap === undefined ? undefined : configMapData(configMap);
}

async function readMeshConfig(ports: Ports, namespace: string, name: string): Promise<Datum<MeshConfig>> {
  const text = await toDatum(`get configmaps ${name} in namespace ${namespace}`, async () =>
    (await readConfigMap(ports, namespace, name))?.get('mesh'),
  );
  if (text.state !== 'known') return text;
  const parsed = parseVettedMeshConfig(text.value);
  return parsed.ok
    ? { state: 'known', value: parsed.value }
    : unknown({ reason: `ConfigMap ${namespace}/${name}, key mesh: ${parsed.reason}` });
}

function readPublishedRoots(ports: Ports, namespace: string): Promise<Datum<string>> {
  const name = 'istio-ca-root-cert';
  return toDatum(`get configmaps ${name} in namespace ${namespace}`, async () =>
    (await readConfigMap(ports, namespace, name))?.get('root-cert.pem'),
  );
}

/** `global.multiCluster.clusterName` of the injector's values. */
async function readClusterName(
  ports: Ports,
  namespace: string,
  revisions: readonly string[],
): Promise<Datum<string>> {
  const names = [
    'istio-sidecar-injector',
    ...revisions.map((revision) => `istio-sidecar-injector-${revision}`),
  ];
  for (const name of names) {
    const datum = await toDatum(`get configmaps ${name} in namespace ${namespace}`, async () =>
      (await readConfigMap(ports, namespace, name))?.get('values'),
    );
    if (datum.state === 'absent') continue;
    if (datum.state === 'unknown') return datum;
    const values = parseYamlFields(datum.value);
    if (!values.ok)
      return unknown({ reason: `ConfigMap ${namespace}/${name}, key values: ${values.reason}` });
    const multiCluster = record(record(values.value['global'])['multiCluster']);
    return { state: 'known', value: textAt(multiCluster, 'clusterName') ?? 'Kubernetes' };
  }
  return absent;
}

/** Judged here, so that no key goes any further. */
function readCaSecrets({ kube, clock, signal }: Ports, namespace: string): Promise<Datum<CaSecretFacts>> {
  return toDatum(`get secrets cacerts and istio-ca-secret in namespace ${namespace}`, async () => {
    const found: Array<{ name: string; secret: KubeObject }> = [];
    for (const name of ['cacerts', 'istio-ca-secret']) {
      const secret = await kube.get({ kind: kinds.secret, namespace, name }, { signal });
      if (secret !== undefined) found.push({ name, secret });
    }
    const [first] = found;
    if (first === undefined) return undefined;
    const names = found.map(({ name }) => name);
    try {
      const data = new Secret(
        Object.fromEntries([...secretData(first.secret)].map(([key, value]) => [key, value.reveal()])),
      );
      const authority = SigningAuthority.fromSecret({ namespace, name: first.name, data }, clock.now());
      return {
        names,
        rootFingerprint256: certificateFingerprint(authority.root),
        notAfter: authority.notAfter,
      };
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      return { names, fault: error.message };
    }
  });
}

function readRights(
  config: AgentConfig,
  { kube, signal }: Ports,
  trustDomain: string,
): Promise<Datum<readonly AgentRight[]>> {
  return toDatum('create selfsubjectaccessreviews.authorization.k8s.io', async () => {
    const rights: AgentRight[] = [];
    for (const action of agentActions(config, trustDomain)) {
      rights.push({ ...action, allowed: await kube.mayI(action, { signal }) });
    }
    return rights;
  });
}

/** Namespaces whose sidecars have to trust the device: of callers, of the services, and of the mesh itself. */
function concernedNamespaces(
  config: AgentConfig,
  cluster: ClusterFacts,
  allowlists: ReadonlyMap<string, Datum<ReadAllowlist>>,
): readonly string[] {
  const mesh = valueOf(cluster.meshConfig);
  const trustDomains = [
    mesh?.trustDomain ?? config.mesh.trustDomain ?? 'cluster.local',
    ...(mesh?.trustDomainAliases ?? []),
  ];
  const callers = [...allowlists.values()].flatMap((datum) => {
    const entries = valueOf(datum)?.allowlist.allow.map(({ text }) => text) ?? [];
    return namedCallers(entries, trustDomains).accounts.map(({ namespace }) => namespace);
  });
  const all = [
    config.mesh.rootNamespace,
    ...config.services.map(({ identity }) => identity.namespace),
    ...callers,
    ...readable(() => meshedNamespaces(cluster)),
  ];
  return [...new Set(all)];
}

/** Nothing, where what it takes is not known; the checks find that out by themselves. */
function readable(list: () => readonly string[]): readonly string[] {
  try {
    return [...new Set(list())];
  } catch (error) {
    if (error instanceof UnknownFact) return [];
    throw error;
  }
}

/** One after the other: a cluster may have hundreds of namespaces. */
async function each<T>(
  names: readonly string[],
  read: (name: string) => Promise<T>,
): Promise<ReadonlyMap<string, T>> {
  const found = new Map<string, T>();
  for (const name of names) found.set(name, await read(name));
  return found;
}
