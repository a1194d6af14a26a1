import type { Clock } from '../clock.js';
import { DeviceError } from './errors.js';
import type { Requester } from './request.js';
import { parseSingleStats } from './stats.js';

/** How long a confirmation holds as the first half of a proof of absence. */
const recentMs = 10_000;

/**
 * Whether the device's configuration can be believed.
 *
 * While mcpd restarts, a device answers 404 for objects that exist: absence counts only when the device was ready
 * before and after it was seen.
 */
export class Readiness {
  readonly #requester: Requester;
  readonly #clock: Clock;
  readonly #device: string;
  #confirmedAtMs = Number.NEGATIVE_INFINITY;

  constructor(requester: Requester, clock: Clock, device: string) {
    this.#requester = requester;
    this.#clock = clock;
    this.#device = device;
  }

  /** Ready a moment ago, and nothing has failed since. */
  get recentlyConfirmed(): boolean {
    return this.#clock.now().getTime() - this.#confirmedAtMs < recentMs;
  }

  /** To be called when anything suggests that the device restarts. */
  doubt(): void {
    this.#confirmedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** @returns what is not ready yet, in the device's words; empty when all is */
  async observe(): Promise<readonly string[]> {
    try {
      const { json } = await this.#requester.request({
        method: 'GET',
        path: '/mgmt/tm/sys/ready',
        repeatable: false,
      });
      const { values } = parseSingleStats(json);
      return ['configReady', 'licenseReady', 'provisionReady']
        .filter((name) => values.get(name) !== 'yes')
        .map((name) => `${name} ${values.get(name) ?? 'unknown'}`);
    } catch (error) {
      if (!(error instanceof DeviceError) || error.status !== 404) throw error;
      return this.#observeMcpState();
    }
  }

  /** @throws DeviceError MESH_ERR_DEVICE_NOT_READY */
  async require(): Promise<void> {
    const missing = await this.observe();
    if (missing.length === 0) {
      this.#confirmedAtMs = this.#clock.now().getTime();
      return;
    }
    this.doubt();
    throw new DeviceError(
      'MESH_ERR_DEVICE_NOT_READY',
      `${this.#device} is not ready: ${missing.join(', ')}`,
      'Wait until the device has started; the agent tries again by itself',
      { resource: '/mgmt/tm/sys/ready' },
    );
  }

  /** `sys/ready` came with 13.1. */
  async #observeMcpState(): Promise<readonly string[]> {
    const { json } = await this.#requester.request({ method: 'GET', path: '/mgmt/tm/sys/mcp-state' });
    const { values } = parseSingleStats(json);
    const wanted = { phase: 'running', lastLoad: 'full-config-load-succeed' };
    return Object.entries(wanted)
      .filter(([name, value]) => values.get(name) !== value)
      .map(([name]) => `mcpd ${name} ${values.get(name) ?? 'unknown'}`);
  }
}
