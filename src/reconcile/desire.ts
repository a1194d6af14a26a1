import type { Allowlist } from '../allowlist/allowlist.js';
import type { Clock } from '../clock.js';
import type { AgentConfig, DeviceConfig, ServiceConfig } from '../config/schema.js';
import type { IdentitySource } from '../identity/identity-source.js';
import type { RenewalPace } from '../identity/renewal-pace.js';
import { fetchVerifiedSvid } from '../identity/verify-svid.js';
import { renderDataGroups } from '../irule/data-groups.js';
import type { MeshFacts } from '../mesh/mesh-facts.js';
import { serviceAccountSpiffeId } from '../spiffe/spiffe-id.js';
import type { SpiffeId } from '../spiffe/spiffe-id.js';
import type { NotARoot, TrustBundle } from '../spiffe/trust-bundle.js';
import { AgentError } from '../errors.js';
import { certificatesInUse } from './certificate-in-use.js';
import type { CertificateInUse } from './certificate-in-use.js';
import type { DesiredDevice, DesiredPair, DesiredService } from './desired.js';
import { installedAllowlist } from './installed-allowlist.js';
import type { ObservedDevice } from './observed.js';
import { newPair, rootOf, trustBundleFile } from './pair.js';
import type { InstalledPair } from './pair.js';
import type { RenewalWait } from './renewal.js';
import type { AllowlistSource } from './read-allowlist.js';
import { keptRootSettings, withRootSettings } from './root-rotation/counting.js';
import { desireRoots } from './root-rotation/desire-roots.js';
import type { HeardRoots } from './root-rotation/heard-roots.js';
import type { CounterReading } from './root-rotation/evidence.js';
import { whyLeafStays } from './root-rotation/leaf-move.js';
import type { RootState } from './root-rotation/plan-roots.js';
import { desireRevocation } from './revocation/desire-revocation.js';
import type { ReadRevocationLists } from './revocation/desire-revocation.js';
import type { RevocationMemory } from './revocation/revocation-memory.js';
import type { RevocationState } from './revocation/plan-revocation.js';
import { observedRoots } from './root-rotation/root-record.js';
import type { RootRecord } from './root-rotation/root-record.js';

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

/**
 * Told of what is wrong with one service. To let that stop everything, throw the error on; whoever returns goes on
 * with what the device holds of that service, or without it.
 */
export type OnServiceFailure = (service: string, error: AgentError) => void;

/** For one-shot commands: somebody stands at the terminal and can mend what is wrong. */
export const stopAtFailure: OnServiceFailure = (_service, error) => {
  throw error;
};

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

/** Who may call a service, as data for the device. */
export type DesiredCallers = Pick<DesireService, 'config' | 'allowlist' | 'trustDomains'> &
  Pick<DesiredService, 'records'>;

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

/**
 * Works out who may call the services of a device. Where that is unknown, what the device enforces stays.
 */
export async function desireCallers(
  config: AgentConfig,
  deviceConfig: DeviceConfig,
  observed: ObservedDevice,
  { allowlists, meshFacts }: Pick<DesirePorts, 'allowlists' | 'meshFacts'>,
  options: DesireOptions,
): Promise<DesiredCallers[]> {
  const trustDomains = [meshFacts.trustDomain, ...meshFacts.trustDomainAliases];
  const callers: DesiredCallers[] = [];
  for (const service of config.services.filter(({ device }) => device === deviceConfig.name)) {
    await withoutFailed(service.name, options, async () => {
      const installed = installedAllowlist(service.name, observed);
      const allowlist = await kept(service.name, options, installed, async () => {
        const read = await allowlists.read(service, installed, options.signal);
        if (read.problem !== undefined) options.onServiceFailure(service.name, read.problem);
        return read.allowlist;
      });
      const recheck =
        service.recheck === undefined ? {} : { recheckSeconds: Math.floor(service.recheck / 1000) };
      const rendered = renderDataGroups(allowlist, trustDomains, recheck);
      const records = keptRootSettings(rendered, service.name, observed);
      callers.push({ config: service, allowlist, trustDomains, records });
    });
  }
  return callers;
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

/** The certificate that the device has, or a new one where it is due. */
async function desireIdentity(
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
  const desired = await kept<Pick<DesireService, 'pair' | 'withheld' | 'waits'>>(
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

/** What was asked for, or what the device has when that cannot be had. */
async function kept<T>(
  service: string,
  { onServiceFailure, signal }: DesireOptions,
  installed: T | undefined,
  desire: () => Promise<T>,
): Promise<T> {
  try {
    return await desire();
  } catch (error) {
    signal.throwIfAborted();
    if (installed === undefined || !(error instanceof AgentError)) throw error;
    onServiceFailure(service, error);
    return installed;
  }
}

/** A service that cannot be desired is left out; what the device has of it is not touched. */
async function withoutFailed(
  service: string,
  { onServiceFailure, signal }: DesireOptions,
  desire: () => Promise<void>,
): Promise<void> {
  try {
    await desire();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AgentError)) throw error;
    onServiceFailure(service, error);
  }
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
