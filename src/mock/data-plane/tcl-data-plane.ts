import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Clock } from '../../clock.js';
import { AgentError } from '../../errors.js';
import type { Logger } from '../../log.js';
import { systemErrorCode } from '../../system-error.js';
import { checkRuleText } from '../tcl/check-rule.js';
import { RuleEngine } from '../tcl/rule-engine.js';
import type { Effect, Flow } from '../tcl/rule-engine.js';
import type { ClientSslProfile } from './client-ssl-profile.js';
import { ClientSslProfiles } from './client-ssl-profiles.js';
import type {
  DataPlane,
  DataPlaneConfiguration,
  RuleConfiguration,
  RuleLoadError,
  StatisticsProfileConfiguration,
  VirtualServerConfiguration,
} from './configuration.js';
import { Connection } from './connection.js';
import { HighSpeedLogs } from './high-speed-logs.js';
import { renderLogLine, tclErrorMessage } from './log-line.js';
import { runProbe } from './probe.js';
import type { Probe, ProbeOutcome } from './probe.js';
import { Statistics } from './statistics.js';

export interface TclDataPlaneOptions {
  /** Listen here instead of at the virtual servers' own addresses, at the same ports. */
  readonly bindHost?: string | undefined;
  /** Stands in each log line. */
  readonly hostname: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Takes the lines of /var/log/ltm, one by one, without line ends. */
  readonly log: (line: string) => void;
  /** The Tcl interpreter; `tclsh` of the PATH by default. */
  readonly tclsh?: string | undefined;
  /** How long one event of a rule may run before it counts as a TCL error; 2000 by default. */
  readonly eventTimeLimitMs?: number;
}

/** What new connections through a virtual server get. */
interface VirtualServerState {
  readonly configuration: VirtualServerConfiguration;
  readonly clientSsl: ClientSslProfile | undefined;
}

interface Listener {
  readonly server: Server;
  readonly host: string;
  readonly port: number;
  state: VirtualServerState;
  /** Counts connections, for taking pool members in turn. */
  turn: number;
}

const defaultEventTimeLimitMs = 2000;

/** The mock's data plane: real listeners, real TLS, and the rules in a real Tcl interpreter. */
export class TclDataPlane implements DataPlane {
  readonly statistics = new Statistics();
  readonly #options: TclDataPlaneOptions;
  readonly #engine: RuleEngine;
  readonly #listeners = new Map<string, Listener>();
  readonly #highSpeedLogs = new HighSpeedLogs();
  readonly #clientSslProfiles: ClientSslProfiles;
  readonly #connections = new Map<Connection, Promise<void>>();
  /** Listeners that wait for their last connection. */
  readonly #closing = new Set<Promise<unknown>>();
  #applying: Promise<void> = Promise.resolve();
  #statisticsProfiles: readonly StatisticsProfileConfiguration[] = [];
  #pid = 0;
  #isClosing = false;

  constructor(options: TclDataPlaneOptions) {
    this.#options = options;
    this.#clientSslProfiles = new ClientSslProfiles(options.clock);
    const eventTimeLimitMs = options.eventTimeLimitMs ?? defaultEventTimeLimitMs;
    this.#engine = new RuleEngine({
      tclsh: options.tclsh,
      eventTimeLimitMs,
      now: () => options.clock.now(),
      answerTimeoutMs: eventTimeLimitMs * 4,
      onStarted: (pid) => (this.#pid = pid),
      onGone: () => this.#lostInterpreter(),
      onRuleInit: (effects) => this.#logRuleInit(effects),
    });
  }

  /** @throws AgentError MESH_ERR_TCLSH_MISSING */
  async start(): Promise<void> {
    await this.#engine.start();
  }

  checkRule({ text }: RuleConfiguration): Promise<readonly RuleLoadError[]> {
    return Promise.resolve(checkRuleText(text));
  }

  /**
   * @throws AgentError MESH_ERR_MOCK_LISTEN when a virtual server cannot listen at its address, or
   *   MESH_ERR_MOCK_CLIENT_SSL when a certificate or key is of no use; everything else is applied all the same.
   */
  apply(configuration: DataPlaneConfiguration): Promise<void> {
    const applied = this.#applying.then(() => this.#apply(configuration));
    this.#applying = applied.catch(() => undefined);
    return applied;
  }

  probe(probe: Probe, signal: AbortSignal): Promise<ProbeOutcome> {
    return runProbe(probe, signal);
  }

  /** Where a virtual server listens; undefined when it does not. */
  listeningAt(fullPath: string): { readonly host: string; readonly port: number } | undefined {
    const address = this.#listeners.get(fullPath)?.server.address() as AddressInfo | null | undefined;
    return address ? { host: address.address, port: address.port } : undefined;
  }

  /** The iStats that rules have counted, by key: `ltm.virtual /mesh/echo counter spiffe_allowed`. */
  istats(): Promise<ReadonlyMap<string, string>> {
    return this.#engine.istats();
  }

  async close(): Promise<void> {
    await this.#applying;
    this.#isClosing = true;
    for (const path of this.#listeners.keys()) this.#closeListener(path);
    this.resetConnections();
    await Promise.all([...this.#connections.values(), ...this.#closing]);
    this.#highSpeedLogs.close();
    await this.#engine.close();
  }

  async #apply({
    virtualServers,
    dataGroups,
    statisticsProfiles = [],
    pools = [],
    logPublishers = [],
  }: DataPlaneConfiguration): Promise<void> {
    await this.#engine.setDataGroups(dataGroups);
    await this.#engine.setLogTargets({
      pools: pools.map(({ fullPath }) => fullPath),
      publishers: logPublishers.map(({ fullPath }) => fullPath),
    });
    this.#highSpeedLogs.configure(pools, logPublishers);
    await this.#engine.setStatisticsProfiles(statisticsProfiles);
    this.#statisticsProfiles = statisticsProfiles;
    this.statistics.keepFields(statisticsProfiles);
    const wanted = new Map(
      virtualServers.filter(({ enabled }) => enabled).map((virtual) => [virtual.fullPath, virtual]),
    );
    for (const [path, { host, port }] of this.#listeners) {
      const virtual = wanted.get(path);
      if (virtual === undefined || this.#hostOf(virtual) !== host || virtual.port !== port) {
        this.#closeListener(path);
      }
    }
    const failures: unknown[] = [];
    for (const virtual of wanted.values()) {
      await this.#applyVirtualServer(virtual).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }

  async #applyVirtualServer(configuration: VirtualServerConfiguration): Promise<void> {
    const { fullPath, port } = configuration;
    const listener = this.#listeners.get(fullPath);
    try {
      for (const rule of configuration.rules) await this.#engine.loadRule(rule);
      const clientSsl = this.#clientSslProfiles.versionFor(configuration, listener?.state.clientSsl);
      const state = { configuration, clientSsl };
      if (listener !== undefined) listener.state = state;
      else this.#listeners.set(fullPath, await this.#listen(this.#hostOf(configuration), port, state));
    } catch (error) {
      // A virtual server that is half configured must not go on with what it had.
      this.#closeListener(fullPath);
      throw error;
    }
  }

  async #listen(host: string, port: number, state: VirtualServerState): Promise<Listener> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: false });
    const listener: Listener = { server, host, port, state, turn: 0 };
    server.on('connection', (socket) => this.#accept(socket, listener));
    server.listen({ host, port });
    try {
      await once(server, 'listening');
    } catch (error) {
      throw new AgentError(
        'MESH_ERR_MOCK_LISTEN',
        `virtual server ${state.configuration.fullPath} cannot listen at ${host} port ${port}: ${systemErrorCode(error)}`,
        'choose a free port, or let virtual servers listen on an address of this machine (--data-plane HOST)',
      );
    }
    return listener;
  }

  #accept(socket: Socket, listener: Listener): void {
    const { configuration, clientSsl } = listener.state;
    const connection = new Connection({
      socket,
      virtualServer: configuration,
      clientSsl,
      openFlow: () => this.#openFlow(configuration),
      selectMember: () => {
        const members = configuration.pool?.members ?? [];
        listener.turn += 1;
        return members[(listener.turn - 1) % Math.max(members.length, 1)];
      },
      statistics: this.statistics,
      clock: this.#options.clock,
      logger: this.#options.logger,
      log: (level, message) => this.#log(level, message),
      logAtHighSpeed: (message) => this.#highSpeedLogs.send(message),
    });
    const served = connection.serve().finally(() => this.#connections.delete(connection));
    this.#connections.set(connection, served);
  }

  async #openFlow({ rules }: VirtualServerConfiguration): Promise<Flow | undefined> {
    if (rules.length === 0) return undefined;
    return this.#engine.openFlow(await Promise.all(rules.map((rule) => this.#engine.loadRule(rule))));
  }

  /** Takes no more connections; those that are open go on. */
  #closeListener(path: string): void {
    const listener = this.#listeners.get(path);
    if (listener === undefined) return;
    this.#listeners.delete(path);
    const closed = once(listener.server, 'close');
    this.#closing.add(closed);
    void closed.finally(() => this.#closing.delete(closed));
    listener.server.close();
  }

  #hostOf({ address }: VirtualServerConfiguration): string {
    return this.#options.bindHost ?? address;
  }

  #lostInterpreter(): void {
    if (this.#isClosing) return;
    this.#options.logger.warn('the Tcl interpreter has ended; every connection through it is reset');
    this.resetConnections();
    this.statistics.keepFields([]);
    this.statistics.keepFields(this.#statisticsProfiles);
  }

  resetConnections(): void {
    for (const connection of this.#connections.keys()) connection.reset();
  }

  #logRuleInit(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'log') this.#log(effect.level, effect.text);
      if (effect.kind === 'error') this.#log('err', tclErrorMessage(effect));
    }
  }

  #log(level: string, message: string): void {
    const { hostname, clock, log } = this.#options;
    log(renderLogLine({ at: clock.now(), hostname, level, pid: this.#pid, message }));
  }
}
