import type { Clock } from '../clock.js';
import { DeviceError } from './errors.js';
import type { Requester } from './request.js';
import { parseSingleStats } from './stats.js';
import { runTask } from './task.js';

interface DeviceVersion {
  /** TMOS version, `16.1.3.3`. */
  readonly version: string;
  readonly build: string;
}

const saveDeadlineMs = 300_000;

/** Makes the running configuration of a unit survive a reboot. */
export const saveRequest = {
  method: 'POST',
  path: '/mgmt/tm/sys/config',
  body: { command: 'save' },
} as const;

/** What concerns a unit as a whole. */
export class DeviceSystem {
  readonly #requester: Requester;
  readonly #clock: Clock;

  constructor(requester: Requester, clock: Clock) {
    this.#requester = requester;
    this.#clock = clock;
  }

  async observeVersion(): Promise<DeviceVersion> {
    const path = '/mgmt/tm/sys/version';
    const { json } = await this.#requester.request({ method: 'GET', path });
    const { values } = parseSingleStats(json);
    const version = values.get('Version');
    if (typeof version === 'string') return { version, build: String(values.get('Build') ?? '') };
    throw new DeviceError(
      'MESH_ERR_DEVICE_PROTOCOL',
      'the device does not say its version',
      'Check that the address is the management port of a BIG-IP',
      { resource: path },
    );
  }

  /** Makes the running configuration survive a reboot; to be called once per change set. */
  async saveConfig(): Promise<void> {
    try {
      // What was committed outlives an interruption, and must outlive a reboot as well.
      await this.#requester.request({ ...saveRequest, repeatable: true, detached: true });
    } catch (error) {
      if (!(error instanceof DeviceError) || error.code !== 'MESH_ERR_DEVICE_TIMEOUT') throw error;
      // A large configuration takes more than the minute that a plain call gets.
      await runTask(this.#requester, this.#clock, {
        kind: 'sys/config',
        body: saveRequest.body,
        deadlineMs: saveDeadlineMs,
      });
    }
  }
}
