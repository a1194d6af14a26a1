import { applyDevices } from './apply.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import { serviceNamed, withAgent } from './open-agent.js';
import type { ConfigFlag } from './open-agent.js';

/**
 * `rotate SERVICE`: an apply that renews one certificate, however young. With `--now` it does so also while the wait
 * after a rotation that failed lasts.
 */
export async function runRotate(
  context: CliContext,
  flags: ConfigFlag & GlobalFlags & { readonly now?: boolean },
  name: string,
): Promise<ExitCode> {
  const service = await withAgent(context, flags, (agent) => Promise.resolve(serviceNamed(agent, name)));
  const which = { renew: new Set([name]), isUrgent: flags.now === true };
  return applyDevices(context, flags, which, (device) => device === service.device);
}
