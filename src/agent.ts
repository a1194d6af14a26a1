import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Clock } from './clock.js';
import type { AgentConfig, DeviceConfig, ServiceConfig } from './config/schema.js';
import { AgentError } from './errors.js';
import { IControlClient } from './icontrol/client.js';
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
import { desireDevice } from './reconcile/desire.js';
import { observeDevice } from './reconcile/observe.js';
import { runOnce, verifyService } from './reconcile/run-once.js';
import type {
  ReconcileOptions,
  ReconcilePorts,
  ReconcileReport,
  ReconcileStep,
} from './reconcile/run-once.js';
import { Secret } from './secret.js';

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
  readonly meshFacts: MeshFacts;
  readonly #options: AgentOptions;
  readonly #ruleText: string;
  readonly #clients = new Map<string, IControlClient>();
  /** Devices whose running configuration this process has seen saved, and not changed since. */
  readonly #saved = new Set<string>();

  private constructor(options: AgentOptions, kube: KubeClient, meshFacts: MeshFacts, ruleText: string) {
    this.config = options.config;
    this.kube = kube;
    this.meshFacts = meshFacts;
    this.#options = options;
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
      const facts = await readMeshFacts(kube, config.mesh.rootNamespace, signal);
      const { trustDomain = facts.trustDomain, trustDomainAliases } = config.mesh;
      const aliases = new Set([...facts.trustDomainAliases, ...trustDomainAliases]);
      const meshFacts = { ...facts, trustDomain, trustDomainAliases: [...aliases] };
      return new Agent(options, kube, meshFacts, await loadRule());
    } catch (error) {
      await kube.close();
      throw error;
    }
  }

  /** One reconcile of one device. */
  async reconcile(
    device: DeviceConfig,
    options: Omit<ReconcileOptions, 'holder' | 'isSaved' | 'signal'>,
    onStep: (step: ReconcileStep) => void = () => undefined,
  ): Promise<ReconcileReport> {
    const { signal } = this.#options;
    const ports = await this.#ports(device, onStep);
    const isSaved = this.#saved.has(device.name);
    if (options.mode === 'apply') this.#saved.delete(device.name);
    const report = await runOnce(this.config, device, ports, {
      ...options,
      isSaved,
      holder: newHolder(),
      signal,
    });
    if (options.mode === 'apply') this.#saved.add(device.name);
    return report;
  }

  /** Calls a service as good and bad callers do; nothing is written anywhere. */
  async verify(service: ServiceConfig): Promise<Proof> {
    const { signal } = this.#options;
    const device = this.deviceOf(service);
    const ports = await this.#ports(device, () => undefined);
    const observed = await observeDevice(ports.client, device.partition, signal);
    const only = { ...this.config, services: [service] };
    const desire = await desireDevice(only, device, observed, ports, { renew: new Set(), signal });
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
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
    await this.kube.close();
  }

  async #ports(device: DeviceConfig, onStep: (step: ReconcileStep) => void): Promise<ReconcilePorts> {
    return {
      client: await this.#client(device),
      kube: this.kube,
      identitySource: await this.#identitySource(),
      meshFacts: this.meshFacts,
      registrar: this.registrar,
      clock: this.#options.clock,
      ruleText: this.#ruleText,
      onStep,
    };
  }

  async #client(device: DeviceConfig): Promise<IControlClient> {
    const known = this.#clients.get(device.name);
    if (known !== undefined) return known;
    const { clock, logger, signal, onRequest } = this.#options;
    const client = new IControlClient({
      url: device.urls[0] ?? '',
      credentials: () => this.#credentials(device),
      tls: await deviceTrust(device),
      clock,
      logger,
      signal,
      onRequest: (request) => onRequest?.(device.name, request),
    });
    this.#clients.set(device.name, client);
    return client;
  }

  #identitySource(): Promise<IdentitySource> {
    return configuredSource(this.config, { kube: this.kube, clock: this.#options.clock });
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
