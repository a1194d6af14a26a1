import type { Clock } from '../clock.js';
import { AgentError } from '../errors.js';
import type { Logger } from '../log.js';
import type { IControlClient } from './client.js';
import { DeviceError } from './errors.js';
import { collectionPath } from './resource-path.js';
import { parseSingleStats } from './stats.js';
import { parseGroupSync } from './sync-status.js';
import type { GroupSync } from './sync-status.js';

export interface DeviceOptions {
  /** One unit, or the two of a pair. */
  readonly units: readonly [IControlClient, ...IControlClient[]];
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a config sync may take until the group is In Sync; default 120,000. */
  readonly syncDeadlineMs?: number;
}

interface Membership {
  /** What the unit calls itself: name and host name. */
  readonly self: ReadonlySet<string>;
  readonly group: string;
  readonly autoSync: boolean;
}

const syncStatusPath = '/mgmt/tm/cm/sync-status';
const pollMs = 2000;

/**
 * A BIG-IP, or an HA pair managed as one: writes go to the active unit alone, and reach the other by config sync.
 *
 * A single unit costs no extra request.
 */
export class Device {
  readonly units: readonly [IControlClient, ...IControlClient[]];
  readonly #options: DeviceOptions;
  readonly #memberships = new Map<IControlClient, Membership>();

  constructor(options: DeviceOptions) {
    this.units = options.units;
    this.#options = options;
  }

  /**
   * The unit to read from and write to.
   *
   * @throws DeviceError MESH_ERR_DEVICE_NO_ACTIVE_UNIT unless exactly one of those that answer is active; what the
   *   last unit gave when none answers
   */
  async activeUnit(): Promise<IControlClient> {
    if (this.units.length === 1) return this.units[0];
    const states = await Promise.all(this.units.map((unit) => this.#failoverState(unit)));
    const active = this.units.filter((_, index) => states[index] === 'ACTIVE');
    const [only] = active;
    if (only !== undefined && active.length === 1) return only;
    const failures = states.filter((state) => state instanceof DeviceError);
    if (failures[0] !== undefined && failures.length === states.length) throw failures[0];
    const said = this.units.map(({ device }, index) => {
      const state = states[index];
      return `${device} ${state instanceof DeviceError ? 'does not answer' : state}`;
    });
    throw new DeviceError(
      'MESH_ERR_DEVICE_NO_ACTIVE_UNIT',
      `not exactly one unit is active: ${said.join(', ')}`,
      'Check failover of the pair; the agent tries again by itself',
      { resource: '/mgmt/tm/cm/failover-status' },
    );
  }

  /**
   * To be called before writing: a later config sync from this unit must not overwrite what somebody changed on the
   * other one.
   *
   * @throws DeviceError MESH_ERR_DEVICE_SYNC_CONFLICT
   */
  async requireNoChangesElsewhere(unit: IControlClient): Promise<void> {
    if (this.units.length === 1) return;
    const membership = await this.#membership(unit);
    refuseConflict(await observeSync(unit, membership), membership, unit);
  }

  /**
   * Makes a change set last: saved on the unit, synchronised to the group, saved on the others.
   *
   * @throws DeviceError MESH_ERR_DEVICE_SYNC_CONFLICT when another unit was changed meanwhile,
   *   MESH_ERR_DEVICE_SYNC_INCOMPLETE after the deadline
   */
  async saveAndSync(unit: IControlClient): Promise<void> {
    await unit.system.saveConfig();
    if (this.units.length === 1) return;
    await this.#sync(unit);
    const others = this.units.filter((other) => other !== unit);
    // A synchronised configuration is only in the other unit's memory.
    await Promise.all(others.map((other) => other.system.saveConfig()));
  }

  /** Closes every unit. Never throws. */
  async close(): Promise<void> {
    await Promise.all(this.units.map((unit) => unit.close()));
  }

  async #sync(unit: IControlClient): Promise<void> {
    const { clock, syncDeadlineMs = 120_000 } = this.#options;
    const membership = await this.#membership(unit);
    const untilMs = clock.now().getTime() + syncDeadlineMs;
    let pushed = membership.autoSync;
    let sync = await observeSync(unit, membership);
    for (;;) {
      refuseConflict(sync, membership, unit);
      // Pushed once, also over "In Sync": the status may not know of the change yet.
      if (!pushed && sync.status !== 'Disconnected') {
        await pushToGroup(unit, membership);
        pushed = true;
      }
      await clock.sleep(pollMs);
      sync = await observeSync(unit, membership);
      if (pushed && sync.status === 'In Sync') return;
      if (clock.now().getTime() >= untilMs) {
        throw new DeviceError(
          'MESH_ERR_DEVICE_SYNC_INCOMPLETE',
          `device group ${membership.group} is "${sync.status}" after ${syncDeadlineMs / 1000} s`,
          'Check that the units reach each other; the change is saved on the active unit',
          { resource: syncStatusPath },
        );
      }
    }
  }

  /** @returns the failover status, or why it cannot be read */
  async #failoverState(unit: IControlClient): Promise<string | DeviceError> {
    try {
      const { json } = await unit.request({ method: 'GET', path: '/mgmt/tm/cm/failover-status' });
      return String(parseSingleStats(json).values.get('status') ?? 'unknown');
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      this.#options.logger.warn({ device: unit.device, reason: error.message }, 'unit does not answer');
      return error;
    }
  }

  async #membership(unit: IControlClient): Promise<Membership> {
    const known = this.#memberships.get(unit) ?? (await observeMembership(unit));
    this.#memberships.set(unit, known);
    return known;
  }
}

async function observeMembership(unit: IControlClient): Promise<Membership> {
  const devices = await unit.resources.list(collectionPath('cm/device'));
  const self = devices.find((device) => device['selfDevice'] === 'true');
  const groups = await unit.resources.list(collectionPath('cm/device-group'), { expandSubcollections: true });
  const [group, ...more] = groups.filter((candidate) => candidate['type'] === 'sync-failover');
  if (self === undefined || group === undefined || more.length > 0) {
    throw new AgentError(
      'MESH_ERR_DEVICE_SYNC_CONFLICT',
      `${unit.device} is not a member of exactly one sync-failover device group`,
      'Put the two units into one device group, or give the device a single url',
    );
  }
  return {
    self: new Set([String(self['name']), String(self['hostname'])]),
    group: String(group['name']),
    autoSync: group['autoSync'] === 'enabled',
  };
}

async function observeSync(unit: IControlClient, { group }: Membership): Promise<GroupSync> {
  const { json } = await unit.request({ method: 'GET', path: syncStatusPath });
  return parseGroupSync(json, group);
}

function refuseConflict(sync: GroupSync, { self, group }: Membership, unit: IControlClient): void {
  const source = sync.recommendedSource;
  const elsewhere = source !== undefined && !self.has(source);
  if (!sync.conflict && !elsewhere && sync.status !== 'Awaiting Initial Sync') return;
  throw new DeviceError(
    'MESH_ERR_DEVICE_SYNC_CONFLICT',
    `device group ${group} is "${sync.status}", and ${source ?? 'another unit'} has changes that ${unit.device} lacks`,
    'Decide which unit is right and run config-sync there by hand; the agent never overwrites a unit',
    { resource: syncStatusPath },
  );
}

async function pushToGroup(unit: IControlClient, { group }: Membership): Promise<void> {
  await unit.request({
    method: 'POST',
    path: '/mgmt/tm/cm',
    body: { command: 'run', utilCmdArgs: `config-sync to-group ${group}` },
  });
}
