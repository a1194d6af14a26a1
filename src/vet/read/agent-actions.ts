import type { AgentConfig } from '../../config/schema.js';
import { agentPermissions } from '../../render/agent-permissions.js';
import type { AgentRight } from '../facts.js';

type AgentAction = Omit<AgentRight, 'allowed'>;

/** Stands for the namespace of the agent itself, whose Leases and status a one-shot command does without. */
const ownNamespace = '';

/**
 * What the agent has to be allowed in the cluster for this config file, one action each.
 *
 * @throws AgentError MESH_ERR_CONFIG_INVALID for a service that cannot be registered
 */
export function agentActions(config: AgentConfig, trustDomain: string): readonly AgentAction[] {
  const { inNamespace } = agentPermissions(config, { agentNamespace: ownNamespace, trustDomain });
  const actions = [...inNamespace]
    .filter(([namespace]) => namespace !== ownNamespace)
    .flatMap(([namespace, rules]) =>
      rules.flatMap(({ apiGroups, resources, verbs, resourceNames }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) =>
            verbs.flatMap((verb) =>
              (resourceNames ?? [undefined]).map((name) => ({
                verb,
                group,
                resource,
                namespace,
                ...(name === undefined ? {} : { name }),
              })),
            ),
          ),
        ),
      ),
    );
  return [...new Map(actions.map((action) => [JSON.stringify(action), action])).values()];
}
