import type { ServiceConfig } from '../config/schema.js';
import type { IControlClient } from '../icontrol/client.js';
import type { JsonObject } from '../icontrol/request.js';
import { collectionPath, resourcePath } from '../icontrol/resource-path.js';
import { certainNodes } from './certain-nodes.js';
import { certainProfiles } from './counters-profile.js';
import { recordsOf } from './data-group-change.js';
import { kindsInOrder } from './device-object.js';
import type { DeviceKind, ObservedObject } from './device-object.js';
import { epochOf, parseLedger } from './ledger.js';
import { ledgerName } from './names.js';
import type { ObservedDevice } from './observed.js';
import { certainRevocationFiles } from './revocation/revocation-file.js';

/** Kinds whose inline lists come back only when asked for. */
const expanded = new Set<string>(['ltm/pool', 'ltm/virtual']);

const dataGroup = 'ltm/data-group/internal';
const node = 'ltm/node';
const statistics = 'ltm/profile/statistics';
const revocationLists = 'sys/file/ssl-crl';
/** What need not be read where everything else says that it is there. */
const mayBeCertain = new Set<DeviceKind>([statistics, revocationLists, node]);

interface ObserveOptions {
  readonly signal?: AbortSignal | undefined;
  /** As they were read just now, so that they are not read again. */
  readonly dataGroups?: readonly ObservedObject[] | undefined;
  /**
   * The services that are to stay: their statistics profiles and nodes are not read where everything else says that
   * they are there. Absent: all are read.
   */
  readonly services?: ReadonlyArray<Pick<ServiceConfig, 'name' | 'backends'>> | undefined;
  /** Whether the CRL files are read although everything else says that they are there: somebody may have changed them. */
  readonly isFirst?: boolean | undefined;
}

/**
 * Reads everything in the agent's partition, a request a kind at most.
 *
 * The data groups come first: where the ledger is, the partition exists and needs no look of its own.
 *
 * @throws what reading throws: a part that cannot be read makes the whole unknown, never empty
 */
export async function observeDevice(
  client: IControlClient,
  partition: string,
  { signal, dataGroups: given, services, isFirst = services === undefined }: ObserveOptions = {},
): Promise<ObservedDevice> {
  const options = signal === undefined ? {} : { signal };
  const dataGroups = given ?? (await observeDataGroups(client, partition, signal));
  const ledger = dataGroups.find(({ name }) => name === ledgerName);
  const tmosVersion = versionOf(ledger) ?? (await client.system.observeVersion()).version;
  const partitionPath = resourcePath('auth/partition', { name: partition });
  if (ledger === undefined && (await client.resources.get(partitionPath, options)) === undefined) {
    return { tmosVersion, partitionExists: false, objects: [], ledger: undefined, epoch: 0 };
  }
  const others: ObservedObject[] = [];
  for (const kind of kindsInOrder) {
    if (kind !== dataGroup && !mayBeCertain.has(kind))
      others.push(...(await list(client, kind, partition, signal)));
  }
  const state = stateOf(dataGroups);
  const virtualServers = others.filter(({ kind }) => kind === 'ltm/virtual');
  const { ledger: known } = state;
  const names = services?.map(({ name }) => name);
  const profiles = names && certainProfiles({ partition, services: names, ledger: known, virtualServers });
  others.push(...(profiles ?? (await list(client, statistics, partition, signal))));
  const pools = others.filter(({ kind }) => kind === 'ltm/pool');
  const nodes = services && certainNodes({ partition, services, ledger: known, pools });
  others.push(...(nodes ?? (await list(client, node, partition, signal))));
  const clientSslProfiles = others.filter(({ kind }) => kind === 'ltm/profile/client-ssl');
  const lists = certainRevocationFiles({ partition, ledger: state.ledger, clientSslProfiles });
  const isCertain = lists !== undefined && (lists.length === 0 || !isFirst);
  others.push(...(isCertain ? lists : await list(client, revocationLists, partition, signal)));
  return { ...state, tmosVersion, objects: [...state.objects, ...others] };
}

/** Reads the data groups alone: who may call, the ledger and the epoch, in one request. */
export function observeDataGroups(
  client: IControlClient,
  partition: string,
  signal: AbortSignal | undefined,
): Promise<readonly ObservedObject[]> {
  return list(client, dataGroup, partition, signal);
}

/** What data groups alone say of a device whose partition exists. */
export function stateOf(dataGroups: readonly ObservedObject[]): Omit<ObservedDevice, 'tmosVersion'> {
  const ledger = dataGroups.find(({ name }) => name === ledgerName);
  const records = ledger === undefined ? undefined : recordsOf(ledger.members);
  return {
    partitionExists: true,
    objects: dataGroups.filter((dataGroup) => dataGroup !== ledger),
    ledger: records === undefined ? undefined : parseLedger(records),
    epoch: epochOf(records ?? []),
  };
}

async function list(
  client: IControlClient,
  kind: DeviceKind,
  partition: string,
  signal: AbortSignal | undefined,
): Promise<ObservedObject[]> {
  const items = await client.resources.list(collectionPath(kind), {
    partition,
    expandSubcollections: expanded.has(kind),
    ...(signal === undefined ? {} : { signal }),
  });
  return items
    .filter(standsIn(partition))
    .map((members) => ({ kind, name: String(members['name']), members }));
}

/** Every object tells the release in its own link: `https://localhost/mgmt/...?ver=16.1.3.3`. */
function versionOf(object: ObservedObject | undefined): string | undefined {
  return /[?&]ver=(\d+(?:\.\d+)+)$/.exec(String(object?.members['selfLink']))?.[1];
}

/** The filter also gives what lies in folders of the partition, which are not ours. */
function standsIn(partition: string): (members: JsonObject) => boolean {
  return (members) => members['fullPath'] === `/${partition}/${String(members['name'])}`;
}
