import type { AllowlistRefusal } from '../allowlist/allowlist.js';
import { serviceNames } from '../reconcile/names.js';
import type { Change } from '../reconcile/plan.js';
import type { Failure } from './device-status.js';
import type { ConfigMapEvent } from './event-recorder.js';
import type { HeldConfigMap } from './held-config-map.js';

/** An allowlist pasted in the wrong format has a bad line for each of its lines. */
const mostLines = 10;
const mostChanges = 8;

/** One Event for each refused line or key of a ConfigMap. Pure. */
export function refusalEvents(configMap: HeldConfigMap): ConfigMapEvent[] {
  const { refusals, isDenyRefused } = configMap;
  const event = (subject: string, note: string): ConfigMapEvent => ({
    configMap,
    reason: 'AllowlistRefused',
    subject,
    note,
  });
  const held = isDenyRefused ? '; the deny entries of before stay in force until it is mended' : '';
  const told = refusals.slice(0, mostLines).map((refusal) => {
    const note = `${renderPlace(refusal)}: ${refusal.reason}${refusal.key === 'allow' ? '' : held}`;
    return event(note, note);
  });
  const left = refusals.length - told.length;
  return left === 0 ? told : [...told, event(`and ${left} more`, `and ${left} more lines or keys`)];
}

/** The Event of a change of who may call that was proven; undefined when nothing of that kind changed. Pure. */
export function appliedEvent(
  service: string,
  device: string,
  configMap: HeldConfigMap,
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
  configMap: HeldConfigMap,
  { code, message, nextStep }: Failure,
): ConfigMapEvent {
  return {
    configMap,
    reason: 'ServiceFailed',
    subject: `${service} ${code}`,
    note: `service ${service} on device ${device}: ${message}; ${nextStep} (${code})`,
  };
}

function renderPlace({ key, line }: AllowlistRefusal): string {
  return line === undefined ? `key ${key}` : `${key} line ${line}`;
}
