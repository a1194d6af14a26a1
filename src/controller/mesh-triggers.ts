import { secretSection } from '../config/identity.js';
import type { AgentConfig, ServiceConfig } from '../config/schema.js';
import { FileWatch } from '../identity/file-watch.js';
import { fillIn } from '../identity/svid-pem.js';
import { WorkloadApiWatch } from '../identity/workload-api-watch.js';
import { Informer } from '../kube/informer.js';
import type { InformerOptions } from '../kube/informer.js';
import { kinds } from '../kube/kinds.js';
import type { KubeKind } from '../kube/object.js';

/** What an object of the mesh, or the identity source, says when it changes; `svid`: of some services only. */
export type MeshChange = 'facts' | 'roots' | 'revocation' | 'ca' | 'svid';

interface MeshTriggersOptions extends Pick<InformerOptions<unknown>, 'kube' | 'clock' | 'random' | 'logger'> {
  readonly config: Pick<AgentConfig, 'devices' | 'identity' | 'mesh' | 'services'>;
  /** @param devices those that the change is of */
  readonly onChange: (change: MeshChange, devices: readonly string[]) => void;
}

/** Runs until the signal aborts, and resolves then. */
export interface MeshTrigger {
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Watches on the objects of the mesh that every device depends on, each by its name, and on the identity source. They
 * only tell that something changed: a reconcile reads what it needs, and a key is held nowhere.
 */
export function watchMesh({ config, onChange, ...ports }: MeshTriggersOptions): MeshTrigger[] {
  const { identity, mesh, services } = config;
  const all = config.devices.map(({ name }) => name);
  const watch = (
    kind: KubeKind,
    { namespace = mesh.rootNamespace, name }: { readonly namespace?: string; readonly name: string },
    change: MeshChange,
    devices = all,
  ): MeshTrigger =>
    new Informer<undefined>({
      ...ports,
      kind,
      selection: { namespace, fieldSelector: `metadata.name=${name}` },
      hold: () => undefined,
      onChange: () => onChange(change, devices),
    });
  const { files, workloadApi, extraRoots = [] } = identity;
  const rootFiles = [...extraRoots, ...(files?.bundle === undefined ? [] : [files.bundle])];
  return [
    watch(kinds.configMap, { name: 'istio' }, 'facts'),
    watch(kinds.configMap, { name: 'istio-ca-root-cert' }, 'roots'),
    watch(kinds.configMap, { name: 'istio-ca-crl' }, 'revocation'),
    ...(identity.source === 'ca-secret'
      ? ['cacerts', 'istio-ca-secret'].map((name) => watch(kinds.secret, { name }, 'ca'))
      : []),
    ...(identity.source === 'secret'
      ? secretsOf(services, (identity.secret ?? secretSection.parse({})).name).map(({ devices, ...ref }) =>
          watch(kinds.secret, ref, 'svid', devices),
        )
      : []),
    ...(rootFiles.length === 0
      ? []
      : [new FileWatch({ ...ports, paths: rootFiles, onChange: () => onChange('roots', all) })]),
    ...(files === undefined
      ? []
      : all.map((device) => {
          const paths = services
            .filter((service) => service.device === device)
            .flatMap((service) =>
              [files.certificate, files.key].map((path) => fillIn(path, service.identity)),
            );
          return new FileWatch({
            ...ports,
            paths: [...new Set(paths)],
            onChange: () => onChange('svid', [device]),
          });
        })),
    ...(workloadApi === undefined
      ? []
      : [
          new WorkloadApiWatch({
            ...ports,
            address: workloadApi.address,
            onChange: () => onChange('svid', all),
          }),
        ]),
  ];
}

/** The Secrets that hold certificates of services, each once. */
function secretsOf(services: readonly ServiceConfig[], template: string) {
  const secrets = new Map<string, { namespace: string; name: string; devices: string[] }>();
  for (const { identity, device } of services) {
    const ref = { namespace: identity.namespace, name: fillIn(template, identity) };
    const key = `${ref.namespace}/${ref.name}`;
    const known = secrets.get(key) ?? { ...ref, devices: [] };
    if (!known.devices.includes(device)) known.devices.push(device);
    secrets.set(key, known);
  }
  return [...secrets.values()];
}
