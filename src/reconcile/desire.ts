import type { Allowlist } from '../allowlist/allowlist.js';
import type { Clock } from '../clock.js';
import type { AgentConfig, DeviceConfig, ServiceConfig } from '../config/schema.js';
import type { IdentitySource } from '../identity/identity-source.js';
import { renewalTime } from '../identity/renewal-time.js';
import { unionOf } from '../identity/mesh-roots.js';
import { fetchVerifiedSvid } from '../identity/verify-svid.js';
import { renderDataGroups } from '../irule/data-groups.js';
import type { MeshFacts } from '../mesh/mesh-facts.js';
import { serviceAccountSpiffeId } from '../spiffe/spiffe-id.js';
import type { SpiffeId } from '../spiffe/spiffe-id.js';
import type { TrustBundle } from '../spiffe/trust-bundle.js';
import { AgentError } from '../errors.js';
import type { DesiredDevice, DesiredPair, DesiredService } from './desired.js';
import { installedAllowlist } from './installed-allowlist.js';
import type { ObservedDevice } from './observed.js';
import { installedPair, newPair, trustBundleFile } from './pair.js';
import type { AllowlistSource } from './read-allowlist.js';

export interface DesirePorts {
  readonly allowlists: AllowlistSource;
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
  let trustBundle = await ports.identitySource.fetchTrustBundle(options.signal);
  const services: DesireService[] = [];
  const desired: DesiredService[] = [];
  const callers = await desireCallers(config, deviceConfig, observed, ports, options);
  for (const { records, ...caller } of callers) {
    await withoutFailed(caller.config.name, options, async () => {
      const place = { config, deviceConfig, observed, trustBundle };
      const { roots, ...identity } = await desireIdentity(caller.config, place, ports, options);
      const service = { ...caller, ...identity };
      // A CA that changes its root may say so in its answer before the mesh publishes it.
      if (roots !== undefined) trustBundle = unionOf([trustBundle, roots]);
      services.push(service);
      desired.push({ config: caller.config, pair: service.pair, records });
    });
  }
  return {
    device: {
      partition: deviceConfig.partition,
      tmosVersion: observed.tmosVersion,
      ruleText: ports.ruleText,
      trustBundle: trustBundleFile(trustBundle),
      services: desired,
    },
    services,
    trustBundle,
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
        return read.allowlist;
      });
      const recheck =
        service.recheck === undefined ? {} : { recheckSeconds: Math.floor(service.recheck / 1000) };
      const records = renderDataGroups(allowlist, trustDomains, recheck);
      callers.push({ config: service, allowlist, trustDomains, records });
    });
  }
  return callers;
}

/** The certificate that the device has, or a new one where it is due. */
async function desireIdentity(
  service: ServiceConfig,
  place: {
    readonly config: AgentConfig;
    readonly deviceConfig: DeviceConfig;
    readonly observed: ObservedDevice;
    readonly trustBundle: TrustBundle;
  },
  { identitySource, meshFacts, clock }: DesirePorts,
  options: DesireOptions,
): Promise<Pick<DesireService, 'spiffeId' | 'pair' | 'isNewPair'> & { readonly roots?: TrustBundle }> {
  const { config, deviceConfig, observed, trustBundle } = place;
  const { keyType, renewAt, ttl } = config.identity;
  const spiffeId = identityOf(service, meshFacts.trustDomain);
  const installed = installedPair(service.name, observed, deviceConfig.partition);
  const isUsable =
    installed !== undefined &&
    !options.renew.has(service.name) &&
    installed.spiffeId === spiffeId.text &&
    trustBundle.roots.some(({ fingerprint256 }) => fingerprint256 === installed.rootFingerprint256) &&
    clock.now() < renewalTime({ ...installed, renewAt, device: deviceConfig.name, service: service.name });
  if (isUsable && identitySource.mintsKeys) return { spiffeId, pair: installed.pair, isNewPair: false };
  const asIs = installed && { pair: installed.pair };
  const desired = await kept<{ readonly pair: DesiredPair; readonly roots?: TrustBundle }>(
    service.name,
    options,
    asIs,
    async () => {
      const request = { spiffeId, ttlMs: ttl, keyType };
      const fetched = await fetchVerifiedSvid(identitySource, request, () => clock.now(), options.signal);
      const { svid, trustBundle: roots } = fetched;
      // What somebody else renews and has not renewed yet is what the device has.
      const isInstalled = installed?.fingerprint256 === svid.fingerprint256;
      const pair = isInstalled ? installed.pair : newPair(service.name, svid, roots, clock.now());
      return { pair, roots };
    },
  );
  return { spiffeId, isNewPair: desired.pair !== installed?.pair, ...desired };
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
