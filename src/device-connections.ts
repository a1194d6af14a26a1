import type { Clock } from './clock.js';
import type { DeviceConfig } from './config/schema.js';
import { deviceCredentials, deviceTrust, heldCredentials } from './device-login.js';
import { IControlClient } from './icontrol/client.js';
import { Device } from './icontrol/device.js';
import type { RequestRecord } from './icontrol/request.js';
import type { DeviceTrust } from './icontrol/trust.js';
import type { KubeClient } from './kube/client.js';
import type { Logger } from './log.js';

interface DeviceConnectionsOptions {
  /** Has the credentials of devices. */
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Told of each request to a device. */
  readonly onRequest?: ((device: string, request: RequestRecord) => void) | undefined;
}

/** The devices of a config file, each connected to when it is first needed. */
export class DeviceConnections {
  readonly #options: DeviceConnectionsOptions;
  readonly #devices = new Map<string, Promise<Device>>();

  constructor(options: DeviceConnectionsOptions) {
    this.#options = options;
  }

  /** @throws AgentError when what the device's certificate is checked by cannot be read */
  of(config: DeviceConfig): Promise<Device> {
    const known = this.#devices.get(config.name);
    if (known !== undefined) return known;
    // Held at once, so that whoever asks meanwhile gets the same one and no second login.
    const device = this.#connect(config);
    this.#devices.set(config.name, device);
    device.catch(() => this.#devices.delete(config.name));
    return device;
  }

  async #connect(config: DeviceConfig): Promise<Device> {
    const { clock, logger } = this.#options;
    const tls = await deviceTrust(config);
    const [url = '', ...others] = config.urls;
    const units = [
      this.#unit(config, url, tls),
      ...others.map((other) => this.#unit(config, other, tls)),
    ] as const;
    return new Device({ units, clock, logger });
  }

  #unit(config: DeviceConfig, url: string, tls: DeviceTrust): IControlClient {
    const { kube, clock, logger, signal, onRequest } = this.#options;
    return new IControlClient({
      url,
      credentials: heldCredentials(() => deviceCredentials(kube, config, signal)),
      tls,
      clock,
      logger,
      signal,
      onRequest: (request) => onRequest?.(config.name, request),
    });
  }

  /** Logs out of the devices and closes every connection. */
  async close(): Promise<void> {
    await Promise.all([...this.#devices.values()].map(async (device) => (await device).close()));
  }
}
