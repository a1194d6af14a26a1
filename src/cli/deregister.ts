import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import { serviceNamed, withAgent } from './open-agent.js';
import type { ConfigFlag } from './open-agent.js';

/** `deregister SERVICE`: removes what `register` made, and nothing else. The device is left as it is. */
export function runDeregister(
  context: CliContext,
  flags: ConfigFlag & GlobalFlags,
  name: string,
): Promise<ExitCode> {
  const { output, signal } = context;
  return withAgent<ExitCode>(context, flags, async (agent) => {
    const service = serviceNamed(agent, name);
    const removed = await agent.registrar.deregister({ config: service }, signal);
    for (const object of removed) output.line(`removed ${object}`);
    if (removed.length === 0) output.line(`service ${name} was not registered`);
    output.json({ service: name, removed });
    return 0;
  });
}
