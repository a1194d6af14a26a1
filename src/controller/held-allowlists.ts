import type { Allowlist } from '../allowlist/allowlist.js';
import type { ServiceConfig } from '../config/schema.js';
import { AgentError } from '../errors.js';
import { Informer } from '../kube/informer.js';
import type { InformerOptions, Knowledge } from '../kube/informer.js';
import { kinds } from '../kube/kinds.js';
import { allowlistSelection } from '../reconcile/read-allowlist.js';
import type { AllowlistSource } from '../reconcile/read-allowlist.js';
import { heldAllowlist, holdConfigMap } from './held-config-map.js';
import type { HeldConfigMap } from './held-config-map.js';

export interface HeldAllowlistsOptions extends Pick<
  InformerOptions<unknown>,
  'kube' | 'clock' | 'random' | 'logger'
> {
  readonly services: readonly ServiceConfig[];
  /** Told of a service whose ConfigMaps changed. */
  readonly onChange: (service: ServiceConfig) => void;
}

/** The allowlists of all services, held by watches; services with the same selection share one. */
export class HeldAllowlists implements AllowlistSource {
  readonly #informers = new Map<string, Informer<HeldConfigMap>>();

  constructor({ services, onChange, ...ports }: HeldAllowlistsOptions) {
    for (const service of services) {
      const key = selectionKey(service);
      if (this.#informers.has(key)) continue;
      const selection = allowlistSelection(service);
      const concerned = services.filter((other) => selectionKey(other) === key);
      const informer = new Informer<HeldConfigMap>({
        ...ports,
        kind: kinds.configMap,
        selection,
        hold: (object, before) => holdConfigMap(selection.namespace, object, before),
        onChange: () => {
          for (const other of concerned) onChange(other);
        },
      });
      this.#informers.set(key, informer);
    }
  }

  get informers(): readonly Informer<HeldConfigMap>[] {
    return [...this.#informers.values()];
  }

  /** The ConfigMaps of a service; none at all is known and means nobody, and is not the same as unknown. */
  configMaps(service: ServiceConfig): Knowledge<readonly HeldConfigMap[]> {
    return this.#informerOf(service).list();
  }

  read(service: ServiceConfig, installed: Allowlist | undefined): Promise<{ readonly allowlist: Allowlist }> {
    const configMaps = this.configMaps(service);
    if (configMaps.state === 'known') {
      return Promise.resolve({ allowlist: heldAllowlist(configMaps.value, installed) });
    }
    const { problem } = this.#informerOf(service);
    return Promise.reject(
      new AgentError(
        'MESH_ERR_ALLOWLIST_UNKNOWN',
        `the allowlist of service ${service.name} is unknown: ${problem?.message ?? 'it was not read yet'}`,
        problem?.nextStep ?? 'wait for the first answer of the Kubernetes API server',
      ),
    );
  }

  #informerOf(service: ServiceConfig): Informer<HeldConfigMap> {
    const informer = this.#informers.get(selectionKey(service));
    if (informer === undefined) throw new Error(`${service.name} is none of the services that are held`);
    return informer;
  }
}

function selectionKey(service: ServiceConfig): string {
  const { namespace, labelSelector } = allowlistSelection(service);
  return `${namespace} ${labelSelector}`;
}
