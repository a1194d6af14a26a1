import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import { serviceNamed, withAgent } from './open-agent.js';
import type { ConfigFlag } from './open-agent.js';
import { printProof } from './render-proof.js';

/** `verify SERVICE`: who gets in and who does not, as seen on the wire. */
export function runVerify(
  context: CliContext,
  flags: ConfigFlag & GlobalFlags,
  name: string,
): Promise<ExitCode> {
  const { output } = context;
  return withAgent<ExitCode>(context, flags, async (agent) => {
    const proof = await agent.verify(serviceNamed(agent, name));
    printProof(output, proof);
    output.json({ service: name, ...proof });
    return proof.passed ? 0 : 1;
  });
}
