import { healthOf } from '../status/status.js';
import { observeStatus } from '../status/observe-status.js';
import type { ServiceStatus } from '../status/status.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import { serviceNamed, withAgent } from './open-agent.js';
import type { ConfigFlag } from './open-agent.js';
import { printStatus, printStatuses, statusAsJson } from './render-status.js';

interface StatusFlags extends ConfigFlag, GlobalFlags {
  /** Where the controller keeps its status. */
  readonly namespace?: string;
}

/** `status [SERVICE]`: a line for each service, or all about one. Exit code 1 when one of them is bad or unknown. */
export function runStatus(context: CliContext, flags: StatusFlags, name: string): Promise<ExitCode> {
  const { output, clock, signal } = context;
  return withAgent<ExitCode>(context, flags, async (agent) => {
    const { namespace = agent.kube.namespace } = flags;
    const chosen = name === '' ? agent.config.services : [serviceNamed(agent, name)];
    const perDevice = await Promise.all(
      agent.config.devices.map((device): Promise<readonly ServiceStatus[]> => {
        const services = chosen.filter((service) => service.device === device.name);
        return services.length === 0
          ? Promise.resolve([])
          : observeStatus(agent, device, services, { namespace, signal });
      }),
    );
    const statuses = perDevice.flat();
    const now = clock.now();
    const [only] = statuses;
    if (name !== '' && only !== undefined) printStatus(output, only, now);
    else printStatuses(output, statuses, now);
    output.json({ services: statuses.map((status) => statusAsJson(status, now)) });
    const isFine = statuses.every((status) => ['ok', 'drift'].includes(healthOf(status, now)));
    return isFine ? 0 : 1;
  });
}
