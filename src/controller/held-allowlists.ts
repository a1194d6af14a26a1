import type { Allowlist } from '../allowlist/allowlist.js';
import { enforcePolicies } from '../allowlist/enforce-policies.js';
import type { PolicyCounts } from '../allowlist/enforce-policies.js';
import type { ServiceConfig } from '../config/schema.js';
import { AgentError } from '../errors.js';
import { Informer } from '../kube/informer.js';
import type { InformerOptions, Knowledge } from '../kube/informer.js';
import { kinds } from '../kube/kinds.js';
import type { MeshFacts } from '../mesh/mesh-facts.js';
import { limitEntries } from '../reconcile/entry-limit.js';
import { policyNamespaces, policyScope } from '../reconcile/policy-scope.js';
import { admissionLack, parseAllowlistObject } from '../reconcile/read-allowlist.js';
import type { AllowlistSource } from '../reconcile/read-allowlist.js';
import { allowlistWatches, isAllowlistOf } from './allowlist-watches.js';
import { heldAllowlist, holdConfigMap } from './held-config-map.js';
import type { HeldConfigMap } from './held-config-map.js';
import { allowlistInPart } from './held-in-part.js';
import { holdPolicy, policySource } from './held-policy.js';
import type { HeldPolicy } from './held-policy.js';
import type { HeldSource } from './held-source.js';
import { largeRemoval } from './large-removal.js';

export interface HeldAllowlistsOptions extends Pick<
  InformerOptions<unknown>,
  'kube' | 'clock' | 'random' | 'logger'
> {
  readonly services: readonly ServiceConfig[];
  /** As they are known now. */
  readonly meshFacts: () => MeshFacts;
  /** Told of a service whose ConfigMaps or policies changed. */
  readonly onChange: (service: ServiceConfig) => void;
}

/** What is held for one service. */
export interface HeldView {
  readonly sources: readonly HeldSource[];
  /** Undefined when the service takes no policies, or while they are unknown. */
  readonly policies: PolicyCounts | undefined;
  /** Why nobody, or nobody by a policy, gets in; undefined while not all is known. */
  readonly lack: string | undefined;
}

/**
 * One ConfigMap, by the services whose allowlist it is: what it said before it became unreadable stays in force for
 * those that it was for then, and for no other.
 */
type HeldForServices = ReadonlyMap<string, HeldConfigMap>;

/** Worked out once, and valid as long as nothing else is held. */
interface Derived {
  readonly from: readonly unknown[];
  readonly view: HeldView;
}

/** Many callers are about to lose their permission. */
export interface Removal {
  readonly removed: number;
  readonly before: number;
  /** Those that were changed since the last time; none when it was a deletion. */
  readonly changed: readonly HeldSource[];
}

const nobody: Allowlist = { allow: [], deny: [], mode: 'enforce' };

/** The allowlists of all services, held by watches; the services of a namespace share one. */
export class HeldAllowlists implements AllowlistSource {
  readonly #options: HeldAllowlistsOptions;
  /** By service; several have the same one. */
  readonly #configMaps = new Map<string, Informer<HeldForServices>>();
  /** By namespace. */
  readonly #policies = new Map<string, Informer<HeldPolicy>>();
  /** By service: allow entries that were seen while not all could be read. */
  readonly #seen = new Map<string, Set<string>>();
  /** By service: the versions of its sources, by uid, when they were last read. */
  readonly #versions = new Map<string, ReadonlyMap<string, string>>();
  readonly #removals = new Map<string, Removal>();
  /** By service. */
  readonly #derived = new Map<string, Derived>();

  constructor(options: HeldAllowlistsOptions) {
    const { services, onChange, kube, clock, random, logger } = options;
    const ports = { kube, clock, random, logger };
    this.#options = options;
    for (const { selection, services: concerned } of allowlistWatches(services)) {
      const { namespace } = selection;
      const informer = new Informer<HeldForServices>({
        ...ports,
        kind: kinds.configMap,
        selection,
        hold: (object, before) => {
          const owners = concerned.filter((service) => isAllowlistOf(object, service));
          if (owners.length === 0) return new Map();
          const parsed = parseAllowlistObject(namespace, object);
          return new Map(
            owners.map(({ name }) => [name, holdConfigMap(namespace, object, before?.get(name), parsed)]),
          );
        },
        onChange: ({ isFirst, values }) => {
          const changed = new Set(values.flatMap((held) => [...held.keys()]));
          for (const service of concerned) if (isFirst || changed.has(service.name)) onChange(service);
        },
      });
      for (const { name } of concerned) this.#configMaps.set(name, informer);
    }
    for (const namespace of new Set(services.flatMap((service) => this.#policyNamespaces(service)))) {
      const concerned = services.filter((service) => this.#policyNamespaces(service).includes(namespace));
      const informer = new Informer<HeldPolicy>({
        ...ports,
        kind: kinds.authorizationPolicy,
        selection: { namespace },
        hold: holdPolicy,
        onChange: () => {
          for (const service of concerned) onChange(service);
        },
      });
      this.#policies.set(namespace, informer);
    }
  }

  get informers(): ReadonlyArray<Informer<HeldForServices> | Informer<HeldPolicy>> {
    return [...new Set(this.#configMaps.values()), ...this.#policies.values()];
  }

  /** What says who may call a service, as far as it is known; undefined while none of it is. */
  view(service: ServiceConfig): HeldView | undefined {
    const configMaps = this.#configMapsOf(service);
    const policies = this.#policiesOf(service);
    if (configMaps.state !== 'known' && policies.state !== 'known') return undefined;
    const listed = configMaps.state === 'known' ? configMaps.value : [];
    const rules = policies.state === 'known' ? policies.value : [];
    const from = [this.#options.meshFacts(), configMaps.state, policies.state, ...listed, ...rules];
    const before = this.#derived.get(service.name);
    const isSame =
      before?.from.length === from.length && before.from.every((value, index) => value === from[index]);
    if (before !== undefined && isSame) return before.view;
    const { allowlist, refusals, counts, concerned } = this.#enforce(
      service,
      heldAllowlist(listed, undefined),
      rules,
    );
    const isWhole = configMaps.state === 'known' && policies.state === 'known';
    const view = {
      sources: [
        ...listed,
        ...rules
          .filter(({ policy }) => concerned.some((one) => one === policy))
          .map((held) => policySource(held, refusals)),
      ],
      policies: policies.state === 'known' ? counts : undefined,
      lack: isWhole ? admissionLack(allowlist.allow.length, listed.length, counts) : undefined,
    };
    this.#derived.set(service.name, { from, view });
    return view;
  }

  /** @throws AgentError MESH_ERR_ALLOWLIST_UNKNOWN while all of it is unknown, or the device has nothing to keep */
  read(
    service: ServiceConfig,
    installed: Allowlist | undefined,
  ): Promise<{ readonly allowlist: Allowlist; readonly problem?: AgentError }> {
    return new Promise((resolve) => resolve(this.#read(service, installed)));
  }

  /** Told once for each time that many callers lost their permission. */
  takeRemoval(service: ServiceConfig): Removal | undefined {
    const removal = this.#removals.get(service.name);
    this.#removals.delete(service.name);
    return removal;
  }

  #read(service: ServiceConfig, installed: Allowlist | undefined) {
    const configMaps = this.#configMapsOf(service);
    const policies = this.#policiesOf(service);
    if (configMaps.state === 'known' && policies.state === 'known') {
      const listed = heldAllowlist(configMaps.value, installed);
      const { allowlist } = this.#enforce(
        service,
        this.#withLost(service, listed, {
          configMaps: configMaps.value,
          policies: policies.value,
          installed,
        }),
        policies.value,
      );
      const limited = limitEntries(service.name, allowlist, installed);
      this.#noteRemoval(service, installed, limited.allowlist);
      return limited;
    }
    const problem = this.#unknown(service);
    const isPartKnown =
      configMaps.state === 'known' ||
      (policies.state === 'known' && service.allowlist.fromAuthorizationPolicies);
    if (installed === undefined || !isPartKnown) throw problem;
    const known =
      configMaps.state === 'known'
        ? heldAllowlist(configMaps.value, installed)
        : this.#enforce(service, nobody, policies.state === 'known' ? policies.value : []).allowlist;
    const allowlist = allowlistInPart(known, installed, this.#see(service, known));
    this.#noteRemoval(service, installed, allowlist);
    return { allowlist: limitEntries(service.name, allowlist, installed).allowlist, problem };
  }

  /**
   * Adds what the device admits already, while a ConfigMap has an `allow` that never could be read: all of it but what
   * was read since the agent started, for of that everything is known.
   */
  #withLost(
    service: ServiceConfig,
    listed: Allowlist,
    held: {
      readonly configMaps: readonly HeldConfigMap[];
      readonly policies: readonly HeldPolicy[];
      readonly installed: Allowlist | undefined;
    },
  ): Allowlist {
    if (held.configMaps.every(({ wasAllowText }) => wasAllowText)) {
      this.#seen.delete(service.name);
      return listed;
    }
    const seen = this.#see(service, this.#enforce(service, listed, held.policies).allowlist);
    const lost = held.installed?.allow.filter(({ text }) => !seen.has(text)) ?? [];
    return { ...listed, allow: [...listed.allow, ...lost] };
  }

  /** @returns all allow entries that were read while not everything could be */
  #see({ name }: ServiceConfig, { allow }: Allowlist): ReadonlySet<string> {
    const seen = new Set([...(this.#seen.get(name) ?? []), ...allow.map(({ text }) => text)]);
    this.#seen.set(name, seen);
    return seen;
  }

  #enforce(service: ServiceConfig, configMaps: Allowlist, policies: readonly HeldPolicy[]) {
    if (!service.allowlist.fromAuthorizationPolicies) {
      return { allowlist: configMaps, refusals: [], counts: undefined, concerned: [] as const };
    }
    const scope = policyScope(service, this.#options.meshFacts());
    return enforcePolicies(
      configMaps,
      policies.map(({ policy }) => policy),
      scope,
    );
  }

  #noteRemoval(service: ServiceConfig, installed: Allowlist | undefined, allowlist: Allowlist): void {
    const before = this.#versions.get(service.name);
    const sources = this.view(service)?.sources ?? [];
    this.#versions.set(
      service.name,
      new Map(sources.map(({ uid, resourceVersion }) => [uid, resourceVersion])),
    );
    const large = installed === undefined ? undefined : largeRemoval(installed, allowlist);
    if (large === undefined) return;
    const changed = sources.filter(({ uid, resourceVersion }) => before?.get(uid) !== resourceVersion);
    this.#removals.set(service.name, { ...large, changed });
  }

  #configMapsOf(service: ServiceConfig): Knowledge<readonly HeldConfigMap[]> {
    const listed = this.#informerOf(service).list();
    if (listed.state !== 'known') return listed;
    return { state: 'known', value: listed.value.flatMap((held) => held.get(service.name) ?? []) };
  }

  /** Known as none for a service that takes none. */
  #policiesOf(service: ServiceConfig): Knowledge<readonly HeldPolicy[]> {
    const held: HeldPolicy[] = [];
    for (const namespace of this.#policyNamespaces(service)) {
      const informer = this.#policies.get(namespace);
      const listed = informer?.list() ?? { state: 'unknown' };
      if (listed.state !== 'known') return { state: 'unknown' };
      held.push(...listed.value);
    }
    return { state: 'known', value: held };
  }

  #policyNamespaces(service: ServiceConfig): readonly string[] {
    return service.allowlist.fromAuthorizationPolicies
      ? policyNamespaces(service, this.#options.meshFacts())
      : [];
  }

  #unknown(service: ServiceConfig): AgentError {
    const policies = this.#policyNamespaces(service).map((namespace) => this.#policies.get(namespace));
    if (policies.includes(undefined)) {
      return new AgentError(
        'MESH_ERR_ALLOWLIST_UNKNOWN',
        `the allowlist of service ${service.name} is unknown: the mesh has another root namespace since the agent started`,
        'restart the agent, which then watches the policies there',
      );
    }
    const informers = [this.#informerOf(service), ...policies];
    const problem = informers.find((informer) => informer?.isSynced === false)?.problem;
    return new AgentError(
      'MESH_ERR_ALLOWLIST_UNKNOWN',
      `the allowlist of service ${service.name} is unknown: ${problem?.message ?? 'it was not read yet'}`,
      problem?.nextStep ?? 'wait for the first answer of the Kubernetes API server',
    );
  }

  #informerOf({ name }: ServiceConfig): Informer<HeldForServices> {
    const informer = this.#configMaps.get(name);
    if (informer === undefined) throw new Error(`${name} is none of the services whose allowlists are held`);
    return informer;
  }
}
