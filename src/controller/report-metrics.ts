import { isEmptyPlan } from '../reconcile/plan.js';
import type { DeviceStatus, Outcome } from './device-status.js';
import type { Metrics } from './metrics.js';

/** Counts and measures one reconcile. */
export function measureOutcome(
  metrics: Metrics,
  { device, services }: DeviceStatus,
  { at, failure, report, serviceFailures, wasRead }: Outcome,
): void {
  metrics.stamp('bigip_mesh_last_reconcile_timestamp_seconds', { device }, at);
  metrics.set('bigip_mesh_device_reachable', { device }, wasRead ? 1 : 0);
  if (failure === undefined && serviceFailures.size === 0) {
    metrics.stamp('bigip_mesh_last_sync_timestamp_seconds', { device }, at);
  }
  for (const { code } of [...(failure === undefined ? [] : [failure]), ...serviceFailures.values()]) {
    metrics.count('bigip_mesh_reconcile_failures_total', { device, code });
  }
  if (report !== undefined && isEmptyPlan(report.plan)) {
    metrics.count('bigip_mesh_reconcile_no_op_total', { device });
  }
  for (const [service, { allowlist, certificate, provenAt, failure: failed }] of services) {
    const isHealthy = failure === undefined && failed === undefined;
    metrics.set('bigip_mesh_service_healthy', { device, service }, isHealthy ? 1 : 0);
    if (allowlist !== undefined) {
      metrics.set('bigip_mesh_allowlist_entries', { service, list: 'allow' }, allowlist.allow);
      metrics.set('bigip_mesh_allowlist_entries', { service, list: 'deny' }, allowlist.deny);
    }
    if (certificate === undefined || provenAt === undefined) continue;
    metrics.stamp('bigip_mesh_last_proof_timestamp_seconds', { device, service }, provenAt);
    const expiry = 'bigip_mesh_served_certificate_not_after_timestamp_seconds';
    metrics.stamp(expiry, { device, service }, certificate.notAfter);
  }
}
