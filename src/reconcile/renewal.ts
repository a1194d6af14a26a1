import { renewalStart } from '../identity/maintenance.js';
import type { OpenSpan } from '../identity/maintenance.js';
import type { RenewalPace } from '../identity/renewal-pace.js';
import { renewalTime } from '../identity/renewal-time.js';
import type { DesiredPair } from './desired.js';
import type { InstalledPair } from './pair.js';

/** Why a certificate that is due is not renewed yet. */
export type RenewalWait = { readonly for: 'pace' } | { readonly for: 'window'; readonly until: Date };

/** When a certificate is to be renewed, and when it expires. */
export interface RenewalTimes {
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly dueAt: Date;
}

/** @returns undefined for a pair whose facts say nothing of its dates */
export function renewalTimes(
  facts: DesiredPair['facts'],
  names: { readonly renewAt: number; readonly device: string; readonly service: string },
): RenewalTimes | undefined {
  const notBefore = dateOf(facts['not-before']);
  const notAfter = dateOf(facts['not-after']);
  if (notBefore === undefined || notAfter === undefined) return undefined;
  const dates = { notBefore, notAfter };
  return { ...dates, dueAt: renewalTime({ ...dates, installedAt: dateOf(facts['minted']), ...names }) };
}

/**
 * Which of the renewals that are due now do not begin yet, and why, by service.
 *
 * @param spans undefined where renewals wait for no window
 * @param pace undefined for a command that runs once: it has no later turn
 */
export function renewalWaits(
  due: ReadonlyMap<string, InstalledPair>,
  options: {
    readonly device: string;
    readonly spans: readonly OpenSpan[] | undefined;
    readonly pace: RenewalPace | undefined;
    readonly now: Date;
  },
): ReadonlyMap<string, RenewalWait> {
  const { device, spans, pace, now } = options;
  const waits = new Map<string, RenewalWait>();
  for (const [service, installed] of due) {
    const until = renewalStart(now, installed, spans);
    if (until > now) waits.set(service, { for: 'window', until });
  }
  const ready = [...due].filter(([service]) => !waits.has(service));
  const admitted = pace?.admit(
    device,
    ready.map(([service, { fingerprint256, notAfter }]) => ({ service, fingerprint256, notAfter })),
  );
  for (const [service] of ready) if (admitted?.has(service) === false) waits.set(service, { for: 'pace' });
  return waits;
}

function dateOf(seconds: string | undefined): Date | undefined {
  return seconds !== undefined && /^\d+$/.test(seconds) ? new Date(Number(seconds) * 1000) : undefined;
}
