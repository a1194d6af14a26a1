import { Agent } from '../agent.js';
import type { ServiceConfig } from '../config/schema.js';
import { loadConfig } from '../config/load-config.js';
import { nearest } from '../config/nearest.js';
import { requireSupported } from '../config/supported.js';
import { AgentError } from '../errors.js';
import type { RequestRecord } from '../icontrol/request.js';
import type { CliContext, GlobalFlags } from './context.js';

export interface ConfigFlag {
  readonly file: string;
}

/** Opens the agent for a command, and closes it whatever the command does: no login token is left behind. */
export async function withAgent<T>(
  { clock, logger, signal }: CliContext,
  flags: ConfigFlag & GlobalFlags,
  use: (agent: Agent) => Promise<T>,
  onRequest?: (device: string, request: RequestRecord) => void,
): Promise<T> {
  const config = await loadConfig(flags.file);
  requireSupported(config);
  const { kubeconfig, context } = flags;
  const agent = await Agent.open({ config, kubeconfig, context, clock, logger, signal, onRequest });
  try {
    return await use(agent);
  } finally {
    await agent.close();
  }
}

/** @throws AgentError MESH_ERR_USAGE with the nearest name */
export function serviceNamed(agent: Agent, name: string): ServiceConfig {
  const found = agent.config.services.find((service) => service.name === name);
  if (found !== undefined) return found;
  const names = agent.config.services.map((service) => service.name);
  const suggestion = nearest(name, names);
  throw new AgentError(
    'MESH_ERR_USAGE',
    `there is no service "${name}" in the config file`,
    suggestion === undefined ? `give one of: ${names.join(', ')}` : `did you mean "${suggestion}"?`,
  );
}
