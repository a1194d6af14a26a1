import { createHash } from 'node:crypto';

const replicaPrefix = 'bigip-mesh-agent.';

/** Of the Lease by which one replica leads a device. */
export function deviceLeaseName(device: string): string {
  return `bigip-mesh-agent-${device}`;
}

/** Of the Lease by which a replica says that it is there. No device's Lease has a dot in its name. */
export function replicaLeaseName(holder: string): string {
  return `${replicaPrefix}${createHash('sha256').update(holder).digest('hex').slice(0, 16)}`;
}

export function isReplicaLeaseName(name: string): boolean {
  return name.startsWith(replicaPrefix);
}
