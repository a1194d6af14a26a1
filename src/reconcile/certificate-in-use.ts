import type { AgentConfig, DeviceConfig } from '../config/schema.js';
import type { AgentError } from '../errors.js';
import type { IdentitySource } from '../identity/identity-source.js';
import { openSpans } from '../identity/maintenance.js';
import type { RenewalPace } from '../identity/renewal-pace.js';
import { serviceAccountSpiffeId } from '../spiffe/spiffe-id.js';
import type { TrustBundle } from '../spiffe/trust-bundle.js';
import type { ObservedDevice } from './observed.js';
import { installedPair } from './pair.js';
import type { InstalledPair } from './pair.js';
import { renewalTimes, renewalWaits } from './renewal.js';
import type { RenewalWait } from './renewal.js';
import { hasLostItsRoot } from './root-rotation/leaf-move.js';
import { failureToWaitFor, rotationFailure } from './rotation-failure.js';
import type { RotationFailure } from './rotation-failure.js';

/** The certificate of a service that the device has, and what is to become of it. */
export interface CertificateInUse {
  readonly installed: InstalledPair | undefined;
  /** The failed rotation for whose sake it stays. */
  readonly failure: RotationFailure | undefined;
  /** Whether it may stay: it is as it should be, and not due. */
  readonly isUsable: boolean;
  /**
   * Why it is not replaced although it could be; undefined when it may be replaced now. Takes the renewal's turn.
   *
   * A certificate that callers refuse (of another identity, under a root that is gone) is replaced whatever the hour
   * and however many there are: nothing that works is put at risk.
   */
  readonly wait: () => RenewalWait | undefined;
  /** Why the source is not asked for its successor now; it takes no turn. */
  readonly spared?: AgentError | undefined;
}

interface InUseOptions {
  /** Services whose certificate is renewed whatever its age. */
  readonly renew: ReadonlySet<string>;
  /** Renews them also during a wait. */
  readonly isUrgent?: boolean | undefined;
  readonly pace?: RenewalPace | undefined;
  readonly trustDomain: string;
  /** The roots that the sources name. */
  readonly sources: TrustBundle;
  /** One that makes no keys has to be asked before it is known whether there is a turn to take. */
  readonly source: Pick<IdentitySource, 'mintsKeys' | 'sparedFor'>;
  readonly now: Date;
}

/** What the device has of each of its services. */
export function certificatesInUse(
  config: AgentConfig,
  deviceConfig: DeviceConfig,
  observed: ObservedDevice,
  options: InUseOptions,
): ReadonlyMap<string, CertificateInUse> {
  const { renew, isUrgent, pace, trustDomain, sources, source, now } = options;
  const { name: device, maintenanceWindows, partition } = deviceConfig;
  const { renewAt } = config.identity;
  const spans = maintenanceWindows && openSpans(maintenanceWindows, now);
  const due = new Map<string, InstalledPair>();
  const waitsOf = (
    these: ReadonlyMap<string, InstalledPair>,
    turns: RenewalPace | undefined,
  ): ReadonlyMap<string, RenewalWait> => renewalWaits(these, { device, spans, pace: turns, now });
  let waits: ReadonlyMap<string, RenewalWait> | undefined;

  const certificates = new Map<string, CertificateInUse>();
  for (const { name, identity } of config.services.filter((service) => service.device === device)) {
    const installed = installedPair(name, observed, partition);
    if (installed === undefined) {
      certificates.set(name, { installed, failure: undefined, isUsable: false, wait: () => undefined });
      continue;
    }
    const isRenewed = renew.has(name);
    const isForced = isRenewed && isUrgent === true;
    const failure = isForced ? undefined : failureToWaitFor(installed, now);
    const spiffeId = serviceAccountSpiffeId({ trustDomain, ...identity });
    const isAccepted =
      spiffeId.ok && installed.spiffeId === spiffeId.value.text && !hasLostItsRoot(installed, sources);
    const { facts } = installed.pair;
    const dueAt = renewalTimes(facts, { renewAt, device, service: name })?.dueAt;
    const isDue = isRenewed || rotationFailure(facts) !== undefined || dueAt === undefined || dueAt <= now;
    const isUsable = isAccepted && (failure !== undefined || !isDue);
    const isPaced = isAccepted && !isUsable && !isRenewed && source.mintsKeys;
    const spared = isPaced ? source.sparedFor?.(spiffeId.value) : undefined;
    if (isPaced && spared === undefined) due.set(name, installed);
    const wait = (): RenewalWait | undefined => {
      if (!isAccepted || isForced) return undefined;
      const alone = new Map([[name, installed]]);
      // A command for one service is its turn.
      if (isRenewed || spared !== undefined) return waitsOf(alone, undefined).get(name);
      if (!source.mintsKeys) return waitsOf(alone, pace).get(name);
      waits ??= waitsOf(due, pace);
      return waits.get(name);
    };
    certificates.set(name, { installed, failure, isUsable, wait, spared });
  }
  return certificates;
}
