import type { Logger } from '../log.js';
import type { DeviceStatus, Failure, Outcome } from './device-status.js';

/** Logs changes, and what begins or ends; a reconcile with nothing to do, or a failure that goes on, is for debugging. */
export function logOutcome(
  logger: Logger,
  before: DeviceStatus,
  after: DeviceStatus,
  { report }: Outcome,
): void {
  const { device } = after;
  const changes = report?.plan.changes.map(({ action, object }) => `${action} ${object.kind} ${object.name}`);
  if (changes !== undefined && changes.length > 0) logger.info({ device, changes }, 'changed');
  else logger.debug({ device }, 'nothing to change');
  const failedBefore = failuresOf(before);
  const failedNow = failuresOf(after);
  for (const [service, { code, message, nextStep }] of failedNow) {
    const level = failedBefore.get(service)?.code === code ? 'debug' : 'warn';
    logger[level]({ ...subjectOf(device, service), code, reason: message, nextStep }, 'to be tried again');
  }
  for (const service of failedBefore.keys()) {
    if (!failedNow.has(service)) logger.info(subjectOf(device, service), 'well again');
  }
}

/** By service; the device itself under the empty name. */
function failuresOf({ failure, services }: DeviceStatus): ReadonlyMap<string, Failure> {
  const failures = new Map<string, Failure>();
  if (failure !== undefined) failures.set('', failure);
  for (const [name, status] of services) if (status.failure !== undefined) failures.set(name, status.failure);
  return failures;
}

function subjectOf(device: string, service: string): Readonly<Record<string, string>> {
  return service === '' ? { device } : { device, service };
}
