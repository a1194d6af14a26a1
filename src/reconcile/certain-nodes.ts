import type { Endpoint } from '../config/endpoint.js';
import { renderDestination } from '../icontrol/destination.js';
import type { DesiredObject, ObservedObject } from './device-object.js';
import { ledgerKey } from './ledger.js';
import type { Ledger } from './ledger.js';
import { ownerMark } from './ownership.js';

const kind = 'ltm/node';

/** The node of a backend; services with the same backend share it. */
export function nodeObject(address: string): DesiredObject {
  return { kind, name: address, members: { description: ownerMark(), address } };
}

interface NodeEvidence {
  readonly partition: string;
  /** The services whose nodes are to stay. */
  readonly services: ReadonlyArray<{ readonly backends: readonly Endpoint[] }>;
  readonly ledger: Ledger | undefined;
  /** With their members expanded. */
  readonly pools: readonly ObservedObject[];
}

/**
 * The nodes of the services, without a look at them, which would be one more request for each reconcile.
 *
 * A node that the ledger lists was made by the agent, and one that a pool member stands on is there: the device refuses
 * to delete it (01070110). Of a node nothing but its address matters, which cannot be changed.
 *
 * @returns undefined where that does not tell of each node of the services, or where the ledger lists another one, which
 *   may have to go: then the device has to be asked
 */
export function certainNodes({
  partition,
  services,
  ledger,
  pools,
}: NodeEvidence): readonly ObservedObject[] | undefined {
  const members = new Set(pools.flatMap(membersOf));
  const backends = services.flatMap((service) => service.backends);
  const areKnown = backends.every(
    (backend) =>
      ledger?.has(ledgerKey(kind, backend.address)) === true &&
      members.has(`/${partition}/${renderDestination(backend)} ${backend.address}`),
  );
  const addresses = new Set(backends.map(({ address }) => address));
  const others = [...(ledger?.values() ?? [])].filter(
    (entry) => entry.kind === kind && !addresses.has(entry.name),
  );
  return areKnown && others.length === 0 ? [...addresses].map(nodeObject) : undefined;
}

/** Each as its full path and its address. */
function membersOf({ members }: ObservedObject): string[] {
  const reference = members['membersReference'] as { readonly items?: unknown } | undefined;
  const items: unknown = reference?.items;
  if (!Array.isArray(items)) return [];
  return items.map(
    (item: Readonly<Record<string, unknown>>) => `${String(item['fullPath'])} ${String(item['address'])}`,
  );
}
