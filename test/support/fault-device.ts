import { strict as assert } from 'node:assert';
import type { AgentConfig, DeviceConfig, ServiceConfig } from '../../src/config/schema.js';
import { desireCallers } from '../../src/reconcile/desire-callers.js';
import { allowlistObjects } from '../../src/reconcile/desired.js';
import { objectKey } from '../../src/reconcile/device-object.js';
import type { ObservedObject } from '../../src/reconcile/device-object.js';
import { keepLeftOut } from '../../src/reconcile/left-out.js';
import { ledgerKey } from '../../src/reconcile/ledger.js';
import type { ObservedDevice } from '../../src/reconcile/observed.js';
import { planDevice } from '../../src/reconcile/plan.js';
import type { AllowlistSource } from '../../src/reconcile/read-allowlist.js';
import { edgeConfig } from './edge-config.js';
import { admits } from './fault-oracle.js';
import type { Enforced } from './fault-oracle.js';
import { callers } from './fault-readings.js';

export const meshFacts = {
  trustDomain: 'cluster.local',
  trustDomainAliases: [],
  rootNamespace: 'istio-system',
};

/** A service, by what the faults of Kubernetes have to do with it. */
export interface FaultService {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly takesPolicies: boolean;
}

/** The data groups of one device; what the agent plans for them is carried out. */
export class FaultDevice {
  readonly config: AgentConfig;
  readonly #device: DeviceConfig;
  #objects: readonly ObservedObject[] = [];

  constructor(services: readonly FaultService[]) {
    const config = edgeConfig();
    const [device] = config.devices;
    const [template] = config.services;
    assert.ok(device !== undefined && template !== undefined);
    this.#device = device;
    this.config = {
      ...config,
      services: services.map(({ name, labels, takesPolicies }) => ({
        ...template,
        name,
        allowlist: { selector: { matchLabels: labels }, fromAuthorizationPolicies: takesPolicies },
      })),
    };
  }

  /** As the rule on the device finds it, record by record. */
  enforced({ name }: ServiceConfig): Enforced {
    const records = (
      list: string,
    ): readonly { readonly name: string; readonly data: string }[] | undefined => {
      const dataGroup = this.#objects.find((object) => object.name === `${name}_${list}`);
      return dataGroup?.members['records'] as { name: string; data: string }[] | undefined;
    };
    const [allow, deny, settings] = [records('allow'), records('deny'), records('settings')];
    if (allow === undefined || deny === undefined || settings === undefined) return undefined;
    return {
      allow: allow.map((record) => record.name),
      deny: deny.map((record) => record.name),
      isAudit: settings.some((record) => record.name === 'mode' && record.data === 'audit'),
    };
  }

  /** Deletes a data group, as by hand. */
  damage(service: number, list: 'allow' | 'deny' | 'settings'): void {
    const { length } = this.config.services;
    const damaged = `${this.config.services[service % length]?.name}_${list}`;
    this.#objects = this.#objects.filter(({ name }) => name !== damaged);
  }

  admitted(service: ServiceConfig): readonly string[] {
    return callers.filter((caller) => admits(this.enforced(service), caller));
  }

  /**
   * As the real one does it, up to what would be sent to the device; and that is carried out.
   *
   * @throws AssertionError when it removes an object
   */
  async reconcile(allowlists: AllowlistSource): Promise<void> {
    const observed = this.#observed();
    const desired = await desireCallers(
      this.config,
      this.#device,
      observed,
      { allowlists, meshFacts },
      { renew: new Set(), onServiceFailure: () => undefined, signal: new AbortController().signal },
    );
    const included = new Set(desired.map(({ config: { name } }) => name));
    const leftOut = new Set(
      this.config.services.map(({ name }) => name).filter((name) => !included.has(name)),
    );
    const { changes } = keepLeftOut(
      planDevice(desired.flatMap(allowlistObjects), observed),
      observed,
      leftOut,
    );
    const after = new Map(this.#objects.map((object) => [objectKey(object), object]));
    for (const { action, object } of changes) {
      assert.notEqual(action, 'remove', `${objectKey(object)} is to be deleted on the device`);
      if ('members' in object) after.set(objectKey(object), object);
    }
    this.#objects = [...after.values()];
  }

  #observed(): ObservedDevice {
    return {
      tmosVersion: '17.1.0',
      partitionExists: true,
      objects: this.#objects,
      ledger: new Map(
        this.#objects.map(({ kind, name }) => [ledgerKey(kind, name), { kind, name, facts: {} }]),
      ),
      epoch: 1,
    };
  }
}
