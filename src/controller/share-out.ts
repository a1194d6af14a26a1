/** Who should lead which device. */
type Shares = ReadonlyMap<string, string>;

/**
 * Shares devices out among the replicas that are there: evenly, so that no two differ by more than one, and with as
 * few changes of leader as that takes. Pure, and the same for all who see the same.
 *
 * @param leaders by device: who leads it now; whoever is not among the replicas counts as nobody
 */
export function shareOut(
  devices: readonly string[],
  replicas: readonly string[],
  leaders: ReadonlyMap<string, string>,
): Shares {
  const shares = new Map<string, string>();
  const counts = new Map(replicas.toSorted().map((replica) => [replica, 0]));
  if (counts.size === 0) return shares;
  const give = (device: string, replica: string): void => {
    shares.set(device, replica);
    counts.set(replica, (counts.get(replica) ?? 0) + 1);
  };
  const sorted = devices.toSorted();
  const most = Math.floor(devices.length / counts.size);
  let odd = devices.length % counts.size;
  for (const device of sorted) {
    const leader = leaders.get(device) ?? '';
    const count = counts.get(leader);
    if (count === undefined || count > most || (count === most && odd === 0)) continue;
    if (count === most) odd -= 1;
    give(device, leader);
  }
  for (const device of sorted) {
    if (shares.has(device)) continue;
    const [least = ''] = [...counts].toSorted(([, a], [, b]) => a - b)[0] ?? [];
    give(device, least);
  }
  return shares;
}
