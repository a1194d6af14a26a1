import type { StatisticsProfileConfiguration } from './configuration.js';

/** Counters of one virtual server, in the device's terms: *client side* is the caller. */
interface VirtualServerStatistics {
  currentConnections: number;
  totalConnections: number;
  /** Connections that a rule or a TLS failure ended before a pool member was chosen. */
  refusedConnections: number;
  clientSideBytesIn: number;
  clientSideBytesOut: number;
}

/** Counters of one event of one rule, as `ltm/rule/stats` names them. */
interface RuleEventStatistics {
  totalExecutions: number;
  /** TCL errors. */
  failures: number;
  aborts: number;
}

/**
 * What happened since the data plane started, by full path, and by full path and event: `/mesh/r:LB_SELECTED`.
 *
 * The fields of statistics profiles are what rules made of them since the Tcl interpreter started.
 */
export class Statistics {
  readonly #virtualServers = new Map<string, VirtualServerStatistics>();
  readonly #ruleEvents = new Map<string, RuleEventStatistics>();
  #fields = new Map<string, Map<string, number>>();

  virtualServer(fullPath: string): VirtualServerStatistics {
    let found = this.#virtualServers.get(fullPath);
    if (found === undefined) {
      found = {
        currentConnections: 0,
        totalConnections: 0,
        refusedConnections: 0,
        clientSideBytesIn: 0,
        clientSideBytesOut: 0,
      };
      this.#virtualServers.set(fullPath, found);
    }
    return found;
  }

  ruleEvent(rule: string, event: string): RuleEventStatistics {
    const key = `${rule}:${event}`;
    let found = this.#ruleEvents.get(key);
    if (found === undefined) {
      found = { totalExecutions: 0, failures: 0, aborts: 0 };
      this.#ruleEvents.set(key, found);
    }
    return found;
  }

  /** Makes a field of a statistics profile what a rule made it. */
  setField(profile: string, field: string, value: number): void {
    const fields = this.#fields.get(profile) ?? new Map<string, number>();
    this.#fields.set(profile, fields.set(field, value));
  }

  /** Forgets what stood in profiles and fields other than these. */
  keepFields(profiles: readonly StatisticsProfileConfiguration[]): void {
    this.#fields = new Map(
      profiles.map(({ fullPath, fields }) => {
        const known = this.#fields.get(fullPath);
        return [fullPath, new Map(fields.map((field) => [field, known?.get(field) ?? 0]))];
      }),
    );
  }

  snapshot(): {
    readonly virtualServers: Readonly<Record<string, Readonly<VirtualServerStatistics>>>;
    readonly ruleEvents: Readonly<Record<string, Readonly<RuleEventStatistics>>>;
    /** Of statistics profiles: by the profile's full path, by the field's name. */
    readonly fields: Readonly<Record<string, Readonly<Record<string, number>>>>;
  } {
    return structuredClone({
      virtualServers: Object.fromEntries(this.#virtualServers),
      ruleEvents: Object.fromEntries(this.#ruleEvents),
      fields: Object.fromEntries(
        [...this.#fields].map(([profile, fields]) => [profile, Object.fromEntries(fields)]),
      ),
    });
  }
}
