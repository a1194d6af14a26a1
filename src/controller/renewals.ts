import type { AgentConfig, DeviceConfig } from '../config/schema.js';
import { openSpans, renewalStart } from '../identity/maintenance.js';
import type { OpenSpan } from '../identity/maintenance.js';
import { renewalFloorMs } from '../identity/renewal-time.js';
import { renewalTimes } from '../reconcile/renewal.js';
import type { RenewalTimes, RenewalWait } from '../reconcile/renewal.js';
import type { Desire } from '../reconcile/desire.js';

/** The certificate of a service as a reconcile left it. */
export interface KnownCertificate extends RenewalTimes {
  readonly sha256: string | undefined;
  readonly waits: RenewalWait | undefined;
  readonly isWithheld: boolean;
}

/** A certificate that was not renewed in time has so little of its lifetime left, in hundredths. */
export const alarmLevels = [25, 10] as const;
export type AlarmLevel = (typeof alarmLevels)[number];

/** Between two looks at a device, however much is due: what is due together is renewed together. */
const shortestPauseMs = 10_000;
/** Where the turn of a renewal comes, which waited long enough. */
const shortestTurnMs = 1000;

/** By service. Pure. */
export function knownCertificates(
  { identity }: Pick<AgentConfig, 'identity'>,
  device: DeviceConfig,
  desire: Desire,
): ReadonlyMap<string, KnownCertificate> {
  const known = new Map<string, KnownCertificate>();
  for (const { config, pair, waits, withheld } of desire.services) {
    const names = { renewAt: identity.renewAt, device: device.name, service: config.name };
    const times = renewalTimes(pair.facts, names);
    if (times === undefined) continue;
    known.set(config.name, {
      ...times,
      sha256: pair.facts['sha256'],
      waits,
      isWithheld: withheld !== undefined,
    });
  }
  return known;
}

/** When the windows of a device are open; undefined for one that has none. */
export function spansOf({ maintenanceWindows }: DeviceConfig, now: Date): OpenSpan[] | undefined {
  return maintenanceWindows && openSpans(maintenanceWindows, now);
}

/**
 * The lowest level that a certificate has sunk to although its renewal could have begun. Pure.
 *
 * @returns undefined while all is well
 */
export function renewalAlarm(
  { notBefore, notAfter, dueAt }: RenewalTimes,
  spans: readonly OpenSpan[] | undefined,
  now: Date,
): AlarmLevel | undefined {
  if (now < dueAt || renewalStart(now, { notBefore, notAfter }, spans) > now) return undefined;
  const lifetimeMs = notAfter.getTime() - notBefore.getTime();
  const left = (100 * (notAfter.getTime() - now.getTime())) / lifetimeMs;
  return alarmLevels.findLast((level) => left <= level);
}

/**
 * When the next renewal of these is to begin; undefined when none will. Pure.
 *
 * @param mintsKeys of an identity source that does not, a changed certificate is told by a watch, and nothing is due
 */
export function nextRenewal(
  certificates: Iterable<KnownCertificate>,
  options: {
    readonly spans: readonly OpenSpan[] | undefined;
    /** When one that waits for its turn has it. */
    readonly nextTurn: () => Date;
    readonly mintsKeys: boolean;
    readonly now: Date;
  },
): Date | undefined {
  const { spans, nextTurn, mintsKeys, now } = options;
  let soonest: Date | undefined;
  for (const { waits, isWithheld, ...times } of certificates) {
    if (!mintsKeys && waits === undefined) continue;
    const isDue = times.dueAt <= now || waits !== undefined;
    let at = renewalStart(isDue ? now : times.dueAt, times, spans);
    const pauseMs = waits?.for === 'pace' ? shortestTurnMs : shortestPauseMs;
    at = later(at, new Date(now.getTime() + pauseMs));
    if (isDue && waits?.for === 'pace') at = later(at, nextTurn());
    // What was asked for and could not be used is not asked for without a pause.
    if (isDue && isWithheld && waits === undefined) at = later(at, new Date(now.getTime() + renewalFloorMs));
    if (soonest === undefined || at < soonest) soonest = at;
  }
  return soonest;
}

function later(a: Date, b: Date): Date {
  return a > b ? a : b;
}
