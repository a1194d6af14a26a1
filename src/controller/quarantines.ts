import type { ServiceConfig } from '../config/schema.js';
import type { Quarantine } from './device-status.js';
import type { HeldAllowlists } from './held-allowlists.js';
import type { Metrics } from './metrics.js';

/** What is set aside of what says who may call, by service, and counted; services of which nothing is known are left out. */
export function countQuarantines(
  services: readonly ServiceConfig[],
  allowlists: Pick<HeldAllowlists, 'view'>,
  metrics: Pick<Metrics, 'set'>,
): ReadonlyMap<string, Quarantine> {
  const quarantines = new Map<string, Quarantine>();
  for (const service of services) {
    const view = allowlists.view(service);
    if (view === undefined) continue;
    const { sources, policies, lack } = view;
    const refusals = sources.flatMap((source) => source.refusals);
    const isDenyHeld = sources.some(({ isDenyKept }) => isDenyKept);
    quarantines.set(service.name, { refusals, isDenyHeld, policies, lack });
    const subject = { device: service.device, service: service.name };
    metrics.set('bigip_mesh_quarantined_entries', subject, refusals.length);
  }
  return quarantines;
}
