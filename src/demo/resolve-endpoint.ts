import { AgentError } from '../errors.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import type { KubeObject } from '../kube/object.js';

/** Where a mesh service is and who it must be, as the registration says. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** Any one of these will do. */
  readonly spiffeIds: readonly string[];
}

/** An endpoint as istiod knows it, before it is known how to call it. */
interface Candidate {
  readonly address: string;
  readonly port: number;
  /** Of a WorkloadEntry with a service account; a bare address has none, and no mutual TLS. */
  readonly spiffeId: string | undefined;
}

/** What the registration says of a host. */
interface Registered {
  readonly namespace: string;
  readonly candidates: readonly Candidate[];
  /** Demanded besides those of the endpoints. */
  readonly subjectAltNames: readonly string[];
}

/**
 * What istiod would tell a sidecar of a host, from the objects in the cluster: endpoints of a Service (WorkloadEntries
 * by its selector, or EndpointSlices by its name) and of ServiceEntries; mutual TLS by the endpoint's service account,
 * or by a DestinationRule in the service's namespace.
 *
 * It refuses what a sidecar would do in silence: call in plain text, or take any identity of the mesh for the device.
 * Sidecars are taken to capture DNS, so that they know the host of a ServiceEntry.
 *
 * Source: I:pilot/pkg/serviceregistry, I:pilot/pkg/networking/core/cluster_tls.go.
 *
 * @throws AgentError MESH_ERR_DEMO_FAILED when no call would arrive, or not as it should.
 */
export async function resolveEndpoint(
  kube: KubeClient,
  host: string,
  trustDomain: string,
  signal: AbortSignal,
): Promise<Endpoint> {
  const known = [
    await findService(kube, host, trustDomain, signal),
    ...(await findServiceEntries(kube, host, trustDomain, signal)),
  ].filter((found) => found !== undefined);
  const candidates = known.flatMap((found) => found.candidates);
  const [chosen] = candidates;
  if (chosen === undefined) throw failed(`${host} has no healthy endpoint`, 'look at its registration');
  const namespace = known[0]?.namespace ?? '';
  const tls = await findTls(kube, host, namespace, signal);
  if (tls?.mode !== undefined ? tls.mode !== 'ISTIO_MUTUAL' : chosen.spiffeId === undefined) {
    throw failed(`${host} would be called in plain text`, 'look at its DestinationRule');
  }
  const inferred = [
    ...candidates.flatMap(({ spiffeId }) => spiffeId ?? []),
    ...known.flatMap(({ subjectAltNames }) => subjectAltNames),
  ];
  const spiffeIds = [...new Set(tls?.subjectAltNames ?? inferred)];
  if (spiffeIds.length === 0) {
    throw failed(
      `any identity of the mesh would pass for ${host}`,
      'give its DestinationRule subjectAltNames',
    );
  }
  return { address: chosen.address, port: chosen.port, spiffeIds };
}

async function findService(
  kube: KubeClient,
  host: string,
  trustDomain: string,
  signal: AbortSignal,
): Promise<Registered | undefined> {
  const [name = '', namespace = '', svc] = host.split('.');
  if (svc !== 'svc') return undefined;
  const service = await kube.get({ kind: kinds.service, namespace, name }, { signal });
  if (service === undefined) return undefined;
  const spec = service['spec'] as ServiceSpec;
  const [port] = spec.ports;
  const selector = spec.selector;
  const selected =
    selector === undefined
      ? []
      : await entriesWith(
          kube,
          namespace,
          selector,
          port?.targetPort ?? port?.port ?? 0,
          trustDomain,
          signal,
        );
  const slices = await kube.list(kinds.endpointSlice, { namespace }, { signal });
  const inSlices = slices.items.flatMap((slice) => candidatesOf(slice, name, port?.name ?? ''));
  return { namespace, candidates: [...selected, ...inSlices], subjectAltNames: [] };
}

function candidatesOf(slice: KubeObject, service: string, portName: string): Candidate[] {
  if (slice.metadata.labels?.['kubernetes.io/service-name'] !== service) return [];
  if (slice['addressType'] === 'FQDN') return [];
  const { ports, endpoints } = slice as unknown as SliceContent;
  const port = ports.find(({ name }) => name === portName)?.port;
  if (port === undefined) return [];
  return endpoints
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses }) => addresses.map((address) => ({ address, port, spiffeId: undefined })));
}

async function findServiceEntries(
  kube: KubeClient,
  host: string,
  trustDomain: string,
  signal: AbortSignal,
): Promise<Registered[]> {
  const { items } = await kube.list(kinds.serviceEntry, {}, { signal });
  const found: Registered[] = [];
  for (const entry of items) {
    const spec = entry['spec'] as ServiceEntrySpec;
    const namespace = entry.metadata.namespace ?? '';
    const [port] = spec.ports ?? [];
    // Without a location it is outside of the mesh and called in plain text; without a resolution it has no endpoints.
    if (!spec.hosts.includes(host) || spec.location !== 'MESH_INTERNAL' || spec.resolution !== 'STATIC')
      continue;
    if (port === undefined || (spec.addresses ?? []).length === 0) continue;
    const labels = spec.workloadSelector?.labels ?? {};
    const number = port.targetPort ?? port.number;
    const candidates = await entriesWith(kube, namespace, labels, number, trustDomain, signal);
    found.push({ namespace, candidates, subjectAltNames: spec.subjectAltNames ?? [] });
  }
  return found;
}

/** The healthy WorkloadEntries of a namespace that carry these labels. */
async function entriesWith(
  kube: KubeClient,
  namespace: string,
  labels: Readonly<Record<string, string>>,
  port: number,
  trustDomain: string,
  signal: AbortSignal,
): Promise<Candidate[]> {
  const wanted = Object.entries(labels);
  const { items } = await kube.list(kinds.workloadEntry, { namespace }, { signal });
  return items.flatMap((entry) => {
    const { address, labels: own, serviceAccount } = entry['spec'] as WorkloadEntrySpec;
    const { conditions } = (entry['status'] ?? {}) as WorkloadEntryStatus;
    const all = { ...own, ...entry.metadata.labels };
    const isSelected = wanted.length > 0 && wanted.every(([label, value]) => all[label] === value);
    const isHealthy =
      conditions?.some(({ type, status }) => type === 'Healthy' && status === 'True') === true;
    if (!isSelected || !isHealthy) return [];
    const spiffeId =
      serviceAccount === undefined
        ? undefined
        : `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
    return [{ address, port, spiffeId }];
  });
}

async function findTls(
  kube: KubeClient,
  host: string,
  namespace: string,
  signal: AbortSignal,
): Promise<ClientTls | undefined> {
  const { items } = await kube.list(kinds.destinationRule, { namespace }, { signal });
  const rule = items.find((candidate) => (candidate['spec'] as DestinationRuleSpec).host === host);
  return (rule?.['spec'] as DestinationRuleSpec | undefined)?.trafficPolicy?.tls;
}

function failed(what: string, nextStep: string): AgentError {
  return new AgentError('MESH_ERR_DEMO_FAILED', what, nextStep);
}

interface ServiceSpec {
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports: ReadonlyArray<{
    readonly name?: string;
    readonly port: number;
    readonly targetPort?: number;
  }>;
}

interface SliceContent {
  readonly ports: ReadonlyArray<{ readonly name?: string; readonly port: number }>;
  readonly endpoints: ReadonlyArray<{
    readonly addresses: readonly string[];
    readonly conditions?: { readonly ready?: boolean };
  }>;
}

interface ServiceEntrySpec {
  readonly hosts: readonly string[];
  readonly addresses?: readonly string[];
  readonly ports?: ReadonlyArray<{ readonly number: number; readonly targetPort?: number }>;
  readonly location?: string;
  readonly resolution?: string;
  readonly workloadSelector?: { readonly labels?: Readonly<Record<string, string>> };
  readonly subjectAltNames?: readonly string[];
}

interface WorkloadEntrySpec {
  readonly address: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly serviceAccount?: string;
}

interface WorkloadEntryStatus {
  readonly conditions?: ReadonlyArray<{ readonly type: string; readonly status: string }>;
}

interface ClientTls {
  readonly mode?: string;
  readonly subjectAltNames?: readonly string[];
}

interface DestinationRuleSpec {
  readonly host: string;
  readonly trafficPolicy?: { readonly tls?: ClientTls };
}
