import type { AgentConfig } from '../config/schema.js';
import { Informer } from '../kube/informer.js';
import type { InformerOptions } from '../kube/informer.js';
import { kinds } from '../kube/kinds.js';
import type { KubeKind } from '../kube/object.js';

/** What an object of the mesh says when it changes. */
export type MeshChange = 'facts' | 'roots' | 'ca';

export interface MeshTriggersOptions extends Pick<
  InformerOptions<unknown>,
  'kube' | 'clock' | 'random' | 'logger'
> {
  readonly config: Pick<AgentConfig, 'identity' | 'mesh'>;
  readonly onChange: (change: MeshChange) => void;
}

/**
 * Watches on the objects of the mesh that every device depends on, each by its name. They only tell that something
 * changed: a reconcile reads what it needs, and a CA key is held nowhere.
 */
export function watchMesh({ config, onChange, ...ports }: MeshTriggersOptions): Informer<undefined>[] {
  const namespace = config.mesh.rootNamespace;
  const watch = (kind: KubeKind, name: string, change: MeshChange): Informer<undefined> =>
    new Informer<undefined>({
      ...ports,
      kind,
      selection: { namespace, fieldSelector: `metadata.name=${name}` },
      hold: () => undefined,
      onChange: () => onChange(change),
    });
  return [
    watch(kinds.configMap, 'istio', 'facts'),
    watch(kinds.configMap, 'istio-ca-root-cert', 'roots'),
    ...(config.identity.source === 'ca-secret'
      ? [watch(kinds.secret, 'cacerts', 'ca'), watch(kinds.secret, 'istio-ca-secret', 'ca')]
      : []),
  ];
}
