import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import { serviceNamed, withAgent } from './open-agent.js';
import type { ConfigFlag } from './open-agent.js';

/** `register SERVICE`: the successor of `istioctl register`. */
export function runRegister(
  context: CliContext,
  flags: ConfigFlag & GlobalFlags,
  name: string,
): Promise<ExitCode> {
  const { output, signal } = context;
  return withAgent<ExitCode>(context, flags, async (agent) => {
    const service = serviceNamed(agent, name);
    const written = await agent.registrar.registerService(service, signal);
    for (const object of written) output.line(`applied ${object}`);
    output.json({ service: name, applied: written });
    return 0;
  });
}
