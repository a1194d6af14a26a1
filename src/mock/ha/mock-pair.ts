import type { Clock } from '../../clock.js';
import { AgentError } from '../../errors.js';
import type { Refusal } from '../config/refusal.js';
import type { Configuration } from '../config/configuration.js';
import { startControlServer } from '../control/control-server.js';
import type { ControlServer } from '../control/control-server.js';
import type { DataPlane } from '../data-plane/configuration.js';
import type { LogHistory } from '../data-plane/log-history.js';
import type { MockBigIp, MockBigIpOptions } from '../mock-big-ip.js';
import { startUnit } from '../unit.js';
import type { Unit } from '../unit.js';
import type { Cluster, SyncReport } from './cluster.js';
import { groupNotFound } from './standalone.js';
import { synchronized } from './synchronized.js';

/** What is each unit's own. */
export interface PairUnitOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly hostname: string;
  readonly dataPlane?: DataPlane;
  readonly log?: LogHistory;
  readonly stateDir?: string;
}

export interface MockPairOptions extends Omit<
  MockBigIpOptions,
  'listen' | 'hostname' | 'dataPlane' | 'log' | 'stateDir' | 'managementCertificate'
> {
  /** The first one starts active. */
  readonly units: readonly [PairUnitOptions, PairUnitOptions];
  /** Default `/Common/Sync_Failover_Group`. */
  readonly deviceGroup?: string;
  /** Copies every change to the peer by itself, in memory only. Default false. */
  readonly autoSync?: boolean;
  /** How long a config-sync takes. Default 0. */
  readonly syncMs?: number;
}

/** Two units that share configuration and of which one carries traffic. */
export interface MockPair {
  readonly units: readonly [MockBigIp, MockBigIp];
  readonly controlUrl?: string;
  /** The standby unit becomes active. */
  failOver(): Promise<void>;
  /** Takes a unit off: it answers nobody, and its peer, which carries the traffic now, shows it disconnected. */
  powerOff(unit: 0 | 1): Promise<void>;
  /** Starts it anew at the same address, as standby, with the configuration that it had saved. */
  powerOn(unit: 0 | 1): Promise<void>;
  close(): Promise<void>;
}

/** @throws AgentError as `startMockBigIp` does. */
export async function startMockPair(options: MockPairOptions): Promise<MockPair> {
  const {
    units,
    control,
    deviceGroup = '/Common/Sync_Failover_Group',
    autoSync = false,
    ...shared
  } = options;
  const state = new PairState(options);
  const started: Unit[] = [];
  let controlServer: ControlServer | undefined;
  try {
    for (const [index, own] of units.entries()) {
      const peer = units[index === 0 ? 1 : 0].hostname;
      const unit = await startUnit({ ...shared, ...own }, state.clusterOf(index), {
        peer,
        deviceGroup,
        autoSync,
      });
      started.push(unit);
      state.join(unit);
    }
    if (control !== undefined) controlServer = await startControlServer(control, started, state);
  } catch (error) {
    for (const unit of started) await unit.close();
    throw error;
  }
  const [first, second] = started;
  if (first === undefined || second === undefined) {
    throw new AgentError('MESH_ERR_BUG', 'a pair started with one unit', 'Report it');
  }
  return {
    units: [state.leaving(first, 0), state.leaving(second, 1)],
    ...(controlServer === undefined ? {} : { controlUrl: controlServer.url }),
    failOver: () => state.failOver(),
    powerOff: (unit) => state.powerOff(unit),
    powerOn: (unit) => state.powerOn(unit),
    close: async () => {
      await controlServer?.close();
      await state.close();
      for (const unit of started) await unit.close();
    },
  };
}

/** Who is active, and whose changes the other has not got. */
class PairState {
  readonly #options: MockPairOptions;
  readonly #units: Unit[] = [];
  readonly #changed = new Set<number>();
  /** Units that are off. */
  readonly #away = new Set<number>();
  readonly #closing = new AbortController();
  #active = 0;
  #syncing: Promise<void> | undefined;

  constructor(options: MockPairOptions) {
    this.#options = options;
  }

  join(unit: Unit): void {
    this.#units.push(unit);
  }

  clusterOf(index: number): Cluster {
    return {
      isActive: () => this.#active === index && !this.#away.has(index),
      syncReport: () => this.#report(index),
      changed: () => this.#noteChange(index),
      startSync: (direction, group) => {
        const refusal = this.#unknownGroup(group);
        if (refusal !== undefined) throw refusal;
        this.#startSync(direction === 'to' ? index : 1 - index);
      },
      standBy: async () => {
        if (this.#active === index) await this.failOver();
      },
    };
  }

  async failOver(): Promise<void> {
    if (this.#away.size > 0) return;
    this.#active = 1 - this.#active;
    await this.#takeRoles();
  }

  async powerOff(index: number): Promise<void> {
    if (this.#away.has(index)) return;
    this.#away.add(index);
    await this.#units[index]?.powerOff();
    if (this.#active === index && !this.#away.has(1 - index)) this.#active = 1 - index;
    await this.#takeRoles();
  }

  async powerOn(index: number): Promise<void> {
    if (!this.#away.delete(index)) return;
    if (this.#away.size > 0) this.#active = index;
    await this.#units[index]?.powerOn();
    await this.#takeRoles();
    const [source] = this.#changed;
    if (source !== undefined && this.#options.autoSync === true) this.#startSync(source);
  }

  /** A unit that the other one misses once it is closed. */
  leaving(unit: Unit, index: number): MockBigIp {
    return {
      ...unit,
      close: async () => {
        this.#away.add(index);
        await unit.close();
      },
    };
  }

  async #takeRoles(): Promise<void> {
    // First off, then on: an address is never served by both.
    const order = [this.#units[1 - this.#active], this.#units[this.#active]];
    for (const unit of order) await unit?.running.replace((current) => this.#withRoles(current));
  }

  /** Ends a config-sync that waits, and lets one that copies finish. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#syncing;
  }

  #noteChange(index: number): void {
    this.#changed.add(index);
    if (this.#options.autoSync === true) this.#startSync(index);
  }

  #startSync(source: number): void {
    const { clock, syncMs = 0 } = this.#options;
    const previous = this.#syncing;
    const run = async (): Promise<void> => {
      await previous;
      if (syncMs > 0 && !(await this.#sleep(clock, syncMs))) return;
      const from = this.#units[source];
      const to = this.#units[1 - source];
      if (from === undefined || to === undefined || this.#away.size > 0) return;
      await to.running.replace((current) => synchronized(from.running.current, current));
      this.#changed.clear();
    };
    const running = run().finally(() => {
      if (this.#syncing === running) this.#syncing = undefined;
    });
    this.#syncing = running;
  }

  /** @returns false when the pair was closed meanwhile. */
  async #sleep(clock: Clock, ms: number): Promise<boolean> {
    try {
      await clock.sleep(ms, this.#closing.signal);
      return true;
    } catch {
      return false;
    }
  }

  #withRoles(configuration: Configuration): Configuration {
    let next = configuration;
    for (const [index, { hostname }] of this.#options.units.entries()) {
      const device = next.get('cm/device', `/Common/${hostname}`);
      if (device === undefined) continue;
      const failoverState = this.#away.has(index) ? 'offline' : index === this.#active ? 'active' : 'standby';
      next = next.with({ ...device, own: { ...device.own, failoverState } });
    }
    return next;
  }

  #unknownGroup(group: string): Refusal | undefined {
    const { deviceGroup = '/Common/Sync_Failover_Group' } = this.#options;
    const named = group.startsWith('/') ? group : `/Common/${group}`;
    return named === deviceGroup ? undefined : groupNotFound(group);
  }

  #report(index: number): SyncReport {
    const { units, deviceGroup = '/Common/Sync_Failover_Group' } = this.#options;
    const group = deviceGroup.slice(deviceGroup.lastIndexOf('/') + 1);
    const peer = `${units[index === 0 ? 1 : 0].hostname}: connected`;
    const trust = 'device_trust_group (In Sync): All devices in the device group are in sync';
    const mode = 'high-availability';
    const missing = [...this.#away].map((away) => units[away === 0 ? 0 : 1].hostname);
    if (missing.length > 0) {
      // Colour and status are on record (f5-common-python#4); the sentence is not.
      const summary = 'A device of the device group is disconnected';
      return {
        mode,
        status: 'Disconnected',
        color: 'red',
        summary,
        details: [
          ...missing.map((hostname) => `${hostname}: disconnected`),
          `${group} (Disconnected): ${summary}`,
          `device_trust_group (Disconnected): ${summary}`,
        ],
      };
    }
    if (this.#syncing !== undefined) {
      const summary = 'Synchronizing';
      return {
        mode,
        status: 'Syncing',
        color: 'blue',
        summary,
        details: [peer, `${group} (Syncing): ${summary}`, trust],
      };
    }
    if (this.#changed.size === 0) {
      const summary = 'All devices in the device group are in sync';
      return {
        mode,
        status: 'In Sync',
        color: 'green',
        summary,
        details: [peer, `${group} (In Sync): ${summary}`, trust],
      };
    }
    const [source] = this.#changed;
    const isConflict = this.#changed.size > 1;
    const summary = isConflict
      ? `There is a possible change conflict between ${units[0].hostname} and ${units[1].hostname}.`
      : 'The device group has changes pending';
    const from = units[source === 1 ? 1 : 0].hostname;
    const details = [
      peer,
      `${group} (Changes Pending): ${summary}`,
      ` - Recommended action: Synchronize ${from} to group ${group}`,
      trust,
    ];
    return { mode, status: 'Changes Pending', color: isConflict ? 'red' : 'yellow', summary, details };
  }
}
