import { stringify } from 'yaml';
import { loadConfig } from '../config/load-config.js';
import { requireSupported } from '../config/supported.js';
import type { AgentConfig } from '../config/schema.js';
import { KubeClient } from '../kube/client.js';
import type { KubeObject } from '../kube/object.js';
import { readMeshFacts } from '../mesh/mesh-facts.js';
import { registeredService } from '../mesh/registered-service.js';
import { renderRegistration } from '../mesh/registration.js';
import { agentPermissions } from '../render/agent-permissions.js';
import { deviceUserCommands } from '../render/device-user.js';
import { renderRbac } from '../render/rbac.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import type { ConfigFlag } from './open-agent.js';

const renderedParts = ['registration', 'rbac', 'device-user'] as const;
type RenderedPart = (typeof renderedParts)[number];

interface RenderFlags extends ConfigFlag, GlobalFlags {
  /** The agent's own namespace and account. */
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly only?: readonly RenderedPart[];
}

/** `render`: what the agent makes and needs in the cluster, as YAML for whoever keeps it in Git. Nothing is written. */
export async function runRender(context: CliContext, flags: RenderFlags): Promise<ExitCode> {
  const { output } = context;
  const config = await loadConfig(flags.file);
  requireSupported(config);
  const parts = new Set<RenderedPart>(flags.only ?? ['registration', 'rbac']);
  const trustDomain = config.mesh.trustDomain ?? (await trustDomainOfMesh(config, context, flags));
  const { namespace, serviceAccount } = flags;
  const objects: KubeObject[] = [];
  if (parts.has('rbac')) {
    const permissions = agentPermissions(config, { agentNamespace: namespace, trustDomain });
    objects.push(...renderRbac(permissions, { namespace, serviceAccount }));
  }
  if (parts.has('registration')) {
    for (const service of config.services) {
      const registered = registeredService(service, trustDomain);
      if (registered === undefined) continue;
      objects.push(...renderRegistration(registered).map(({ object }) => object));
    }
  }
  const commands = parts.has('device-user') ? deviceUserCommands('mesh') : [];
  for (const command of commands) output.line(`# tmsh ${command}`);
  // Kubernetes reads YAML 1.1, where a bare `no` or `on` is no text.
  const yaml = { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false } as const;
  for (const object of objects) output.line(`---\n${stringify(object, yaml).trimEnd()}`);
  output.json({ objects, ...(commands.length === 0 ? {} : { tmsh: commands }) });
  return 0;
}

/** Only objects that name an identity need it, and only the mesh knows it where the config file does not say it. */
async function trustDomainOfMesh(
  { mesh }: AgentConfig,
  { clock, signal }: CliContext,
  { kubeconfig: path, context }: GlobalFlags,
): Promise<string> {
  const kube = new KubeClient({
    clock,
    ...(path === undefined ? {} : { path }),
    ...(context === undefined ? {} : { context }),
  });
  try {
    return (await readMeshFacts(kube, mesh.rootNamespace, signal)).trustDomain;
  } finally {
    await kube.close();
  }
}
