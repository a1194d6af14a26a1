import type { DesiredObject, ObservedObject } from './device-object.js';
import { ledgerKey } from './ledger.js';
import type { Ledger } from './ledger.js';
import { serviceNames } from './names.js';
import { ownerMark } from './ownership.js';

const kind = 'ltm/profile/statistics';

/** What the rule counts for a service; these are the names of the fields, as the rule has them. */
export const counterFields = ['allowed', 'rejected', 'would_reject', 'retiring'] as const;

/**
 * The statistics profile that the rule counts in for one service.
 *
 * It stays as it was made: {@link certainProfiles} takes what was made for what is there. A version that wants other
 * fields has to give the profile another name.
 */
export function countersProfile(service: string): DesiredObject {
  return {
    kind,
    name: serviceNames(service).counters,
    members: {
      description: ownerMark(service),
      ...Object.fromEntries(counterFields.map((field, index) => [`field${index + 1}`, field])),
    },
  };
}

interface ProfileEvidence {
  readonly partition: string;
  /** The services whose profiles are to stay. */
  readonly services: readonly string[];
  readonly ledger: Ledger | undefined;
  /** With their profiles expanded. */
  readonly virtualServers: readonly ObservedObject[];
}

/**
 * The services' profiles, without a look at them, which would be one more request for each reconcile.
 *
 * A profile that the ledger lists was made by the agent, and one that a virtual server carries is there: the device
 * refuses to delete it (01070265).
 *
 * @returns undefined where that does not tell of each profile of the services, or where the ledger lists another one,
 *   which may have to go: then the device has to be asked
 */
export function certainProfiles({
  partition,
  services,
  ledger,
  virtualServers,
}: ProfileEvidence): readonly ObservedObject[] | undefined {
  const profiles = services.map(countersProfile);
  const names = new Set(profiles.map(({ name }) => name));
  const carried = new Set(virtualServers.flatMap(profilesOf));
  const areKnown = profiles.every(
    ({ name }) => ledger?.has(ledgerKey(kind, name)) === true && carried.has(`/${partition}/${name}`),
  );
  const others = [...(ledger?.values() ?? [])].filter(
    (entry) => entry.kind === kind && !names.has(entry.name),
  );
  return areKnown && others.length === 0
    ? profiles.map(({ name, members }) => ({ kind, name, members }))
    : undefined;
}

function profilesOf({ members }: ObservedObject): unknown[] {
  const reference = members['profilesReference'] as { readonly items?: unknown } | undefined;
  const items: unknown = reference?.items;
  return Array.isArray(items) ? items.map((item: Readonly<Record<string, unknown>>) => item['fullPath']) : [];
}
