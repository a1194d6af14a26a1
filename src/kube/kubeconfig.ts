import { KubeConfig } from '@kubernetes/client-node';

import { AgentError } from '../errors.js';

/** Which cluster, and as whom; both absent means the order that kubectl follows, then the service account. */
export interface KubeconfigChoice {
  /** A kubeconfig file. */
  readonly path?: string;
  /** A context of it, when not its current one. */
  readonly context?: string;
}

/** What the library falls back to when it finds neither a kubeconfig nor a service account. */
const nothingFound = 'http://localhost:8080';

/**
 * Loads a kubeconfig: the given file, or `$KUBECONFIG`, `~/.kube/config`, the pod's service account, in that order.
 *
 * @throws AgentError MESH_ERR_KUBE_CONFIG when there is none, when it cannot be read, or has no such context.
 */
export function loadKubeconfig(choice: KubeconfigChoice): KubeConfig {
  const config = new KubeConfig();
  const name = choice.path ?? process.env['KUBECONFIG'] ?? 'the default kubeconfig';
  try {
    if (choice.path === undefined) config.loadFromDefault();
    else config.loadFromFile(choice.path);
  } catch (error) {
    throw new AgentError(
      'MESH_ERR_KUBE_CONFIG',
      `kubeconfig ${name}: ${loadFailure(error)}`,
      'name a kubeconfig that kubectl accepts with --kubeconfig',
    );
  }
  if (config.getCurrentCluster()?.server === nothingFound && config.currentContext === 'loaded-context') {
    throw new AgentError(
      'MESH_ERR_KUBE_CONFIG',
      'found neither a kubeconfig nor a service account of a pod',
      'name a kubeconfig with --kubeconfig, or set KUBECONFIG',
    );
  }
  selectContext(config, name, choice.context);
  return config;
}

function selectContext(config: KubeConfig, name: string, context: string | undefined): void {
  const wanted = context ?? config.currentContext;
  const known = config.contexts.map((entry) => entry.name).join(', ');
  if (typeof wanted !== 'string' || wanted === '') {
    throw contextError(`kubeconfig ${name} names no current context`, known);
  }
  const entry = config.getContextObject(wanted);
  if (entry === null) throw contextError(`kubeconfig ${name} has no context "${wanted}"`, known);
  config.setCurrentContext(wanted);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw contextError(
      `kubeconfig ${name}: context "${wanted}" is of the unknown cluster "${entry.cluster}"`,
      known,
    );
  }
  if (cluster.server.startsWith('http:') && !cluster.skipTLSVerify) {
    throw new AgentError(
      'MESH_ERR_KUBE_CONFIG',
      `kubeconfig ${name}: cluster "${entry.cluster}" is addressed by http, which shows the token to everybody`,
      'use https, or set insecure-skip-tls-verify for that cluster',
    );
  }
  if (config.getCurrentUser() === null) {
    throw contextError(
      `kubeconfig ${name}: context "${wanted}" is of the unknown user "${entry.user}"`,
      known,
    );
  }
}

function contextError(message: string, known: string): AgentError {
  return new AgentError(
    'MESH_ERR_KUBE_CONFIG',
    message,
    known === '' ? 'add a context to it' : `choose one of its contexts with --context: ${known}`,
  );
}

/** A YAML error quotes the file, which holds keys and tokens; only what is known to be harmless goes on. */
function loadFailure(error: unknown): string {
  if (!(error instanceof Error)) return 'cannot be loaded';
  if ('code' in error && typeof error.code === 'string') return `cannot be read (${error.code})`;
  return /^(clusters|users|contexts)\[\d+\]\.[a-z]+(\.[a-z]+)? is missing$/.test(error.message)
    ? error.message
    : 'is not a kubeconfig in YAML';
}
