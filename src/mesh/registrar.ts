import type { Clock } from '../clock.js';
import type { ServiceConfig } from '../config/schema.js';
import type { KubeClient } from '../kube/client.js';
import { describeRef } from '../kube/object.js';
import type { ObjectRef } from '../kube/object.js';
import { applyHealth } from './apply-health.js';
import { applyRegistration, removeRegistration } from './apply-registration.js';
import type { RegistrationKey } from './apply-registration.js';
import type { Health } from './health-condition.js';
import { renderRegistration } from './registration.js';
import type { RegisteredService } from './registration.js';

/** A service with its part of the config file. */
interface Configured {
  readonly config: ServiceConfig;
}

/** Registers services of the config file in the cluster; see `renderRegistration` for what that makes. */
export class MeshRegistrar {
  readonly #kube: KubeClient;
  readonly #clock: Clock;

  constructor(kube: KubeClient, clock: Clock) {
    this.#kube = kube;
    this.#clock = clock;
  }

  /**
   * Makes a proven service callable.
   *
   * @returns the objects that changed, as people name them.
   */
  async register({ config }: Configured, signal: AbortSignal): Promise<readonly string[]> {
    const service = registeredService(config);
    const { applied } = await applyRegistration(this.#kube, service, renderRegistration(service), signal);
    const message = 'the device was proven on the wire';
    await this.#setHealth(service, { healthy: true, reason: 'Proven', message }, signal);
    return applied.map(describeRef);
  }

  /** Takes a registered service out of the callers' sight and leaves its objects. */
  async drain({ config }: Configured, reason: string, signal: AbortSignal): Promise<void> {
    const health = { healthy: false, reason: 'ProofFailed', message: reason };
    await this.#setHealth(keyOf(config), health, signal);
  }

  /** @returns the objects that are gone, as people name them. */
  async deregister({ config }: Configured, signal: AbortSignal): Promise<readonly string[]> {
    const removed = await removeRegistration(this.#kube, keyOf(config), signal);
    return removed.map(describeRef);
  }

  #setHealth(service: RegistrationKey, health: Health, signal: AbortSignal): Promise<readonly ObjectRef[]> {
    return applyHealth(this.#kube, service, health, { clock: this.#clock, signal });
  }
}

function keyOf({ name, identity }: ServiceConfig): RegistrationKey {
  return { name, namespace: identity.namespace };
}

function registeredService({ name, host, identity, listen }: ServiceConfig): RegisteredService {
  return {
    name,
    host,
    namespace: identity.namespace,
    serviceAccount: identity.serviceAccount,
    addresses: [listen.address],
    port: listen.port,
  };
}
