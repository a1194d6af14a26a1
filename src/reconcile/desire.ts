import type { Allowlist } from '../allowlist/allowlist.js';
import type { Clock } from '../clock.js';
import type { AgentConfig, DeviceConfig, ServiceConfig } from '../config/schema.js';
import type { IdentitySource } from '../identity/identity-source.js';
import type { RenewalPace } from '../identity/renewal-pace.js';
import type { MeshFacts } from '../mesh/mesh-facts.js';
import type { SpiffeId } from '../spiffe/spiffe-id.js';
import type { NotARoot, TrustBundle } from '../spiffe/trust-bundle.js';
import { certificatesInUse } from './certificate-in-use.js';
import type { CertificateInUse } from './certificate-in-use.js';
import { desireCallers } from './desire-callers.js';
import type { DesiredCallers } from './desire-callers.js';
import { desireIdentity } from './desire-identity.js';
import type { DesiredDevice, DesiredPair, DesiredService } from './desired.js';
import type { ObservedDevice } from './observed.js';
import { trustBundleFile } from './pair.js';
import type { RenewalWait } from './renewal.js';
import type { AllowlistSource } from './read-allowlist.js';
import { withRootSettings } from './root-rotation/counting.js';
import { desireRoots } from './root-rotation/desire-roots.js';
import type { HeardRoots } from './root-rotation/heard-roots.js';
import type { CounterReading } from './root-rotation/evidence.js';
import type { RootState } from './root-rotation/plan-roots.js';
import { desireRevocation } from './revocation/desire-revocation.js';
import type { ReadRevocationLists } from './revocation/desire-revocation.js';
import type { RevocationMemory } from './revocation/revocation-memory.js';
import type { RevocationState } from './revocation/plan-revocation.js';
import { observedRoots } from './root-rotation/root-record.js';
import { withoutFailed } from './service-failure.js';
import type { OnServiceFailure } from './service-failure.js';

export interface DesirePorts {
  readonly allowlists: AllowlistSource;
  readonly identitySource: IdentitySource;
  /** What the identity source heard from the mesh CA. */
  readonly heardRoots: HeardRoots;
  readonly readRevocationLists: ReadRevocationLists;
  /** What came with the certificates that the identity source gave. */
  readonly revocationMemory: RevocationMemory;
  /** The counters of the device's services; asked only while a root is to go. */
  readonly readCounters: (partition: string, signal: AbortSignal) => Promise<CounterReading>;
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
  /** Why a certificate that was due, and was to be had, is not served yet. */
  readonly withheld?: string | undefined;
  /** Why one that is due was not asked for yet. */
  readonly waits?: RenewalWait | undefined;
}

export interface Desire {
  readonly device: DesiredDevice;
  readonly services: readonly DesireService[];
  readonly trustBundle: TrustBundle;
  /** The roots of the bundle and those that leave it, in the order of their fingerprints. */
  readonly roots: readonly RootState[];
  /** What became of the CRLs that the mesh publishes. */
  readonly revocation: RevocationState;
  /** What the sources offered as roots of the mesh, and is none. */
  readonly setAside?: readonly NotARoot[];
}

export interface DesireOptions {
  /** Services whose certificate is renewed whatever its age. */
  readonly renew: ReadonlySet<string>;
  /** Renews them also while the wait after a failed rotation lasts. */
  readonly isUrgent?: boolean | undefined;
  /** How many renewals begin; absent: all that are due. */
  readonly pace?: RenewalPace | undefined;
  readonly onServiceFailure: OnServiceFailure;
  readonly signal: AbortSignal;
}

/**
 * Works out what a device should hold: allowlists from the cluster, certificates from the identity source where one
 * is due, the trust bundle of the mesh.
 *
 * @throws when anything it needs cannot be read: nothing is desired on half a picture. What concerns one service goes
 *   to `onServiceFailure` first.
 */
export async function desireDevice(
  config: AgentConfig,
  deviceConfig: DeviceConfig,
  observed: ObservedDevice,
  ports: DesirePorts,
  options: DesireOptions,
): Promise<Desire> {
  const sources = await ports.identitySource.fetchTrustBundle(options.signal);
  const known = observedRoots(observed, new Set(config.identity.rootRotation.remove));
  const services: DesireService[] = [];
  const desired: DesiredService[] = [];
  const callers = await desireCallers(config, deviceConfig, observed, ports, options);
  const certificates = certificatesInUse(config, deviceConfig, observed, {
    ...options,
    sources,
    trustDomain: ports.meshFacts.trustDomain,
    source: ports.identitySource,
    now: ports.clock.now(),
  });
  for (const { records, ...caller } of soonestFirst(callers, certificates)) {
    await withoutFailed(caller.config.name, options, async () => {
      const place = { config, deviceConfig, sources, known, inUse: certificates.get(caller.config.name) };
      const service = { ...caller, ...(await desireIdentity(caller.config, place, ports, options)) };
      services.push(service);
      desired.push({ config: caller.config, pair: service.pair, records });
    });
  }
  const order = new Map(callers.map(({ config: { name } }, index) => [name, index]));
  const byConfig = (a: Pick<DesireService, 'config'>, b: Pick<DesireService, 'config'>): number =>
    (order.get(a.config.name) ?? 0) - (order.get(b.config.name) ?? 0);
  services.sort(byConfig);
  desired.sort(byConfig);
  const place = { config, deviceConfig, observed, sources, known, services };
  const { trustBundle, records, states, forRule } = await desireRoots(place, ports, options.signal);
  const withRoots = { config, deviceConfig, observed, trustBundle, services };
  const revocation = await desireRevocation(withRoots, ports, options.signal);
  return {
    device: {
      partition: deviceConfig.partition,
      tmosVersion: observed.tmosVersion,
      ruleText: ports.ruleText,
      trustBundle: trustBundleFile(trustBundle),
      revocationLists: revocation.file,
      roots: records,
      services: desired.map((service) => ({
        ...service,
        records: withRootSettings(service.records, forRule),
      })),
    },
    services,
    trustBundle,
    roots: states,
    revocation: revocation.state,
    setAside: sources.setAside,
  };
}

/** What has no certificate, then what expires first. */
function soonestFirst<T extends Pick<DesiredCallers, 'config'>>(
  callers: readonly T[],
  certificates: ReadonlyMap<string, CertificateInUse>,
): T[] {
  const endOf = ({ config: { name } }: T): number =>
    certificates.get(name)?.installed?.notAfter.getTime() ?? -Infinity;
  return callers.toSorted((a, b) => (endOf(a) === endOf(b) ? 0 : endOf(a) - endOf(b)));
}
