import { accepted } from '../parsed.js';
import type { Parsed } from '../parsed.js';
import { record, textAt } from './fields.js';
import { parseYamlFields } from './yaml.js';

/** What `vet` judges by in a `MeshConfig` (A:mesh/v1alpha1); defaults are filled in. */
export interface MeshConfig {
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
  readonly rootNamespace: string;
  readonly enableAutoMtls: boolean;
  /** `ALLOW_ANY` or `REGISTRY_ONLY` */
  readonly outboundTrafficPolicy: string;
  /** ISTIO_META_DNS_CAPTURE in `defaultConfig.proxyMetadata`. */
  readonly dnsCapture: boolean;
  /** PEM of roots besides the mesh CA's (`caCertificates`). */
  readonly extraRoots: readonly string[];
}

/** Reads the text under `mesh` of the ConfigMap `istio`. */
export function parseVettedMeshConfig(text: string): Parsed<MeshConfig> {
  const parsed = parseYamlFields(text);
  if (!parsed.ok) return parsed;
  const config = parsed.value;
  const aliases = config['trustDomainAliases'];
  const authorities = config['caCertificates'];
  return accepted({
    trustDomain: textAt(config, 'trustDomain') ?? 'cluster.local',
    trustDomainAliases: Array.isArray(aliases) ? aliases.map(String) : [],
    rootNamespace: textAt(config, 'rootNamespace') ?? 'istio-system',
    enableAutoMtls: config['enableAutoMtls'] !== false,
    outboundTrafficPolicy: textAt(record(config['outboundTrafficPolicy']), 'mode') ?? 'ALLOW_ANY',
    dnsCapture: capturesDns(record(config['defaultConfig'])),
    extraRoots: Array.isArray(authorities)
      ? authorities.flatMap((authority) => textAt(record(authority), 'pem') ?? [])
      : [],
  });
}

/** Whether a ProxyConfig turns DNS capture on. */
export function capturesDns(proxyConfig: Readonly<Record<string, unknown>>): boolean {
  return String(record(proxyConfig['proxyMetadata'])['ISTIO_META_DNS_CAPTURE']) === 'true';
}
