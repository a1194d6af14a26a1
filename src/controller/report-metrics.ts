import { isEmptyPlan } from '../reconcile/plan.js';
import type { DeviceStatus, Outcome } from './device-status.js';
import type { Drift } from './drift.js';
import type { Metrics } from './metrics.js';
import { measureRevocation } from './revocation-news.js';
import { measureRoots } from './root-news.js';

/** Counts and measures one reconcile. */
export function measureOutcome(
  metrics: Metrics,
  status: DeviceStatus,
  { at, failure, report, serviceFailures, wasRead }: Outcome,
  drift: readonly Drift[],
): void {
  const { device, services, syncedAt } = status;
  metrics.stamp('bigip_mesh_last_reconcile_timestamp_seconds', { device }, at);
  metrics.set('bigip_mesh_device_reachable', { device }, wasRead ? 1 : 0);
  if (syncedAt !== undefined) metrics.stamp('bigip_mesh_last_sync_timestamp_seconds', { device }, syncedAt);
  for (const { kind } of drift) metrics.count('bigip_mesh_drift_repaired_total', { device, kind });
  for (const { code } of [...(failure === undefined ? [] : [failure]), ...serviceFailures.values()]) {
    metrics.count('bigip_mesh_reconcile_failures_total', { device, code });
  }
  if (report !== undefined && isEmptyPlan(report.plan)) {
    metrics.count('bigip_mesh_reconcile_no_op_total', { device });
  }
  for (const [service, rollBack] of report?.rollBacks ?? []) {
    const outcome = rollBack.outcome.replace(' ', '_');
    metrics.count('bigip_mesh_rollbacks_total', { device, service, outcome });
  }
  measureRoots(metrics, device, status.roots);
  measureRevocation(metrics, device, status.revocation);
  for (const service of services.keys()) measureService(metrics, status, service);
}

/** Shows what is known of one service. */
export function measureService(
  metrics: Metrics,
  { device, failure, services }: DeviceStatus,
  service: string,
): void {
  const status = services.get(service);
  if (status === undefined) return;
  const { allowlist, certificate, provenAt } = status;
  const isHealthy = failure === undefined && status.failure === undefined;
  metrics.set('bigip_mesh_service_healthy', { device, service }, isHealthy ? 1 : 0);
  if (allowlist !== undefined) {
    metrics.set('bigip_mesh_allowlist_entries', { device, service, list: 'allow' }, allowlist.allow);
    metrics.set('bigip_mesh_allowlist_entries', { device, service, list: 'deny' }, allowlist.deny);
  }
  if (certificate === undefined || provenAt === undefined) return;
  metrics.stamp('bigip_mesh_last_proof_timestamp_seconds', { device, service }, provenAt);
  const expiry = 'bigip_mesh_served_certificate_not_after_timestamp_seconds';
  metrics.stamp(expiry, { device, service }, certificate.notAfter);
}
