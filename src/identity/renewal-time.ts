import { createHash } from 'node:crypto';

/** Services of one mesh get their certificates together; without a spread they would all renew together too. */
const jitterShare = 0.1;

/**
 * The shortest time from one certificate to the next. A CA that cuts lifetimes short, or gives what is half over, is
 * not asked without end. It is the longest, too, that a certificate may be too short-lived to be held.
 */
export const renewalFloorMs = 60_000;

/**
 * When to renew a certificate: at a share of its lifetime, pulled forward by up to a tenth of that share, and not
 * within a minute of its installation.
 *
 * The pull depends on the device's and the service's name only, so that a restart does not move it, and it never
 * goes past the share that was asked for.
 *
 * @param options.installedAt absent: long ago
 * @param options.renewAt share of the lifetime, above 0 and below 1.
 */
export function renewalTime(options: {
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly installedAt?: Date | undefined;
  readonly renewAt: number;
  readonly device: string;
  readonly service: string;
}): Date {
  const { notBefore, notAfter, installedAt, renewAt, device, service } = options;
  const lifetimeMs = notAfter.getTime() - notBefore.getTime();
  const share = renewAt * (1 - jitterShare * spread(JSON.stringify([device, service])));
  const dueMs = notBefore.getTime() + Math.round(lifetimeMs * share);
  return new Date(Math.max(dueMs, (installedAt?.getTime() ?? -Infinity) + renewalFloorMs));
}

/** A number from 0 up to but not including 1, evenly spread over names. */
function spread(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) / 2 ** 32;
}
