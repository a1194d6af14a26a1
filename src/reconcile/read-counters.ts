import type { IControlClient } from '../icontrol/client.js';
import { collectionPath } from '../icontrol/resource-path.js';
import { parseStats } from '../icontrol/stats.js';
import { serviceNames } from './names.js';

/**
 * What the rule of one service did, in connections. What the device does not tell is undefined, which is not 0.
 *
 * These are the unit's own numbers, and they can go back: to 0 when it boots, when somebody resets its statistics
 * or makes the profile anew; and after a fail-over the other unit counts from where it stood itself.
 */
export interface ServiceCounters {
  /** Callers let in because the allowlist names them. */
  readonly allowed: number | undefined;
  /** Callers refused, and live connections ended at a recheck. */
  readonly rejected: number | undefined;
  /** Callers let in by the mode `audit` that `enforce` would refuse. */
  readonly wouldReject: number | undefined;
  /** Of those let in: whose chain leads to no root that stays, or cannot be told to. */
  readonly retiring: number | undefined;
}

/**
 * Reads the counters of every service of a unit, in one request.
 *
 * A service without a profile, such as one that an older version of the agent set up, is not in the map.
 *
 * @throws what reading throws
 */
export async function readCounters(
  client: IControlClient,
  partition: string,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, ServiceCounters>> {
  const body = await client.resources.get(
    `${collectionPath('ltm/profile/statistics')}/stats`,
    signal === undefined ? {} : { signal },
  );
  const counters = new Map<string, ServiceCounters>();
  for (const { values } of parseStats(body).nested.values()) {
    const service = serviceOf(values.get('tmName'), partition);
    if (service === undefined) continue;
    const count = (field: string): number | undefined => {
      const value = values.get(field);
      return typeof value === 'number' ? value : undefined;
    };
    counters.set(service, {
      allowed: count('allowed'),
      rejected: count('rejected'),
      wouldReject: count('would_reject'),
      retiring: count('retiring'),
    });
  }
  return counters;
}

function serviceOf(fullPath: string | number | undefined, partition: string): string | undefined {
  const [folder, suffix] = [`/${partition}/`, serviceNames('').counters];
  if (typeof fullPath !== 'string' || !fullPath.startsWith(folder) || !fullPath.endsWith(suffix))
    return undefined;
  const service = fullPath.slice(folder.length, -suffix.length);
  return service === '' || service.includes('/') ? undefined : service;
}
