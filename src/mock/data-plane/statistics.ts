/** Counters of one virtual server, in the device's terms: *client side* is the caller. */
export interface VirtualServerStatistics {
  currentConnections: number;
  totalConnections: number;
  /** Connections that a rule or a TLS failure ended before a pool member was chosen. */
  refusedConnections: number;
  clientSideBytesIn: number;
  clientSideBytesOut: number;
}

/** Counters of one event of one rule, as `ltm/rule/stats` names them. */
export interface RuleEventStatistics {
  totalExecutions: number;
  /** TCL errors. */
  failures: number;
  aborts: number;
}

/** What happened since the data plane started, by full path, and by full path and event: `/mesh/r:LB_SELECTED`. */
export class Statistics {
  readonly #virtualServers = new Map<string, VirtualServerStatistics>();
  readonly #ruleEvents = new Map<string, RuleEventStatistics>();

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

  snapshot(): {
    readonly virtualServers: Readonly<Record<string, Readonly<VirtualServerStatistics>>>;
    readonly ruleEvents: Readonly<Record<string, Readonly<RuleEventStatistics>>>;
  } {
    return structuredClone({
      virtualServers: Object.fromEntries(this.#virtualServers),
      ruleEvents: Object.fromEntries(this.#ruleEvents),
    });
  }
}
