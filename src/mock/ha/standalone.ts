import { mcpdRefusal } from '../config/refusal.js';
import type { Refusal } from '../config/refusal.js';
import type { Cluster } from './cluster.js';

/** A device without a peer: always active, nothing to synchronise. */
export function standalone(): Cluster {
  return {
    isActive: () => true,
    syncReport: () => ({
      mode: 'standalone',
      status: 'Standalone',
      color: 'green',
      summary: ' ',
      details: [],
    }),
    changed: () => undefined,
    startSync: (_direction, group) => {
      throw groupNotFound(group);
    },
    standBy: () => Promise.resolve(),
  };
}

export function groupNotFound(group: string): Refusal {
  return mcpdRefusal(
    '01070734',
    `Configuration error: Device group (${group}) not found in device group sync`,
  );
}
