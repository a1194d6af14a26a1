import type { Clock } from '../clock.js';
import type { ServiceConfig } from '../config/schema.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { describeRef } from '../kube/object.js';
import { applyHealth, drainSlices } from './apply-health.js';
import { applyRegistration, removeRegistration, removeStale } from './apply-registration.js';
import { ObjectJudge } from './object-judge.js';
import type { RegistrationKey } from './registered-kinds.js';
import { registeredService } from './registered-service.js';
import { renderRegistration } from './registration.js';

/** A service with its part of the config file. */
interface Configured {
  readonly config: ServiceConfig;
}

/** Objects as people name them. */
export interface RegistrationChanges {
  readonly applied: readonly string[];
  /** What an earlier form or address had left. */
  readonly removed: readonly string[];
}

interface MeshRegistrarOptions {
  readonly kube: KubeClient;
  readonly clock: Clock;
  /** The mesh's of now. */
  readonly trustDomain: () => string;
}

/**
 * Registers services of the config file in the cluster, in the form that each asks for; see
 * docs/reference/registration.md. `none` is never touched, but for `deregister`.
 */
export class MeshRegistrar {
  readonly #kube: KubeClient;
  readonly #clock: Clock;
  readonly #trustDomain: () => string;
  readonly #judge: ObjectJudge;
  /** Services of which it is known that no other form left anything, each with its form. */
  readonly #settled = new Map<string, string>();

  constructor({ kube, clock, trustDomain }: MeshRegistrarOptions) {
    this.#kube = kube;
    this.#clock = clock;
    this.#trustDomain = trustDomain;
    this.#judge = new ObjectJudge(kube);
  }

  /**
   * Makes a proven service callable: its objects first, then its endpoints healthy, and only then what an earlier form
   * or address left is removed.
   *
   * @throws AgentError as `applyRegistration`; MESH_ERR_CONFIG_INVALID when the service cannot be registered.
   */
  async register({ config }: Configured, signal: AbortSignal): Promise<RegistrationChanges> {
    const service = registeredService(config, this.#trustDomain());
    if (service === undefined) return { applied: [], removed: [] };
    const key = `${service.namespace}/${service.name}`;
    const findLeft = this.#settled.get(key) !== service.form;
    const objects = renderRegistration(service);
    const { applied, stale } = await applyRegistration(this.#kube, service, objects, {
      judge: this.#judge,
      findLeft,
      signal,
    });
    const entries = objects.filter(({ kind }) => kind === kinds.workloadEntry);
    if (entries.length > 0) {
      const health = { healthy: true, reason: 'Proven', message: 'the device was proven on the wire' };
      const only = new Set(entries.map(({ object }) => object.metadata.name));
      await applyHealth(this.#kube, service, health, { clock: this.#clock, only, signal });
    }
    const removed = await removeStale(this.#kube, stale, signal);
    this.#settled.set(key, service.form);
    return { applied: applied.map(describeRef), removed: removed.map(describeRef) };
  }

  /** Takes a registered service out of the callers' sight, in whatever form it is, and leaves its objects. */
  async drain({ config }: Configured, reason: string, signal: AbortSignal): Promise<void> {
    if (config.registration === 'none') return;
    const health = { healthy: false, reason: 'ProofFailed', message: reason };
    const service = keyOf(config);
    await applyHealth(this.#kube, service, health, { clock: this.#clock, signal });
    await drainSlices(this.#kube, service, reason, signal);
  }

  /** @returns the objects that are gone, as people name them. */
  async deregister({ config }: Configured, signal: AbortSignal): Promise<readonly string[]> {
    const removed = await removeRegistration(this.#kube, keyOf(config), signal);
    return removed.map(describeRef);
  }
}

function keyOf({ name, identity, registration }: ServiceConfig): RegistrationKey {
  return { name, namespace: identity.namespace, form: registration };
}
