import type { ServiceConfig } from '../../src/config/schema.js';
import { callers, isAnyFor, readConfigMap, readPolicy } from './fault-readings.js';
import type { ConfigMapReading, PolicyReading } from './fault-readings.js';
import type { Place, Served, StoredObject } from './faulty-kube.js';

/** What the device holds for one service; undefined where it has nothing of it. */
export type Enforced =
  | { readonly allow: readonly string[]; readonly deny: readonly string[]; readonly isAudit: boolean }
  | undefined;

/** Who may get in at most, and who must at least. */
export interface Bounds {
  readonly most: readonly string[];
  readonly least: readonly string[];
}

/** One ConfigMap since it became an allowlist of a service, as far as the agent was told. */
interface Sighting {
  readonly object: StoredObject;
  readonly reading: ConfigMapReading;
  /**
   * Whom it denies: what it says, and while any of it is unreadable what it said since it last was not. Where the allow
   * list is that part, somebody whom it said to deny would get in by an allow list of before, which was meant to go.
   */
  readonly deny: ReadonlySet<string>;
  readonly wasWhole: boolean;
  readonly allow: ReadonlySet<string>;
  readonly wasAllowText: boolean;
}

export const rootNamespace = 'istio-system';

export function admits(enforced: Enforced, caller: string): boolean {
  if (enforced === undefined) return false;
  return enforced.isAudit || (isAnyFor(enforced.allow, caller) && !isAnyFor(enforced.deny, caller));
}

/**
 * Judges a device by what the API server really told, since the agent started: whom it may admit at most, and must at
 * least. It knows nothing of the code that it judges.
 *
 * The ConfigMaps of a service are known once something was listed that selects all of them; so no two services may be
 * given of which one's labels are a part of the other's and that a controller lists apart from each other.
 */
export class FaultOracle {
  readonly #services: readonly ServiceConfig[];
  /** By service and name; a service is missing until its ConfigMaps were listed. */
  readonly #configMaps = new Map<string, Map<string, Sighting>>();
  readonly #policies = new Map<Place, Map<string, StoredObject>>();
  /** By service: allow entries that were read while not all of them could be. */
  readonly #seen = new Map<string, ReadonlySet<string>>();

  constructor(services: readonly ServiceConfig[]) {
    this.#services = services;
  }

  /** A new agent knows nothing. */
  restart(): void {
    this.#configMaps.clear();
    this.#policies.clear();
    this.#seen.clear();
  }

  serve(served: Served): void {
    const { place, selects } = served;
    if (place.startsWith('authorizationpolicies')) {
      this.#policies.set(
        place,
        updated(this.#policies.get(place), served, (object) => object),
      );
      return;
    }
    for (const { name, identity, allowlist } of this.#services) {
      const { matchLabels } = allowlist.selector;
      const isForIt = selects({ metadata: { name, labels: matchLabels } });
      if (place !== `configmaps ${identity.namespace}` || !isForIt) continue;
      const isIts = ({ metadata }: StoredObject): boolean =>
        Object.entries(matchLabels).every(([key, value]) => metadata.labels?.[key] === value);
      const before = this.#configMaps.get(name);
      this.#configMaps.set(
        name,
        updated(before, served, (object) =>
          isIts(object) ? sighted(object, before?.get(object.metadata.name)) : undefined,
        ),
      );
    }
  }

  /** The versions of all objects that are known to concern a service; undefined while some are not known. */
  versions(service: ServiceConfig): readonly string[] | undefined {
    const configMaps = this.#configMaps.get(service.name);
    const policies = this.#policiesOf(service);
    if (configMaps === undefined || policies === undefined) return undefined;
    const objects = [...[...configMaps.values()].map(({ object }) => object), ...policies];
    return objects.map(({ metadata }) => `${metadata.uid} ${metadata.resourceVersion}`).sort();
  }

  /**
   * What a reconcile that begins now may make of a service.
   *
   * @param isNarrowed the agent does not lead any more, and so may admit nobody new.
   */
  judge(service: ServiceConfig, before: Enforced, isNarrowed: boolean): Bounds {
    const bounds = this.#bounds(service, before);
    if (!isNarrowed) return bounds;
    return { most: bounds.most.filter((caller) => admits(before, caller)), least: [] };
  }

  #bounds(service: ServiceConfig, before: Enforced): Bounds {
    const configMaps = this.#configMaps.get(service.name);
    const takesPolicies = service.allowlist.fromAuthorizationPolicies;
    const policies = this.#policiesOf(service);
    const isWhole = configMaps !== undefined && policies !== undefined;
    const isNothingKnown = configMaps === undefined && (policies === undefined || !takesPolicies);
    if (isNothingKnown || (!isWhole && before === undefined)) {
      const same = callers.filter((caller) => admits(before, caller));
      return { most: same, least: same };
    }
    const sightings = [...(configMaps?.values() ?? [])];
    if (
      isWhole &&
      !takesPolicies &&
      sightings.length > 0 &&
      sightings.every(({ reading }) => reading.isAudit)
    ) {
      return { most: callers, least: callers };
    }
    const read = policies?.map((policy) => readPolicy(policy, service.name)) ?? [];
    const known = addedUp(sightings, read);
    const isDenyLost = sightings.some(({ wasWhole }) => !wasWhole);
    const isAllowLost = sightings.some(({ wasAllowText }) => !wasAllowText);
    const isEverythingRead = isWhole && !isAllowLost;
    const seen = new Set(isEverythingRead ? [] : [...(this.#seen.get(service.name) ?? []), ...known.named]);
    this.#seen.set(service.name, seen);
    // Nobody can tell what of it the unreadable part says: only what was read and is gone surely goes.
    const kept = (before?.allow ?? []).filter((entry) => !seen.has(entry) || known.named.has(entry));
    const allow = isWhole ? [...known.allow, ...(isAllowLost ? kept : [])] : kept;
    const deny = [...known.deny, ...(isDenyLost || !isWhole ? (before?.deny ?? []) : [])];
    const admitted = callers.filter((caller) => isAnyFor(allow, caller) && !isAnyFor(deny, caller));
    return { most: admitted, least: admitted };
  }

  #policiesOf({ identity, allowlist }: ServiceConfig): readonly StoredObject[] | undefined {
    if (!allowlist.fromAuthorizationPolicies) return [];
    const held = [...new Set([identity.namespace, rootNamespace])].map((namespace) =>
      this.#policies.get(`authorizationpolicies ${namespace}`),
    );
    return held.includes(undefined) ? undefined : held.flatMap((objects) => [...(objects?.values() ?? [])]);
  }
}

function updated<T>(
  before: ReadonlyMap<string, T> | undefined,
  served: Served,
  hold: (object: StoredObject) => T | undefined,
): Map<string, T> {
  const after = 'list' in served ? new Map<string, T>() : new Map(before);
  const objects = 'list' in served ? served.list : [served.event.object];
  for (const object of objects) {
    const isGone = 'event' in served && served.event.type === 'DELETED';
    const held = isGone ? undefined : hold(object);
    if (held === undefined) after.delete(object.metadata.name);
    else after.set(object.metadata.name, held);
  }
  return after;
}

function sighted(object: StoredObject, last: Sighting | undefined): Sighting {
  const before = last?.object.metadata.uid === object.metadata.uid ? last : undefined;
  const reading = readConfigMap(object);
  const isWhole = reading.isDenyWhole && reading.allow !== undefined;
  return {
    object,
    reading,
    deny: isWhole ? reading.deny : new Set([...(before?.deny ?? []), ...reading.deny]),
    wasWhole: isWhole || before?.wasWhole === true,
    allow: reading.allow ?? before?.allow ?? new Set(),
    wasAllowText: reading.allow !== undefined || before?.wasAllowText === true,
  };
}

function addedUp(sightings: readonly Sighting[], policies: readonly PolicyReading[]) {
  const allow = sightings.flatMap((sighting) => [...sighting.allow]);
  const byPolicy = (action: PolicyReading['action']): readonly string[] =>
    policies.flatMap((policy) => (policy.action === action ? policy.entries : []));
  const denied = byPolicy('deny');
  const all = [...allow, ...byPolicy('allow')];
  return {
    allow: all,
    deny: [...sightings.flatMap(({ deny }) => [...deny]), ...denied],
    /** The records that there are of it: a policy that denies all of an entry takes it away. */
    named: new Set(all.filter((entry) => !isAnyFor(denied, entry))),
  };
}
