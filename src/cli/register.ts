import { AgentError } from '../errors.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import { serviceNamed, withAgent } from './open-agent.js';
import type { ConfigFlag } from './open-agent.js';
import { printProof } from './render-proof.js';

/** `register SERVICE`: the successor of `istioctl register`. Callers are sent to a device that was proven, and no other. */
export function runRegister(
  context: CliContext,
  flags: ConfigFlag & GlobalFlags,
  name: string,
): Promise<ExitCode> {
  const { output, signal } = context;
  return withAgent<ExitCode>(context, flags, async (agent) => {
    const config = serviceNamed(agent, name);
    const proof = await agent.verify(config);
    if (!proof.passed) {
      printProof(output, proof);
      throw new AgentError(
        'MESH_ERR_PROOF_FAILED',
        `service ${name} does not do on the wire what it should; it was not registered`,
        'run bigip-mesh apply, which installs and proves it',
      );
    }
    const { applied, removed } = await agent.registrar.register({ config }, signal);
    for (const object of applied) output.line(`applied ${object}`);
    for (const object of removed) output.line(`removed ${object}`);
    if (config.registration === 'none')
      output.line(`service ${name} has registration none: nothing was done`);
    else if (applied.length + removed.length === 0) output.line(`service ${name} was registered already`);
    output.json({ service: name, applied, removed });
    return 0;
  });
}
