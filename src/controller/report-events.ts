import type { AllowlistRefusal } from '../allowlist/allowlist.js';
import { renderPlaceInside } from '../allowlist/render-place.js';
import type { ServiceConfig } from '../config/schema.js';
import { kinds } from '../kube/kinds.js';
import { serviceNames } from '../reconcile/names.js';
import type { Change } from '../reconcile/plan.js';
import type { RollBack } from '../reconcile/roll-back.js';
import type { Failure } from './device-status.js';
import { renderDrift } from './drift.js';
import type { Drift } from './drift.js';
import type { ConfigMapEvent } from './event-recorder.js';
import type { Removal } from './held-allowlists.js';
import type { HeldSource } from './held-source.js';

/** An allowlist pasted in the wrong format has a bad line for each of its lines. */
const mostLines = 10;
const mostChanges = 8;

/** One Event for each line, key or rule that was set aside. Pure. */
export function refusalEvents(configMap: HeldSource): ConfigMapEvent[] {
  const { refusals, isDenyKept } = configMap;
  const event = (subject: string, note: string): ConfigMapEvent => ({
    configMap,
    reason: 'AllowlistRefused',
    subject,
    note,
  });
  const told = refusals.slice(0, mostLines).map((refusal) => {
    const note = `${renderPlaceInside(refusal)}: ${refusal.reason}${keptBy(refusal, isDenyKept)}`;
    return event(note, note);
  });
  const left = refusals.length - told.length;
  return left === 0 ? told : [...told, event(`and ${left} more`, `and ${left} more lines, keys or rules`)];
}

/** What stays in force while a line or key cannot be read. */
function keptBy(refusal: AllowlistRefusal, isDenyKept: boolean): string {
  if (refusal.policy !== undefined) return '';
  const stay = 'entries of before stay in force until it is mended';
  if (refusal.key === 'allow') return refusal.line === undefined ? `; the allow and deny ${stay}` : '';
  return isDenyKept ? `; the deny ${stay}` : '';
}

/** The Event of a change of who may call that was proven; undefined when nothing of that kind changed. Pure. */
export function appliedEvent(
  service: string,
  device: string,
  configMap: HeldSource,
  changes: readonly Change[],
): ConfigMapEvent | undefined {
  const names = serviceNames(service);
  const lists = { allow: names.allow, deny: names.deny, settings: names.settings };
  const lines = Object.entries(lists).flatMap(([list, name]) =>
    changes
      .filter(({ object }) => object.kind === 'ltm/data-group/internal' && object.name === name)
      .flatMap(({ details }) => details.map((detail) => `${list} ${detail}`)),
  );
  if (lines.length === 0) return undefined;
  const more = lines.length > mostChanges ? `, and ${lines.length - mostChanges} more` : '';
  return {
    configMap,
    reason: 'AllowlistApplied',
    subject: `${service} ${configMap.resourceVersion}`,
    note: `service ${service} on device ${device}: ${lines.slice(0, mostChanges).join(', ')}${more}; proven`,
  };
}

/** Pure. */
export function failureEvent(
  service: string,
  device: string,
  configMap: HeldSource,
  { code, message, nextStep }: Failure,
): ConfigMapEvent {
  return {
    configMap,
    reason: 'ServiceFailed',
    // Another reason of the same code is news; another time or port within it is not.
    subject: `${service} ${code} ${message.replaceAll(/\d+/g, '0')}`,
    note: `service ${service} on device ${device}: ${message}; ${nextStep} (${code})`,
  };
}

/** Pure. @returns undefined when the service does not have its earlier certificate again */
export function rollBackEvent(
  device: string,
  configMap: ConfigMapEvent['configMap'],
  rollBack: RollBack,
  at: Date,
): ConfigMapEvent | undefined {
  if (!('service' in rollBack)) return undefined;
  const { config, pair } = rollBack.service;
  const earlier = `SHA-256 ${(pair.facts['sha256'] ?? '').slice(0, 12)}`;
  const { name } = config;
  return {
    configMap,
    reason: 'CertificateRolledBack',
    subject: `${name} ${at.toISOString()}`,
    note: `service ${name} on device ${device} has its earlier certificate again (${earlier}), ${rollBack.outcome}`,
  };
}

/** Pure. @param at when it was put back: the same edit made twice is told twice */
export function driftEvent(
  device: string,
  configMap: ConfigMapEvent['configMap'],
  drift: Drift,
  at: Date,
): ConfigMapEvent {
  const { details, kind, name } = drift;
  const shown = details.length === 0 ? '' : ` (${details.slice(0, mostChanges).join(', ')})`;
  return {
    configMap,
    reason: 'DriftRepaired',
    subject: `${device} ${kind} ${name} ${at.toISOString()}`,
    note: `on device ${device}, ${renderDrift(drift)} by somebody else; put back${shown}`,
  };
}

/** On what was edited; after a deletion on the service's account, which is there as long as the service is. Pure. */
export function removalEvents(
  { name, identity }: ServiceConfig,
  { removed, before, changed }: Removal,
): ConfigMapEvent[] {
  const account = {
    kind: kinds.serviceAccount,
    namespace: identity.namespace,
    name: identity.serviceAccount,
  };
  const versions = changed.map(({ uid, resourceVersion }) => `${uid} ${resourceVersion}`).join(' ');
  return (changed.length === 0 ? [account] : changed).map((configMap) => ({
    configMap,
    reason: 'AllowlistShrunk',
    subject: `${name} ${before} ${removed} ${versions}`,
    note: `service ${name}: ${removed} of ${before} allow entries go; it is not held back`,
  }));
}
