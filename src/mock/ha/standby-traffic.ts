import type { DataPlaneConfiguration } from '../data-plane/configuration.js';

/** What a standby unit carries: the same configuration, and no traffic. */
export function withoutListeners(configuration: DataPlaneConfiguration): DataPlaneConfiguration {
  return {
    ...configuration,
    virtualServers: configuration.virtualServers.map((virtual) => ({ ...virtual, enabled: false })),
  };
}
