import { applyDevices } from './apply.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import { serviceNamed, withAgent } from './open-agent.js';
import type { ConfigFlag } from './open-agent.js';

/** `rotate SERVICE`: an apply that renews one certificate, however young. */
export async function runRotate(
  context: CliContext,
  flags: ConfigFlag & GlobalFlags,
  name: string,
): Promise<ExitCode> {
  const service = await withAgent(context, flags, (agent) => Promise.resolve(serviceNamed(agent, name)));
  return applyDevices(context, flags, new Set([name]), (device) => device === service.device);
}
