import type { AgentConfig, DeviceConfig } from '../config/schema.js';
import { renderDataGroups } from '../irule/data-groups.js';
import type { DesireOptions, DesirePorts, DesireService } from './desire.js';
import type { DesiredService } from './desired.js';
import { installedAllowlist } from './installed-allowlist.js';
import type { ObservedDevice } from './observed.js';
import { keptRootSettings } from './root-rotation/counting.js';
import { orInstalled, withoutFailed } from './service-failure.js';

/** Who may call a service, as data for the device. */
export type DesiredCallers = Pick<DesireService, 'config' | 'allowlist' | 'trustDomains'> &
  Pick<DesiredService, 'records'>;

/**
 * Works out who may call the services of a device. Where that is unknown, what the device enforces stays.
 */
export async function desireCallers(
  config: AgentConfig,
  deviceConfig: DeviceConfig,
  observed: ObservedDevice,
  { allowlists, meshFacts }: Pick<DesirePorts, 'allowlists' | 'meshFacts'>,
  options: DesireOptions,
): Promise<DesiredCallers[]> {
  const trustDomains = [meshFacts.trustDomain, ...meshFacts.trustDomainAliases];
  const callers: DesiredCallers[] = [];
  for (const service of config.services.filter(({ device }) => device === deviceConfig.name)) {
    await withoutFailed(service.name, options, async () => {
      const installed = installedAllowlist(service.name, observed);
      const allowlist = await orInstalled(service.name, options, installed, async () => {
        const read = await allowlists.read(service, installed, options.signal);
        if (read.problem !== undefined) options.onServiceFailure(service.name, read.problem);
        return read.allowlist;
      });
      const recheck =
        service.recheck === undefined ? {} : { recheckSeconds: Math.floor(service.recheck / 1000) };
      const rendered = renderDataGroups(allowlist, trustDomains, recheck);
      const records = keptRootSettings(rendered, service.name, observed);
      callers.push({ config: service, allowlist, trustDomains, records });
    });
  }
  return callers;
}
