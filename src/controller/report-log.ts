import type { Logger } from '../log.js';
import type { DeviceStatus, Failure, Outcome } from './device-status.js';
import { renderDrift } from './drift.js';
import type { Drift } from './drift.js';
import { revocationNews } from './revocation-news.js';
import { rootNews } from './root-news.js';

/**
 * Logs one line: what was changed, what somebody else had changed on the device, what begins to fail and what ends.
 * A reconcile with none of that, or a failure that goes on, is for debugging.
 */
export function logOutcome(
  logger: Logger,
  before: DeviceStatus,
  after: DeviceStatus,
  { report }: Pick<Outcome, 'report'>,
  { drift, ms }: { readonly drift: readonly Drift[]; readonly ms: number },
): void {
  const { device } = after;
  const changes =
    report?.plan.changes.map(({ action, object }) => `${action} ${object.kind} ${object.name}`) ?? [];
  const failures = newFailures(before, after);
  const mended = [...failuresOf(before).keys()].filter((subject) => !failuresOf(after).has(subject));
  const crl = revocationNews(before.revocation, after.revocation);
  const isGood = failures.length === 0 && drift.length === 0 && crl.problems.length === 0;
  const roots = rootNews(before.roots, after.roots);
  const isNews =
    !isGood || changes.length > 0 || roots.length > 0 || mended.length > 0 || crl.change !== undefined;
  logger[isGood ? (isNews ? 'info' : 'debug') : 'warn'](
    {
      device,
      ms,
      ...(changes.length === 0 ? {} : { changes }),
      ...(roots.length === 0 ? {} : { roots }),
      ...(crl.change === undefined ? {} : { crl: crl.change }),
      ...(crl.problems.length === 0 ? {} : { crlProblems: crl.problems.map(said) }),
      ...(drift.length === 0 ? {} : { drift: drift.map(renderDrift) }),
      ...(failures.length === 0 ? {} : { failures }),
      ...(mended.length === 0 ? {} : { mended }),
    },
    failuresOf(after).size > 0 ? 'did not converge' : changes.length > 0 ? 'converged' : 'nothing to change',
  );
}

/** Logs when a proof between reconciles begins to fail, and when it passes again. */
export function logProof(logger: Logger, before: DeviceStatus, after: DeviceStatus, service: string): void {
  const { device } = after;
  const failedBefore = before.services.get(service)?.failure;
  const failed = after.services.get(service)?.failure;
  if (failed === undefined && failedBefore === undefined) logger.debug({ device, service }, 'proven');
  else if (failed === undefined) logger.info({ device, service }, 'proven again');
  else if (failed.code === failedBefore?.code)
    logger.debug({ device, service, ...said(failed) }, 'not proven');
  else logger.warn({ device, service, ...said(failed) }, 'not proven');
}

function newFailures(before: DeviceStatus, after: DeviceStatus): Array<Readonly<Record<string, string>>> {
  const known = failuresOf(before);
  return [...failuresOf(after)]
    .filter(([subject, { code }]) => known.get(subject)?.code !== code)
    .map(([subject, failure]) => ({
      ...(subject === `${after.device}/` ? {} : { service: subject }),
      ...said(failure),
    }));
}

function said({
  code,
  message,
  nextStep,
}: Pick<Failure, 'code' | 'message' | 'nextStep'>): Readonly<Record<string, string>> {
  return { code, reason: message, nextStep };
}

/** By service; the device itself by its own name and a slash, which no service has. */
function failuresOf({ device, failure, services }: DeviceStatus): ReadonlyMap<string, Failure> {
  const failures = new Map<string, Failure>();
  if (failure !== undefined) failures.set(`${device}/`, failure);
  for (const [name, status] of services) if (status.failure !== undefined) failures.set(name, status.failure);
  return failures;
}
