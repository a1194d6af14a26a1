import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Clock } from './clock.js';
import type { AgentConfig, DeviceConfig, ServiceConfig } from './config/schema.js';
import { AgentError } from './errors.js';
import { IControlClient } from './icontrol/client.js';
import { Device } from './icontrol/device.js';
import type { RequestRecord } from './icontrol/request.js';
import type { Credentials } from './icontrol/session.js';
import type { DeviceTrust } from './icontrol/trust.js';
import { configuredSource } from './identity/configured-source.js';
import type { IdentitySource } from './identity/identity-source.js';
import { loadRule } from './irule/load-rule.js';
import { KubeClient } from './kube/client.js';
import { kinds } from './kube/kinds.js';
import { secretData } from './kube/object-data.js';
import type { Logger } from './log.js';
import { readMeshFacts } from './mesh/mesh-facts.js';
import type { MeshFacts } from './mesh/mesh-facts.js';
import { MeshRegistrar } from './mesh/registrar.js';
import type { Proof } from './proof/proof.js';
import { denyAtOnce } from './reconcile/deny-at-once.js';
import { desireDevice, stopAtFailure } from './reconcile/desire.js';
import { validatePlan } from './reconcile/apply-plan.js';
import { observeDevice } from './reconcile/observe.js';
import { isEmptyPlan } from './reconcile/plan.js';
import type { Plan } from './reconcile/plan.js';
import { plannedRequests } from './reconcile/planned-requests.js';
import type { PlannedRequest } from './reconcile/planned-requests.js';
import { strictAllowlists } from './reconcile/read-allowlist.js';
import type { AllowlistSource } from './reconcile/read-allowlist.js';
import { runOnce, verifyService } from './reconcile/run-once.js';
import type {
  ReconcileOptions,
  ReconcilePorts,
  ReconcileReport,
  ReconcileStep,
} from './reconcile/run-once.js';
import { Secret } from './secret.js';
import type { SpiffeId } from './spiffe/spiffe-id.js';

/** How one reconcile is run; what is left out is as for a one-shot command. */
export interface AgentReconcile extends Omit<ReconcileOptions, 'holder' | 'isSaved' | 'signal'> {
  /** Default: read now, and refused as a whole while a line is bad. */
  readonly allowlists?: AllowlistSource;
  /** Ends this reconcile, besides the agent's own signal. */
  readonly signal?: AbortSignal;
}

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Told of each request to a device; for `plan` and for tests. */
  readonly onRequest?: ((device: string, request: RequestRecord) => void) | undefined;
}

/** The parts of the product, put together for one config: what the commands and the controller work with. */
export class Agent {
  readonly config: AgentConfig;
  readonly kube: KubeClient;
  readonly #options: AgentOptions;
  #meshFacts: MeshFacts;
  readonly #ruleText: string;
  readonly #devices = new Map<string, Device>();
  /** Devices whose running configuration this process has seen saved, and not changed since. */
  readonly #saved = new Set<string>();

  private constructor(options: AgentOptions, kube: KubeClient, meshFacts: MeshFacts, ruleText: string) {
    this.config = options.config;
    this.kube = kube;
    this.#options = options;
    this.#meshFacts = meshFacts;
    this.#ruleText = ruleText;
  }

  /** Connects to the cluster and reads the mesh's facts; devices are connected to when they are needed. */
  static async open(options: AgentOptions): Promise<Agent> {
    const { config, kubeconfig, context, clock, signal } = options;
    const kube = new KubeClient({
      clock,
      ...(kubeconfig === undefined ? {} : { path: kubeconfig }),
      ...(context === undefined ? {} : { context }),
    });
    try {
      const meshFacts = await factsFor(config, kube, signal);
      return new Agent(options, kube, meshFacts, await loadRule());
    } catch (error) {
      await kube.close();
      throw error;
    }
  }

  get meshFacts(): MeshFacts {
    return this.#meshFacts;
  }

  /**
   * Reads the mesh's facts anew.
   *
   * @throws AgentError when they cannot be read; then those of before stay
   */
  async refreshMeshFacts(): Promise<void> {
    this.#meshFacts = await factsFor(this.config, this.kube, this.#options.signal);
  }

  /** One reconcile of one device. */
  async reconcile(
    device: DeviceConfig,
    { allowlists, ...options }: AgentReconcile,
    onStep: (step: ReconcileStep) => void = () => undefined,
  ): Promise<ReconcileReport> {
    const signals = [this.#options.signal, options.signal].filter((signal) => signal !== undefined);
    const ports = await this.#ports(device, onStep, allowlists);
    const isSaved = this.#saved.has(device.name);
    if (options.mode === 'apply') this.#saved.delete(device.name);
    const report = await runOnce(this.config, device, ports, {
      ...options,
      isSaved,
      holder: newHolder(),
      signal: AbortSignal.any(signals),
    });
    if (options.mode === 'apply') this.#saved.add(device.name);
    return report;
  }

  /** Every request with which `reconcile` would carry out this plan, reads and logins left out. */
  async requestsOf(device: DeviceConfig, plan: Plan): Promise<readonly PlannedRequest[]> {
    const units = await this.#device(device);
    const unit = await units.activeUnit();
    const isChanged = !isEmptyPlan(plan);
    const isSaved = this.#saved.has(device.name) && !isChanged;
    const last = isSaved ? [] : await units.saveAndSyncRequests(unit, { isChanged });
    const commands = last.map(({ command }) => command);
    return plannedRequests(plan, { partition: device.partition, holder: newHolder() }, commands);
  }

  /**
   * Lets the device check a plan and change nothing.
   *
   * @throws AgentError what the device objects to
   */
  async validate(device: DeviceConfig, plan: Plan): Promise<void> {
    const { signal } = this.#options;
    const unit = await (await this.#device(device)).activeUnit();
    await validatePlan(unit, plan, { partition: device.partition, holder: newHolder(), signal });
  }

  /** Calls a service as good and bad callers do; nothing is written anywhere. */
  async verify(service: ServiceConfig): Promise<Proof> {
    const { signal } = this.#options;
    const device = this.deviceOf(service);
    const ports = await this.#ports(device, () => undefined);
    const observed = await observeDevice(ports.client, device.partition, { signal });
    const only = { ...this.config, services: [service] };
    const desire = await desireDevice(only, device, observed, ports, {
      renew: new Set(),
      onServiceFailure: stopAtFailure,
      signal,
    });
    const [desired] = desire.services;
    if (desired === undefined || desired.isNewPair) {
      throw new AgentError(
        'MESH_ERR_NOT_APPLIED',
        `service ${service.name} has no valid certificate on device ${device.name}`,
        'run bigip-mesh apply first',
      );
    }
    return verifyService(desired, desire, ports, signal);
  }

  /** Keeps a caller out of a service from the next connection on, ahead of the ConfigMap. */
  async deny(service: ServiceConfig, caller: SpiffeId): Promise<void> {
    const device = this.deviceOf(service);
    const { client } = await this.#ports(device, () => undefined);
    await denyAtOnce(client, { partition: device.partition, service: service.name, caller });
  }

  deviceOf(service: ServiceConfig): DeviceConfig {
    const device = this.config.devices.find(({ name }) => name === service.device);
    if (device === undefined)
      throw new Error(`device ${service.device} was checked when the config was read`);
    return device;
  }

  get registrar(): MeshRegistrar {
    return new MeshRegistrar(this.kube, this.#options.clock);
  }

  /** Logs out of the devices and closes every connection. */
  async close(): Promise<void> {
    await Promise.all([...this.#devices.values()].map((device) => device.close()));
    await this.kube.close();
  }

  async #ports(
    device: DeviceConfig,
    onStep: (step: ReconcileStep) => void,
    allowlists: AllowlistSource = strictAllowlists(this.kube),
  ): Promise<ReconcilePorts> {
    const units = await this.#device(device);
    return {
      client: await units.activeUnit(),
      units,
      allowlists,
      identitySource: await this.#identitySource(),
      meshFacts: this.meshFacts,
      registrar: this.registrar,
      clock: this.#options.clock,
      ruleText: this.#ruleText,
      onStep,
    };
  }

  async #device(config: DeviceConfig): Promise<Device> {
    const known = this.#devices.get(config.name);
    if (known !== undefined) return known;
    const { clock, logger } = this.#options;
    const tls = await deviceTrust(config);
    const [url = '', ...others] = config.urls;
    const units = [
      this.#unit(config, url, tls),
      ...others.map((other) => this.#unit(config, other, tls)),
    ] as const;
    const device = new Device({ units, clock, logger });
    this.#devices.set(config.name, device);
    return device;
  }

  #unit(config: DeviceConfig, url: string, tls: DeviceTrust): IControlClient {
    const { clock, logger, signal, onRequest } = this.#options;
    return new IControlClient({
      url,
      credentials: () => this.#credentials(config),
      tls,
      clock,
      logger,
      signal,
      onRequest: (request) => onRequest?.(config.name, request),
    });
  }

  #identitySource(): Promise<IdentitySource> {
    const { kube, meshFacts } = this;
    const ports = { kube, clock: this.#options.clock, trustDomain: meshFacts.trustDomain };
    return configuredSource(this.config, ports);
  }

  async #credentials({ name, credentials }: DeviceConfig): Promise<Credentials> {
    const { secretRef, files } = credentials;
    if (files !== undefined) {
      return {
        username: (await readNamedFile(files.username, `the user name of device ${name}`)).trim(),
        password: new Secret(
          (await readNamedFile(files.password, `the password of device ${name}`)).replace(/\r?\n$/, ''),
        ),
      };
    }
    const ref = { kind: kinds.secret, namespace: secretRef?.namespace ?? '', name: secretRef?.name ?? '' };
    const secret = await this.kube.get(ref, { signal: this.#options.signal });
    const data = secret === undefined ? undefined : secretData(secret);
    const username = data?.get('username');
    const password = data?.get('password');
    if (username === undefined || password === undefined) {
      throw new AgentError(
        'MESH_ERR_CREDENTIALS_MISSING',
        `Secret ${ref.namespace}/${ref.name} with the credentials of device ${name} ${
          secret === undefined ? 'does not exist' : 'lacks username or password'
        }`,
        'create it with the keys username and password',
      );
    }
    return {
      username: username.reveal().toString('utf8'),
      password: new Secret(password.reveal().toString('utf8')),
    };
  }
}

/** What the mesh says of itself, and what the config file says over it. */
async function factsFor({ mesh }: AgentConfig, kube: KubeClient, signal: AbortSignal): Promise<MeshFacts> {
  const facts = await readMeshFacts(kube, mesh.rootNamespace, signal);
  const { trustDomain = facts.trustDomain, trustDomainAliases } = mesh;
  const aliases = new Set([...facts.trustDomainAliases, ...trustDomainAliases]);
  return { ...facts, trustDomain, trustDomainAliases: [...aliases] };
}

async function deviceTrust({ name, tls }: DeviceConfig): Promise<DeviceTrust> {
  if (tls.sha256 !== undefined) return { fingerprint256: tls.sha256 };
  return { caPem: await readNamedFile(tls.caFile ?? '', `the management CA of device ${name}`) };
}

async function readNamedFile(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new AgentError(
      'MESH_ERR_CONFIG_UNREADABLE',
      `${file}, ${what}, cannot be read (${code})`,
      'mend its path in the config file',
    );
  }
}

/** Unique to a run, and readable for whoever finds it on the device. */
function newHolder(): string {
  return `${hostname().replaceAll(/[^A-Za-z0-9.-]/g, '-')}/${process.pid}/${randomUUID()}`;
}
