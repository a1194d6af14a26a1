import type { DataPlaneConfiguration } from '../data-plane/configuration.js';

/** A configuration whose listeners go on serving the certificates that they serve now. */
export function withOldCertificates(
  served: DataPlaneConfiguration,
  wanted: DataPlaneConfiguration,
): DataPlaneConfiguration {
  return {
    ...wanted,
    virtualServers: wanted.virtualServers.map((virtual) => {
      const before = served.virtualServers.find((other) => other.fullPath === virtual.fullPath);
      if (before?.clientSsl === undefined || virtual.clientSsl === undefined) return virtual;
      return { ...virtual, clientSsl: { ...virtual.clientSsl, certKeyChain: before.clientSsl.certKeyChain } };
    }),
  };
}
