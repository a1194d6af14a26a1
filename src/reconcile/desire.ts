import type { Allowlist } from '../allowlist/allowlist.js';
import type { Clock } from '../clock.js';
import type { AgentConfig, DeviceConfig, ServiceConfig } from '../config/schema.js';
import type { IdentitySource } from '../identity/identity-source.js';
import { renewalTime } from '../identity/renewal-time.js';
import { fetchVerifiedSvid } from '../identity/verify-svid.js';
import { renderDataGroups } from '../irule/data-groups.js';
import type { KubeClient } from '../kube/client.js';
import type { MeshFacts } from '../mesh/mesh-facts.js';
import { serviceAccountSpiffeId } from '../spiffe/spiffe-id.js';
import type { SpiffeId } from '../spiffe/spiffe-id.js';
import type { TrustBundle } from '../spiffe/trust-bundle.js';
import { AgentError } from '../errors.js';
import type { DesiredDevice, DesiredPair } from './desired.js';
import type { ObservedDevice } from './observed.js';
import { installedPair, newPair, trustBundleFile } from './pair.js';
import { readAllowlist, requireNoRefusals } from './read-allowlist.js';

export interface DesirePorts {
  readonly kube: KubeClient;
  readonly identitySource: IdentitySource;
  readonly meshFacts: MeshFacts;
  readonly clock: Clock;
  readonly ruleText: string;
}

/** What one service should be, and what its proof has to know. */
export interface DesireService {
  readonly config: ServiceConfig;
  readonly spiffeId: SpiffeId;
  readonly allowlist: Allowlist;
  readonly trustDomains: readonly string[];
  readonly pair: DesiredPair;
  readonly isNewPair: boolean;
}

export interface Desire {
  readonly device: DesiredDevice;
  readonly services: readonly DesireService[];
  readonly trustBundle: TrustBundle;
}

/**
 * Works out what a device should hold: allowlists from the cluster, certificates from the identity source where one
 * is due, the trust bundle of the mesh.
 *
 * @param renew services whose certificate is renewed whatever its age
 * @throws when anything it needs cannot be read: nothing is desired on half a picture
 */
export async function desireDevice(
  config: AgentConfig,
  deviceConfig: DeviceConfig,
  observed: ObservedDevice,
  ports: DesirePorts,
  { renew, signal }: { readonly renew: ReadonlySet<string>; readonly signal: AbortSignal },
): Promise<Desire> {
  const { kube, identitySource, meshFacts, clock } = ports;
  const { trustDomain } = meshFacts;
  const trustDomains = [trustDomain, ...meshFacts.trustDomainAliases];
  const trustBundle = await identitySource.fetchTrustBundle(signal);
  const services: DesireService[] = [];
  for (const service of config.services.filter(({ device }) => device === deviceConfig.name)) {
    const { allowlist, refusals } = await readAllowlist(kube, service, signal);
    requireNoRefusals(service.name, refusals);
    const spiffeId = identityOf(service, trustDomain);
    const installed = installedPair(service.name, observed, deviceConfig.partition);
    const isUsable =
      installed !== undefined &&
      !renew.has(service.name) &&
      installed.spiffeId === spiffeId.text &&
      trustBundle.roots.some(({ fingerprint256 }) => fingerprint256 === installed.rootFingerprint256) &&
      clock.now() <
        renewalTime({
          ...installed,
          renewAt: config.identity.renewAt,
          device: deviceConfig.name,
          service: service.name,
        });
    let pair: DesiredPair;
    if (isUsable) {
      pair = installed.pair;
    } else {
      const request = { spiffeId, ttlMs: config.identity.ttl, keyType: config.identity.keyType };
      const { svid } = await fetchVerifiedSvid(identitySource, request, () => clock.now(), signal);
      pair = newPair(service.name, svid, trustBundle, clock.now());
    }
    services.push({ config: service, spiffeId, allowlist, trustDomains, pair, isNewPair: !isUsable });
  }
  return {
    device: {
      partition: deviceConfig.partition,
      tmosVersion: observed.tmosVersion,
      ruleText: ports.ruleText,
      trustBundle: trustBundleFile(trustBundle),
      services: services.map(({ config: service, pair, allowlist }) => ({
        config: service,
        pair,
        records: renderDataGroups(allowlist, trustDomains),
      })),
    },
    services,
    trustBundle,
  };
}

function identityOf({ name, identity }: ServiceConfig, trustDomain: string): SpiffeId {
  const parsed = serviceAccountSpiffeId({ trustDomain, ...identity });
  if (parsed.ok) return parsed.value;
  throw new AgentError(
    'MESH_ERR_CONFIG_INVALID',
    `the identity of service ${name} is no SPIFFE ID: ${parsed.reason}`,
    'mend mesh.trustDomain and the identity of the service',
  );
}
