import type { AgentConfig, DeviceConfig, ServiceConfig } from '../config/schema.js';
import { AgentError } from '../errors.js';
import { fetchVerifiedSvid } from '../identity/verify-svid.js';
import { serviceAccountSpiffeId } from '../spiffe/spiffe-id.js';
import type { SpiffeId } from '../spiffe/spiffe-id.js';
import type { TrustBundle } from '../spiffe/trust-bundle.js';
import type { CertificateInUse } from './certificate-in-use.js';
import type { DesireOptions, DesirePorts, DesireService } from './desire.js';
import { newPair, rootOf } from './pair.js';
import type { InstalledPair } from './pair.js';
import type { RenewalWait } from './renewal.js';
import { whyLeafStays } from './root-rotation/leaf-move.js';
import type { RootRecord } from './root-rotation/root-record.js';
import { orInstalled } from './service-failure.js';

/** The certificate that the device has, or a new one where it is due. */
export async function desireIdentity(
  service: ServiceConfig,
  place: {
    readonly config: AgentConfig;
    readonly deviceConfig: DeviceConfig;
    /** The roots that the sources name. */
    readonly sources: TrustBundle;
    readonly known: readonly RootRecord[];
    readonly inUse: CertificateInUse | undefined;
  },
  { identitySource, meshFacts, clock }: DesirePorts,
  options: DesireOptions,
): Promise<Pick<DesireService, 'spiffeId' | 'pair' | 'isNewPair' | 'withheld' | 'waits'>> {
  const { config, deviceConfig, sources, known, inUse } = place;
  const { keyType, ttl } = config.identity;
  const spiffeId = identityOf(service, meshFacts.trustDomain);
  const { installed, failure, isUsable = false } = inUse ?? {};
  const now = clock.now();
  const waiting = (
    wait: RenewalWait,
    { pair }: InstalledPair,
  ): Pick<DesireService, 'pair' | 'withheld' | 'waits'> => {
    if (wait.for === 'pace') return { pair, waits: wait };
    const why = `the next maintenance window of device ${deviceConfig.name} opens at ${wait.until.toISOString()}`;
    if (!options.renew.has(service.name)) return { pair, waits: wait, withheld: why };
    throw new AgentError(
      'MESH_ERR_RENEWAL_WAITS',
      `the certificate of service ${service.name} is not renewed now: ${why}`,
      `wait for it, or run bigip-mesh rotate ${service.name} --now`,
    );
  };
  if (installed !== undefined && identitySource.mintsKeys) {
    if (isUsable) return { spiffeId, pair: installed.pair, isNewPair: false };
    const wait = inUse?.wait();
    if (wait !== undefined) return { spiffeId, isNewPair: false, ...waiting(wait, installed) };
  }
  const asIs = installed && { pair: installed.pair };
  const served = isServed(installed, spiffeId, now) ? installed : undefined;
  const desired = await orInstalled<Pick<DesireService, 'pair' | 'withheld' | 'waits'>>(
    service.name,
    options,
    asIs,
    async () => {
      if (inUse?.spared !== undefined) throw inUse.spared;
      const request = { spiffeId, ttlMs: ttl, keyType };
      const fetched = await fetchVerifiedSvid(identitySource, request, () => clock.now(), options.signal);
      const { svid, trustBundle: roots } = fetched;
      // What somebody else renews and has not renewed yet is what the device has.
      const isInstalled = installed?.fingerprint256 === svid.fingerprint256;
      const isFailed = failure !== undefined && svid.fingerprint256.startsWith(failure.fingerprint);
      const isKept = isInstalled || (isUsable && isFailed);
      if (installed !== undefined && isKept) return { pair: installed.pair };
      const wait = identitySource.mintsKeys ? undefined : inUse?.wait();
      if (wait !== undefined && installed !== undefined) return waiting(wait, installed);
      const withheld = whyLeafStays({ root: rootOf(svid, roots), sources, known, served, now });
      if (withheld === undefined) return { pair: newPair(service.name, svid, roots, clock.now()) };
      if (served !== undefined) return { pair: served.pair, withheld };
      throw new AgentError(
        'MESH_ERR_ROOT_UNPUBLISHED',
        `the certificate of service ${service.name} cannot be replaced: ${withheld}`,
        'let the mesh publish that root (ConfigMap istio-ca-root-cert); or, if callers get it by another way, name its file in identity.extraRoots',
      );
    },
  );
  return { spiffeId, isNewPair: desired.pair !== installed?.pair, ...desired };
}

/** Whether callers could accept what the device serves now. */
function isServed(
  installed: InstalledPair | undefined,
  { text }: SpiffeId,
  now: Date,
): installed is InstalledPair {
  return installed?.spiffeId === text && now < installed.notAfter;
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
