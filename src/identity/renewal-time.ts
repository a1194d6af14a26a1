import { createHash } from 'node:crypto';

/** Services of one mesh get their certificates together; without a spread they would all renew together too. */
const jitterShare = 0.1;

/**
 * When to renew a certificate: at a share of its lifetime, pulled forward by up to a tenth of that share.
 *
 * The pull depends on the device's and the service's name only, so that a restart does not move it, and it never
 * goes past the share that was asked for.
 *
 * @param options.renewAt share of the lifetime, above 0 and below 1.
 */
export function renewalTime(options: {
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly renewAt: number;
  readonly device: string;
  readonly service: string;
}): Date {
  const { notBefore, notAfter, renewAt, device, service } = options;
  const lifetimeMs = notAfter.getTime() - notBefore.getTime();
  const share = renewAt * (1 - jitterShare * spread(JSON.stringify([device, service])));
  return new Date(notBefore.getTime() + Math.round(lifetimeMs * share));
}

/** A number from 0 up to but not including 1, evenly spread over names. */
function spread(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) / 2 ** 32;
}
