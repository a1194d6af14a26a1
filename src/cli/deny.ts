import { AgentError } from '../errors.js';
import { parseSpiffeId } from '../spiffe/spiffe-id.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import { serviceNamed, withAgent } from './open-agent.js';
import type { ConfigFlag } from './open-agent.js';

/** `deny SERVICE --caller ID`: for the moment when a caller has to be kept out before anything else is done. */
export function runDeny(
  context: CliContext,
  flags: ConfigFlag & GlobalFlags & { readonly caller: string },
  name: string,
): Promise<ExitCode> {
  const { output } = context;
  const caller = parseSpiffeId(flags.caller);
  if (!caller.ok) {
    throw new AgentError(
      'MESH_ERR_USAGE',
      `--caller is no SPIFFE ID: ${caller.reason}`,
      'give the whole ID, such as spiffe://cluster.local/ns/default/sa/default',
    );
  }
  return withAgent<ExitCode>(context, flags, async (agent) => {
    const service = serviceNamed(agent, name);
    await agent.deny(service, caller.value);
    output.line(`${caller.value.text} is kept out of ${name} from the next connection on`);
    output.line(
      `now add it to the deny list of a ConfigMap: the next apply makes the device follow those again`,
    );
    output.json({ service: name, denied: caller.value.text });
    return 0;
  });
}
