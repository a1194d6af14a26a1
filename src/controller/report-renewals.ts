import type { OpenSpan } from '../identity/maintenance.js';
import type { Logger } from '../log.js';
import type { DeviceStatus } from './device-status.js';
import type { ConfigMapEvent } from './event-recorder.js';
import type { Metrics } from './metrics.js';
import { alarmLevels, renewalAlarm } from './renewals.js';
import type { AlarmLevel, KnownCertificate } from './renewals.js';

type Certificates = ReadonlyMap<string, KnownCertificate>;

/** Counts what was renewed since before, and shows what waits. */
export function measureRenewals(
  metrics: Metrics,
  device: string,
  before: Certificates,
  after: Certificates,
): void {
  const renewed = [...after].filter(([service, { sha256 }]) => {
    const earlier = before.get(service);
    return earlier !== undefined && earlier.sha256 !== sha256;
  });
  metrics.count('bigip_mesh_renewals_total', { device }, renewed.length);
  for (const reason of ['window', 'pace'] as const) {
    const waiting = [...after.values()].filter(({ waits }) => waits?.for === reason);
    metrics.set('bigip_mesh_renewals_waiting', { device, for: reason }, waiting.length);
  }
}

/** An Event that is told on whatever says who may call the service. */
type ServiceEvent = Omit<ConfigMapEvent, 'configMap'> & { readonly service: string };

/** Shows and logs which certificates are not renewed in time, and gives the Events that tell of it. */
export function tellAlarms({
  status,
  told,
  certificates,
  spans,
  now,
  metrics,
  logger,
}: {
  readonly status: DeviceStatus;
  /** By service: what the log has; brought up to date. */
  readonly told: Map<string, AlarmLevel>;
  readonly certificates: Certificates;
  readonly spans: readonly OpenSpan[] | undefined;
  readonly now: Date;
  readonly metrics: Metrics;
  readonly logger: Logger;
}): ServiceEvent[] {
  const { device, failure, services } = status;
  const events: ServiceEvent[] = [];
  for (const [service, certificate] of certificates) {
    const alarm = renewalAlarm(certificate, spans, now);
    for (const left of alarmLevels) {
      const isOverdue = alarm !== undefined && alarm <= left;
      metrics.set('bigip_mesh_renewal_overdue', { device, service, left: String(left) }, isOverdue ? 1 : 0);
    }
    const before = told.get(service);
    if (alarm === undefined) {
      told.delete(service);
      continue;
    }
    told.set(service, alarm);
    const { code, message } = services.get(service)?.failure ?? failure ?? {};
    const why = message === undefined ? '' : `: ${message} (${code})`;
    const expiry = `expires at ${certificate.notAfter.toISOString()}`;
    events.push({
      service,
      reason: 'RenewalOverdue',
      subject: `${service} ${certificate.sha256 ?? ''} ${alarm}`,
      note: `the certificate of service ${service} on device ${device} ${expiry}, ${alarm} % of its lifetime or less are left, and it is not renewed${why}`,
    });
    if (before === alarm) continue;
    const line = { device, service, notAfter: certificate.notAfter, left: alarm, ...(code ? { code } : {}) };
    if (alarm === 10) logger.error(line, 'a certificate is not renewed and about to expire');
    else logger.warn(line, 'a certificate is not renewed');
  }
  return events;
}
