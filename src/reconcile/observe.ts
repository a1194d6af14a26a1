import type { IControlClient } from '../icontrol/client.js';
import type { JsonObject } from '../icontrol/request.js';
import { collectionPath, resourcePath } from '../icontrol/resource-path.js';
import { recordsOf } from './data-group-change.js';
import { kindsInOrder } from './device-object.js';
import type { ObservedObject } from './device-object.js';
import { parseLedger } from './ledger.js';
import { epochOf, ledgerName } from './names.js';
import type { ObservedDevice } from './observed.js';

/** Kinds whose inline lists come back only when asked for. */
const expanded = new Set<string>(['ltm/pool', 'ltm/virtual']);

/**
 * Reads everything in the agent's partition, a request a kind.
 *
 * @throws what reading throws: a part that cannot be read makes the whole unknown, never empty
 */
export async function observeDevice(
  client: IControlClient,
  partition: string,
  signal?: AbortSignal,
): Promise<ObservedDevice> {
  const options = signal === undefined ? {} : { signal };
  const { version } = await client.system.observeVersion();
  const found = await client.resources.get(resourcePath('auth/partition', { name: partition }), options);
  if (found === undefined) {
    return { tmosVersion: version, partitionExists: false, objects: [], ledger: undefined, epoch: 0 };
  }
  const objects: ObservedObject[] = [];
  for (const kind of kindsInOrder) {
    const items = await client.resources.list(collectionPath(kind), {
      partition,
      expandSubcollections: expanded.has(kind),
      ...options,
    });
    objects.push(
      ...items
        .filter(standsIn(partition))
        .map((members) => ({ kind, name: String(members['name']), members })),
    );
  }
  const dataGroups = objects.filter(({ kind }) => kind === 'ltm/data-group/internal');
  const ledger = dataGroups.find(({ name }) => name === ledgerName);
  return {
    tmosVersion: version,
    partitionExists: true,
    objects: objects.filter((object) => !dataGroups.includes(object) || !isBookkeeping(object.name)),
    ledger: ledger === undefined ? undefined : parseLedger(recordsOf(ledger.members)),
    epoch: Math.max(0, ...dataGroups.map(({ name }) => epochOf(name) ?? 0)),
  };
}

/** The filter also gives what lies in folders of the partition, which are not ours. */
function standsIn(partition: string): (members: JsonObject) => boolean {
  return (members) => members['fullPath'] === `/${partition}/${String(members['name'])}`;
}

function isBookkeeping(name: string): boolean {
  return name === ledgerName || epochOf(name) !== undefined;
}
