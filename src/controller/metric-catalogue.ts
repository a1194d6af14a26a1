interface Metric {
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

/** Every metric that the controller serves; docs/reference/metrics.md is written from this. */
export const metricCatalogue = {
  bigip_mesh_allowlist_entries: {
    type: 'gauge',
    labels: ['service', 'list'],
    help: 'Entries in force, by list (allow, deny).',
  },
  bigip_mesh_converge_duration_seconds: {
    type: 'histogram',
    labels: ['device'],
    help: 'From the moment a change in the cluster was seen until it was proven on the wire, failed tries included.',
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
    labels: [],
    help: 'Whether this process is the one that writes (1) or stands by (0).',
  },
  bigip_mesh_quarantined_entries: {
    type: 'gauge',
    labels: ['service'],
    help: 'Lines and keys of allowlist ConfigMaps that were set aside because they cannot be read.',
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
