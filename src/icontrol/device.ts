import type { Clock } from '../clock.js';
import { AgentError } from '../errors.js';
import type { Logger } from '../log.js';
import type { IControlClient } from './client.js';
import { DeviceError } from './errors.js';
import type { Command } from './request.js';
import { collectionPath } from './resource-path.js';
import { parseSingleStats } from './stats.js';
import { parseGroupSync } from './sync-status.js';
import type { GroupSync } from './sync-status.js';
import { saveRequest } from './system.js';

interface DeviceOptions {
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
/** A unit that is merely slow to notice its peer is disconnected for less. */
const disconnectedMs = 10_000;
/** How long the other unit is waited for once one has said that it is active. */
const patienceMs = 2000;

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
    const states = await this.#failoverStates();
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

  /** Makes a change set last: saved on the unit, then {@link sync}. */
  async saveAndSync(unit: IControlClient): Promise<void> {
    await unit.system.saveConfig();
    await this.sync(unit);
  }

  /**
   * Brings the unit's configuration to the others, and has them save it.
   *
   * Without a change of this run it is there for an earlier one, which may have ended between its commit and its sync:
   * a group that is In Sync is then not pushed, and changes that only another unit has are somebody else's business.
   *
   * @throws DeviceError MESH_ERR_DEVICE_SYNC_CONFLICT when another unit was changed meanwhile,
   *   MESH_ERR_DEVICE_SYNC_INCOMPLETE after the deadline, or when the units do not reach each other
   */
  async sync(unit: IControlClient, { isChanged = true } = {}): Promise<void> {
    if (this.units.length === 1) return;
    const membership = await this.#membership(unit);
    if (isChanged) await this.#pushAndWait(unit, membership);
    else {
      const sync = await observeSync(unit, membership);
      if (isElsewhereOnly(sync, membership)) return;
      if (sync.status !== 'In Sync') await this.#pushAndWait(unit, membership);
    }
    const others = this.units.filter((other) => other !== unit);
    // A synchronised configuration is only in the other unit's memory.
    await Promise.all(others.map((other) => other.system.saveConfig()));
  }

  /** What {@link saveAndSync} sends besides reads, for a plan: to which unit, and what. */
  async saveAndSyncRequests(
    unit: IControlClient,
    { isChanged }: { readonly isChanged: boolean },
  ): Promise<ReadonlyArray<{ readonly unit: string; readonly command: Command }>> {
    const save = ({ device }: IControlClient) => ({ unit: device, command: saveRequest });
    if (this.units.length === 1) return [save(unit)];
    const membership = await this.#membership(unit);
    const sync = await observeSync(unit, membership);
    const others = this.units.filter((other) => other !== unit).map(save);
    if (!isChanged && isElsewhereOnly(sync, membership)) return [save(unit)];
    const isPushed = !membership.autoSync && (isChanged || sync.status !== 'In Sync');
    const push = { unit: unit.device, command: pushRequest(membership) };
    return [save(unit), ...(isPushed ? [push] : []), ...others];
  }

  /** Closes every unit. Never throws. */
  async close(): Promise<void> {
    await Promise.all(this.units.map((unit) => unit.close()));
  }

  async #pushAndWait(unit: IControlClient, membership: Membership): Promise<void> {
    const { clock, syncDeadlineMs = 120_000 } = this.#options;
    const startedMs = clock.now().getTime();
    let connectedMs = startedMs;
    let pushed = membership.autoSync;
    let sync = await observeSync(unit, membership);
    for (;;) {
      refuseConflict(sync, membership, unit);
      // Pushed once, also over "In Sync": the status may not know of the change yet.
      if (!pushed && sync.status !== 'Disconnected') {
        await unit.request(pushRequest(membership));
        pushed = true;
      }
      await clock.sleep(pollMs);
      sync = await observeSync(unit, membership);
      if (pushed && sync.status === 'In Sync') return;
      const nowMs = clock.now().getTime();
      if (sync.status !== 'Disconnected') connectedMs = nowMs;
      if (nowMs - startedMs >= syncDeadlineMs || nowMs - connectedMs >= disconnectedMs) {
        throw new DeviceError(
          'MESH_ERR_DEVICE_SYNC_INCOMPLETE',
          `device group ${membership.group} is "${sync.status}" after ${Math.round((nowMs - startedMs) / 1000)} s`,
          'Check that the units reach each other; the change is saved on the active unit',
          { resource: syncStatusPath },
        );
      }
    }
  }

  /** Of all units; one that hangs does not hold up the other, which serves. */
  async #failoverStates(): Promise<ReadonlyArray<string | DeviceError>> {
    const { clock } = this.#options;
    const answered = new AbortController();
    let giveUp = (): void => undefined;
    const patience = new Promise<DeviceError>((resolve) => {
      giveUp = () => resolve(unanswered);
    });
    const asked = this.units.map(async (unit) => {
      const state = await this.#failoverState(unit, answered.signal);
      if (state === 'ACTIVE') clock.sleep(patienceMs, answered.signal).then(giveUp, () => undefined);
      return state;
    });
    try {
      return await Promise.all(asked.map((state) => Promise.race([state, patience])));
    } finally {
      answered.abort();
    }
  }

  /** @returns the failover status, or why it cannot be read */
  async #failoverState(unit: IControlClient, signal: AbortSignal): Promise<string | DeviceError> {
    try {
      const { json } = await unit.request({ method: 'GET', path: '/mgmt/tm/cm/failover-status', signal });
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

const unanswered = new DeviceError(
  'MESH_ERR_DEVICE_TIMEOUT',
  'the unit has not answered yet',
  'Check whether the unit is up',
  { resource: '/mgmt/tm/cm/failover-status' },
);

/** Others have changes, and this unit has none that they lack. */
function isElsewhereOnly({ conflict, recommendedSource }: GroupSync, { self }: Membership): boolean {
  return !conflict && recommendedSource !== undefined && !self.has(recommendedSource);
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

function pushRequest({ group }: Membership): Command {
  return {
    method: 'POST',
    path: '/mgmt/tm/cm',
    body: { command: 'run', utilCmdArgs: `config-sync to-group ${group}` },
  };
}
