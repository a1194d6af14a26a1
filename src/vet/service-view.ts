import type { ServiceConfig } from '../config/schema.js';
import type { KubeObject } from '../kube/object.js';
import { parseServiceHost } from '../mesh/service-host.js';
import { callerNamespaces, callerPods, namedCallers } from './callers.js';
import type { NamedCallers } from './callers.js';
import { need, needAll } from './datum.js';
import { effectiveRule, rulesForHost, tlsOf } from './destination-rules.js';
import type { RuleTls } from './destination-rules.js';
import type { Facts } from './facts.js';
import {
  annotationsOf,
  labelsOf,
  nameOf,
  namespaceOf,
  record,
  records,
  selects,
  specOf,
  textAt,
  textMap,
  textsAt,
} from './fields.js';
import type { Fields } from './fields.js';
import type { MeshConfig } from './mesh-config.js';

/** Where sidecars are sent for a service: a WorkloadEntry, or an endpoint written into a ServiceEntry. */
interface MeshEndpoint {
  /** As people name it. */
  readonly object: string;
  readonly namespace: string;
  readonly address: string | undefined;
  /** Those of the metadata win, as they do for Istio. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly serviceAccount: string | undefined;
  readonly ports: Fields;
  readonly network: string | undefined;
  /** The WorkloadEntry; absent for an inline endpoint. */
  readonly entry: KubeObject | undefined;
}

/** The rule that one namespace's sidecars go by, and what it says of TLS. */
interface ClientPolicy {
  readonly namespace: string;
  readonly rule: KubeObject | undefined;
  readonly tls: RuleTls;
}

/** What Istio says by it of a workload: `istio` where its proxy takes mutual TLS. */
export const tlsModeLabel = 'security.istio.io/tlsMode';
const canonicalAccounts = 'alpha.istio.io/canonical-serviceaccounts';
const kubernetesAccounts = 'alpha.istio.io/kubernetes-serviceaccounts';

/** What the mesh makes of one service. Its members raise `UnknownFact` where they need what is not known. */
export class ServiceView {
  readonly host: string;
  /** Of the Kubernetes Service; undefined for a host that is none. */
  readonly name: string | undefined;
  readonly namespace: string;
  readonly #config: ServiceConfig;
  readonly #facts: Facts;

  constructor(config: ServiceConfig, facts: Facts) {
    const host = parseServiceHost(config.host);
    this.host = config.host;
    this.name = host.ok ? host.value.name : undefined;
    this.namespace = host.ok ? host.value.namespace : config.identity.namespace;
    this.#config = config;
    this.#facts = facts;
  }

  get meshConfig(): MeshConfig {
    const { mesh } = this.#facts.config;
    const read = need(this.#facts.cluster.meshConfig) ?? defaultMeshConfig;
    const { trustDomain = read.trustDomain, trustDomainAliases } = mesh;
    const aliases = new Set([...read.trustDomainAliases, ...trustDomainAliases]);
    return { ...read, trustDomain, trustDomainAliases: [...aliases] };
  }

  get trustDomains(): readonly string[] {
    const { trustDomain, trustDomainAliases } = this.meshConfig;
    return [trustDomain, ...trustDomainAliases];
  }

  /** The SPIFFE ID that the service should have. */
  get spiffeId(): string {
    const { namespace, serviceAccount } = this.#config.identity;
    return `spiffe://${this.meshConfig.trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
  }

  get service(): KubeObject | undefined {
    if (this.name === undefined) return undefined;
    return needAll(this.#facts.cluster.services).find(
      (service) => namespaceOf(service) === this.namespace && service.metadata.name === this.name,
    );
  }

  /** Of the Service; empty when it has none, or when there is no Service. */
  get selector(): Readonly<Record<string, string>> {
    return textMap(this.service === undefined ? undefined : specOf(this.service)['selector']);
  }

  get servicePorts(): readonly Fields[] {
    return this.service === undefined ? [] : records(specOf(this.service)['ports']);
  }

  get isHeadless(): boolean {
    return this.service !== undefined && specOf(this.service)['clusterIP'] === 'None';
  }

  get serviceEntries(): readonly KubeObject[] {
    return needAll(this.#facts.cluster.serviceEntries).filter((entry) =>
      textsAt(specOf(entry), 'hosts').includes(this.host),
    );
  }

  /** WorkloadEntries that the Service or a ServiceEntry selects. */
  get endpoints(): readonly MeshEndpoint[] {
    const all = needAll(this.#facts.cluster.workloadEntries);
    const chosen = (namespace: string, selector: Readonly<Record<string, string>>): readonly KubeObject[] =>
      Object.keys(selector).length === 0
        ? []
        : all.filter((entry) => namespaceOf(entry) === namespace && selects(selector, entryLabels(entry)));
    const selected = [
      ...chosen(this.namespace, this.selector),
      ...this.serviceEntries.flatMap((entry) =>
        chosen(namespaceOf(entry), textMap(record(specOf(entry)['workloadSelector'])['labels'])),
      ),
    ];
    return [...[...new Set(selected)].map(ofEntry), ...this.inlineEndpoints];
  }

  get inlineEndpoints(): readonly MeshEndpoint[] {
    return this.serviceEntries.flatMap((entry) =>
      records(specOf(entry)['endpoints']).map((endpoint, index) => ({
        ...ofFields(endpoint),
        object: `${nameOf(entry)} endpoints[${index}]`,
        namespace: namespaceOf(entry),
        labels: textMap(endpoint['labels']),
        annotations: {},
        entry: undefined,
      })),
    );
  }

  /** EndpointSlices of the Service. */
  get slices(): readonly KubeObject[] {
    if (this.name === undefined) return [];
    return needAll(this.#facts.cluster.endpointSlices).filter(
      (slice) =>
        namespaceOf(slice) === this.namespace &&
        labelsOf(slice)['kubernetes.io/service-name'] === this.name &&
        records(slice['endpoints']).length > 0,
    );
  }

  /** A Service without selector whose addresses somebody wrote down. */
  get isByHand(): boolean {
    return this.service !== undefined && Object.keys(this.selector).length === 0;
  }

  get isRegistered(): boolean {
    return this.service !== undefined || this.serviceEntries.length > 0;
  }

  get callers(): NamedCallers {
    const own = this.#facts.services.get(this.#config.name);
    const read = own === undefined ? undefined : need(own.allowlist);
    const entries = read?.allowlist.allow.map(({ text }) => text) ?? [];
    return namedCallers(entries, this.trustDomains);
  }

  get callerNamespaces(): readonly string[] {
    return callerNamespaces(this.callers, this.#facts.cluster);
  }

  get callerPods(): readonly KubeObject[] {
    return callerPods(this.callers, this.#facts.cluster);
  }

  /** Every DestinationRule that could be for the host. */
  get rules(): readonly KubeObject[] {
    return rulesForHost(needAll(this.#facts.cluster.destinationRules), this.host);
  }

  policyOf(namespace: string): ClientPolicy {
    const rule = effectiveRule(needAll(this.#facts.cluster.destinationRules), {
      host: this.host,
      serviceNamespace: this.namespace,
      clientNamespace: namespace,
      rootNamespace: this.meshConfig.rootNamespace,
    });
    return { namespace, rule, tls: tlsOf(rule, this.#config.listen.port) };
  }

  /** How the callers' namespaces see it; the service's own where no caller is named yet. */
  get policies(): readonly ClientPolicy[] {
    const namespaces = this.callerNamespaces;
    return (namespaces.length === 0 ? [this.namespace] : namespaces).map((name) => this.policyOf(name));
  }

  /** Namespaces whose sidecars are not told to use ISTIO_MUTUAL by a rule. */
  get withoutExplicitMutual(): readonly ClientPolicy[] {
    return this.policies.filter(({ tls }) => tls.mode !== 'ISTIO_MUTUAL');
  }

  /**
   * The SPIFFE IDs that sidecars accept from the device, with the trust domain aliases. They are of the host and not
   * of an endpoint; an empty list means that none is checked (I:pilot/pkg/networking/core/cluster_tls.go).
   */
  get inferredNames(): readonly string[] {
    const { trustDomain } = this.meshConfig;
    const id = (namespace: string, account: string): string =>
      `spiffe://${trustDomain}/ns/${namespace}/sa/${account}`;
    const annotations = this.service === undefined ? {} : annotationsOf(this.service);
    // Split without trimming, as istiod does: a blank after the comma makes a name that never matches.
    const split = (name: string): readonly string[] =>
      (annotations[name] ?? '').split(',').filter((part) => part !== '');
    return this.withAliases([
      ...this.endpoints.flatMap(({ namespace, serviceAccount }) =>
        serviceAccount === undefined ? [] : [id(namespace, serviceAccount)],
      ),
      ...split(canonicalAccounts),
      ...split(kubernetesAccounts).map((account) => id(this.namespace, account)),
      ...this.serviceEntries.flatMap((entry) => textsAt(specOf(entry), 'subjectAltNames')),
    ]);
  }

  /** The names that one namespace's sidecars accept: a rule's own list stands instead of the inferred one. */
  namesFor({ tls }: ClientPolicy): readonly string[] {
    return tls.subjectAltNames.length > 0 ? tls.subjectAltNames : this.inferredNames;
  }

  withAliases(names: readonly string[]): readonly string[] {
    const domains = this.trustDomains;
    const expanded = names.flatMap((name) => {
      const match = /^spiffe:\/\/([^/]+)(\/.*)$/.exec(name);
      if (match === null || !domains.includes(match[1] ?? '')) return [name];
      return domains.map((domain) => `spiffe://${domain}${match[2] ?? ''}`);
    });
    return [...new Set(expanded)];
  }
}

export function viewService(config: ServiceConfig, facts: Facts): ServiceView {
  return new ServiceView(config, facts);
}

/** Istio's defaults, for a mesh that is known to have no ConfigMap. */
const defaultMeshConfig: MeshConfig = {
  trustDomain: 'cluster.local',
  trustDomainAliases: [],
  rootNamespace: 'istio-system',
  enableAutoMtls: true,
  outboundTrafficPolicy: 'ALLOW_ANY',
  dnsCapture: false,
  extraRoots: [],
};

/** Labels of an entry: those of the metadata win over those of the spec. */
export function entryLabels(entry: KubeObject): Readonly<Record<string, string>> {
  return { ...textMap(specOf(entry)['labels']), ...labelsOf(entry) };
}

function ofEntry(entry: KubeObject): MeshEndpoint {
  return {
    ...ofFields(specOf(entry)),
    object: nameOf(entry),
    namespace: namespaceOf(entry),
    labels: entryLabels(entry),
    annotations: annotationsOf(entry),
    entry,
  };
}

function ofFields(fields: Fields): Pick<MeshEndpoint, 'address' | 'serviceAccount' | 'ports' | 'network'> {
  return {
    address: textAt(fields, 'address'),
    serviceAccount: textAt(fields, 'serviceAccount'),
    ports: record(fields['ports']),
    network: textAt(fields, 'network'),
  };
}
