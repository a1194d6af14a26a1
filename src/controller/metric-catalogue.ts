interface Metric {
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

/** Every metric that the controller serves; docs/reference/metrics.md is written from this. */
export const metricCatalogue = {
  bigip_mesh_allowlist_entries: {
    type: 'gauge',
    labels: ['device', 'service', 'list'],
    help: 'Entries in force, by list (allow, deny).',
  },
  bigip_mesh_calls_read_timestamp_seconds: {
    type: 'gauge',
    labels: ['device'],
    help: 'When bigip_mesh_calls_total was last read from the device, which a scrape calls for and does not wait for.',
  },
  bigip_mesh_calls_total: {
    type: 'counter',
    labels: ['device', 'service', 'decision'],
    help: "What the device's rule decided on callers: allowed, rejected, would_reject (audit let in whom enforce refuses).",
  },
  bigip_mesh_converge_duration_seconds: {
    type: 'histogram',
    labels: ['device'],
    help: 'From the moment a change in the cluster was seen until it was proven on the wire, failed tries included.',
  },
  bigip_mesh_crl_in_force: {
    type: 'gauge',
    labels: ['device'],
    help: 'Whether the device refuses callers that CRLs of the mesh revoke (1), or has no CRL (0).',
  },
  bigip_mesh_crl_next_update_timestamp_seconds: {
    type: 'gauge',
    labels: ['device'],
    help: 'By when the first of the CRLs in force should have a successor; 0: none says, or none is in force.',
  },
  bigip_mesh_crl_problems: {
    type: 'gauge',
    labels: ['device', 'code'],
    help: 'What is wrong with the CRLs of the mesh, by error code: MESH_ERR_CRL_REFUSED, UNKNOWN (those of before stay), EXPIRED, INCOMPLETE.',
  },
  bigip_mesh_device_budget_used_ratio: {
    type: 'gauge',
    labels: ['device'],
    help: "How much of the last minute was taken by requests to the device's management port, of which one runs at a time (0 to 1).",
  },
  bigip_mesh_device_pause_seconds: {
    type: 'gauge',
    labels: ['device'],
    help: 'What the next request waits because the device slowed down or was busy; 0: full speed.',
  },
  bigip_mesh_device_reachable: {
    type: 'gauge',
    labels: ['device'],
    help: 'Whether the last reconcile could read the device (1) or not (0).',
  },
  bigip_mesh_device_request_duration_seconds: {
    type: 'histogram',
    labels: ['device', 'method'],
    help: 'How long requests to the management port took.',
  },
  bigip_mesh_device_requests_total: {
    type: 'counter',
    labels: ['device', 'method', 'status'],
    help: 'Requests to the management port, by HTTP status; status none: no answer came.',
  },
  bigip_mesh_drift_repaired_total: {
    type: 'counter',
    labels: ['device', 'kind'],
    help: 'Objects of the agent that somebody else had changed or removed on the device, and that were put back.',
  },
  bigip_mesh_holding_on: {
    type: 'gauge',
    labels: ['device'],
    help: 'Whether this process led the device last and keeps it as it was while the Kubernetes API server is away (1) or not (0).',
  },
  bigip_mesh_last_proof_timestamp_seconds: {
    type: 'gauge',
    labels: ['device', 'service'],
    help: 'When the service was last proven on the wire, good callers in and bad ones out.',
  },
  bigip_mesh_last_reconcile_timestamp_seconds: {
    type: 'gauge',
    labels: ['device'],
    help: 'When a reconcile of the device last ended, however it ended.',
  },
  bigip_mesh_last_sync_timestamp_seconds: {
    type: 'gauge',
    labels: ['device'],
    help: 'When a reconcile last ended with the device and all its services as they should be.',
  },
  bigip_mesh_leader: {
    type: 'gauge',
    labels: ['device'],
    help: 'Whether this process holds the Lease of the device, and writes to it (1), or not (0).',
  },
  bigip_mesh_quarantined_entries: {
    type: 'gauge',
    labels: ['device', 'service'],
    help: 'Lines and keys of allowlist ConfigMaps, and parts of AuthorizationPolicies, that were set aside.',
  },
  bigip_mesh_reconcile_failures_total: {
    type: 'counter',
    labels: ['device', 'code'],
    help: 'What went wrong in reconciles, by error code; one reconcile may count for several services.',
  },
  bigip_mesh_reconcile_no_op_total: {
    type: 'counter',
    labels: ['device'],
    help: 'Reconciles that found nothing to change.',
  },
  bigip_mesh_renewal_overdue: {
    type: 'gauge',
    labels: ['device', 'service', 'left'],
    help: 'Whether so much of the lifetime of a certificate, or less, is left (25, 10 percent) and its renewal could have begun (1) or not (0).',
  },
  bigip_mesh_renewals_total: {
    type: 'counter',
    labels: ['device'],
    help: 'Certificates that took the place of earlier ones.',
  },
  bigip_mesh_renewals_waiting: {
    type: 'gauge',
    labels: ['device', 'for'],
    help: 'Certificates that are due and wait, by what for: window (a maintenance window), pace (at most five are renewed in ten seconds).',
  },
  bigip_mesh_rollbacks_total: {
    type: 'counter',
    labels: ['device', 'service', 'outcome'],
    help: 'New certificates that did not pass their proof, by what became of going back to the earlier one: proven, not_proven, impossible, failed.',
  },
  bigip_mesh_root_not_after_timestamp_seconds: {
    type: 'gauge',
    labels: ['device'],
    help: 'When the first of the roots expires that the mesh names and the device accepts callers under.',
  },
  bigip_mesh_roots: {
    type: 'gauge',
    labels: ['device', 'stage'],
    help: 'Roots that the device accepts callers under, by stage: added, accepted, retiring.',
  },
  bigip_mesh_roots_set_aside: {
    type: 'gauge',
    labels: ['device'],
    help: 'Certificates among the roots of the mesh that are no roots, or are there twice, and were set aside.',
  },
  bigip_mesh_served_certificate_not_after_timestamp_seconds: {
    type: 'gauge',
    labels: ['device', 'service'],
    help: 'When the certificate expires that the last proof saw served, which may be another than was installed since.',
  },
  bigip_mesh_service_healthy: {
    type: 'gauge',
    labels: ['device', 'service'],
    help: 'Whether the last reconcile left the service as it should be (1) or not (0).',
  },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metricCatalogue;
