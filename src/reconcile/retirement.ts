import type { DesiredService } from './desired.js';
import { pairOwner } from './names.js';
import type { Change, Plan } from './plan.js';
import type { RevocationFile } from './revocation/revocation-file.js';

/** How long a replaced certificate stays on the device, for handshakes that are under way. */
export const retentionMs = 10 * 60_000;

/**
 * A policy over the plan: files that were in use a short while ago are not removed yet.
 *
 * A pair counts as replaced since its successor was minted; chains and bundles since the youngest pair was, and CRLs
 * also since their successors came.
 */
export function keepRetiredFiles(
  plan: Plan,
  services: readonly DesiredService[],
  now: Date,
  revocationLists?: RevocationFile,
): Plan {
  const replacedAt = new Map(
    services.map(({ config, pair }) => [config.name, Number(pair.facts['minted'] ?? 0) * 1000]),
  );
  const youngest = Math.max(0, ...replacedAt.values());
  const replacedLists = Number(revocationLists?.facts['since'] ?? 0) * 1000;
  const keep = (change: Change): boolean => {
    if (change.action !== 'remove' || !change.object.kind.startsWith('sys/file/')) return false;
    const service = pairOwner(change.object.name);
    const shared = change.object.kind === 'sys/file/ssl-crl' ? Math.max(youngest, replacedLists) : youngest;
    const since = service === undefined ? shared : (replacedAt.get(service) ?? 0);
    return now.getTime() - since < retentionMs;
  };
  return { ...plan, changes: plan.changes.filter((change) => !keep(change)) };
}
