import type { JsonObject } from './request.js';
import { parseSingleStats, parseStats } from './stats.js';
import type { Stats } from './stats.js';

/** How one device group stands, seen from one unit. */
export interface GroupSync {
  /** In the device's words: `In Sync`, `Changes Pending`, `Awaiting Initial Sync`, `Disconnected`, ... */
  readonly status: string;
  /** The device whose configuration the BIG-IP would keep. */
  readonly recommendedSource?: string;
  /** Both sides have changes. */
  readonly conflict: boolean;
}

/**
 * Reads `cm/sync-status` for one group.
 *
 * The status in front is an aggregate: after a reboot a pair shows `Changes Pending` over `datasync-global-dg` while
 * the failover group is in sync, and a recorded 14.1.4.6 says `offline` over groups that all are. Each group has a
 * line of its own, `NAME (STATUS): text`, followed by ` - Recommended action: Synchronize DEVICE to group NAME`.
 *
 * @param group without its folder
 */
export function parseGroupSync(body: JsonObject | undefined, group: string): GroupSync {
  const state = parseSingleStats(body);
  const lines = allLines(parseStats(body));
  const own = lines
    .map((line) => /^\s*(?<name>\S+) \((?<status>[^)]+)\)(?<text>.*)$/s.exec(line)?.groups)
    .find((line) => line?.['name'] === group);
  const source = lines
    .map((line) => /Recommended action: Synchronize (\S+) to group (\S+)/.exec(line))
    .find((match) => match?.[2] === group)?.[1];
  const summary = String(state.values.get('summary') ?? '');
  const said = own === undefined ? summary : (own['text'] ?? '');
  return {
    status: own?.['status'] ?? String(state.values.get('status') ?? 'unknown'),
    conflict: said.includes('change conflict'),
    ...(source === undefined ? {} : { recommendedSource: source }),
  };
}

function allLines({ values, nested }: Stats): readonly string[] {
  const details = values.get('details');
  return [...(typeof details === 'string' ? [details] : []), ...[...nested.values()].flatMap(allLines)];
}
