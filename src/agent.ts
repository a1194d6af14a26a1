import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock } from './clock.js';
import type { AgentConfig, DeviceConfig, ServiceConfig } from './config/schema.js';
import { DeviceConnections } from './device-connections.js';
import { AgentError } from './errors.js';
import { absentRegistrar, HeldInputs } from './held-inputs.js';
import type { RequestRecord } from './icontrol/request.js';
import { configuredSource } from './identity/configured-source.js';
import type { IdentitySource } from './identity/identity-source.js';
import { SourceBackOff } from './identity/source-back-off.js';
import { loadRule } from './irule/load-rule.js';
import { KubeClient } from './kube/client.js';
import { linkSignals } from './linked-signal.js';
import type { Logger } from './log.js';
import { readMeshFacts } from './mesh/mesh-facts.js';
import { readPublishedRevocationLists } from './mesh/revocation-lists.js';
import type { MeshFacts } from './mesh/mesh-facts.js';
import { MeshRegistrar } from './mesh/registrar.js';
import { CallerCache } from './proof/caller-cache.js';
import type { Proof } from './proof/proof.js';
import { denyAtOnce } from './reconcile/deny-at-once.js';
import { desireDevice } from './reconcile/desire.js';
import type { Desire, DesireService } from './reconcile/desire.js';
import { validatePlan } from './reconcile/apply-plan.js';
import { observeDevice } from './reconcile/observe.js';
import { isEmptyPlan } from './reconcile/plan.js';
import type { Plan } from './reconcile/plan.js';
import { plannedRequests } from './reconcile/planned-requests.js';
import type { PlannedRequest } from './reconcile/planned-requests.js';
import { servicesAtOnce, settleProof } from './reconcile/prove-services.js';
import { readCounters } from './reconcile/read-counters.js';
import type { ServiceCounters } from './reconcile/read-counters.js';
import { strictAllowlists } from './reconcile/read-allowlist.js';
import type { AllowlistSource } from './reconcile/read-allowlist.js';
import { callCounts } from './reconcile/root-rotation/evidence.js';
import { HeardRoots } from './reconcile/root-rotation/heard-roots.js';
import { RevocationMemory } from './reconcile/revocation/revocation-memory.js';
import { stopAtFailure } from './reconcile/service-failure.js';
import { runOnce } from './reconcile/run-once.js';
import type {
  ReconcileOptions,
  ReconcilePorts,
  ReconcileReport,
  ReconcileStep,
} from './reconcile/run-once.js';
import { AtMost } from './reconcile/side-by-side.js';
import { verifyService } from './reconcile/verify-service.js';
import type { VerifyOptions } from './reconcile/verify-service.js';
import type { SpiffeId } from './spiffe/spiffe-id.js';

/** How one reconcile is run; what is left out is as for a one-shot command. */
export interface AgentReconcile extends Omit<ReconcileOptions, 'holder' | 'isSaved' | 'signal'> {
  /** Default: read now, and refused as a whole while a line is bad. */
  readonly allowlists?: AllowlistSource;
  /**
   * Goes by what the device was last brought in line with where the cluster does not tell anything now, and leaves the
   * cluster as it is. Who may call is up to `allowlists`.
   */
  readonly isHoldingOn?: boolean;
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
  readonly registrar: MeshRegistrar;
  readonly #options: AgentOptions;
  #meshFacts: MeshFacts;
  readonly #ruleText: string;
  readonly #devices: DeviceConnections;
  readonly #callers: CallerCache;
  readonly #proofsAtOnce = new AtMost(servicesAtOnce);
  /** One for all devices: they ask the same source. */
  readonly #sourceBackOff: SourceBackOff;
  /** By device. */
  readonly #heardRoots = new Map<string, HeardRoots>();
  /** By device. */
  readonly #heldInputs = new Map<string, HeldInputs>();
  /** Of all devices: they ask the same source. */
  readonly #revocationMemory = new RevocationMemory();
  /** Devices whose running configuration this process has seen saved, and not changed since. */
  readonly #saved = new Set<string>();

  private constructor(options: AgentOptions, kube: KubeClient, meshFacts: MeshFacts, ruleText: string) {
    this.config = options.config;
    this.kube = kube;
    this.#options = options;
    this.#meshFacts = meshFacts;
    const trustDomain = (): string => this.#meshFacts.trustDomain;
    this.registrar = new MeshRegistrar({ kube, clock: options.clock, trustDomain });
    this.#ruleText = ruleText;
    this.#devices = new DeviceConnections({ ...options, kube });
    this.#callers = new CallerCache(options.clock);
    this.#sourceBackOff = new SourceBackOff({ clock: options.clock, random: Math.random });
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

  /** What the identity source gives has changed: it may be asked again, whatever failed before. */
  noteSourceChange(): void {
    this.#sourceBackOff.forget();
  }

  /** One reconcile of one device. */
  async reconcile(
    device: DeviceConfig,
    { allowlists, isHoldingOn = false, ...options }: AgentReconcile,
    onStep: (step: ReconcileStep) => void = () => undefined,
  ): Promise<ReconcileReport> {
    const ports = await this.#ports(device, onStep, allowlists, isHoldingOn);
    const { signal, unlink } = linkSignals(this.#options.signal, options.signal);
    const isSaved = this.#saved.has(device.name);
    if (options.mode === 'apply') this.#saved.delete(device.name);
    const run = (): Promise<ReconcileReport> =>
      runOnce(this.config, device, ports, {
        ...options,
        isSaved,
        holder: newHolder(),
        signal,
      });
    const report = await run()
      .catch((error: unknown) => {
        // Only this process has heard of the root that the second run adds.
        if (error instanceof AgentError && error.code === 'MESH_ERR_ROOT_NEW') return run();
        throw error;
      })
      .finally(unlink);
    if (options.mode === 'apply') this.#saved.add(device.name);
    if (!isHoldingOn && report.notApplied.size === 0)
      this.#heldInputsOf(device.name).noteMeshFacts(ports.meshFacts);
    return report;
  }

  /** Every request with which `reconcile` would carry out this plan, reads and logins left out. */
  async requestsOf(device: DeviceConfig, plan: Plan): Promise<readonly PlannedRequest[]> {
    const units = await this.#devices.of(device);
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
    const unit = await (await this.#devices.of(device)).activeUnit();
    await validatePlan(unit, plan, { partition: device.partition, holder: newHolder(), signal });
  }

  /** Calls a service as good and bad callers do; nothing is written anywhere. */
  async verify(service: ServiceConfig, options: VerifyOptions = {}): Promise<Proof> {
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
    return verifyService(desired, desire, ports, signal, options);
  }

  /** Calls a service as the last reconcile left it; nothing is read from the device, and nothing written. */
  async prove(
    service: DesireService,
    desire: Pick<Desire, 'trustBundle'>,
    signal: AbortSignal,
  ): Promise<Proof> {
    const { clock } = this.#options;
    const identitySource = await this.#identitySource(service.config.device);
    const ports = { identitySource, callers: this.#callers, clock };
    return this.#proofsAtOnce.run(() => verifyService(service, desire, ports, signal));
  }

  /**
   * Makes a service callable that was proven, and takes one that was not out of the callers' sight.
   *
   * @param options.isHoldingOn leaves the cluster as it is
   * @throws AgentError MESH_ERR_PROOF_FAILED when it was not proven; what the API server says
   */
  async settle(
    service: DesireService,
    proof: Proof,
    signal: AbortSignal,
    { isHoldingOn = false }: Pick<AgentReconcile, 'isHoldingOn'> = {},
  ): Promise<void> {
    await settleProof(service, proof, isHoldingOn ? absentRegistrar : this.registrar, signal);
  }

  /** What the rule counted for each service of a device; a service that cannot be counted is left out. */
  async counters(device: DeviceConfig): Promise<ReadonlyMap<string, ServiceCounters>> {
    const unit = await (await this.#devices.of(device)).activeUnit();
    return readCounters(unit, device.partition, this.#options.signal);
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

  /** Logs out of the devices and closes every connection. */
  async close(): Promise<void> {
    await this.#devices.close();
    await this.kube.close();
  }

  async #ports(
    device: DeviceConfig,
    onStep: (step: ReconcileStep) => void,
    allowlists: AllowlistSource = strictAllowlists(this.kube, this.meshFacts),
    isHoldingOn = false,
  ): Promise<ReconcilePorts> {
    const meshFacts = isHoldingOn ? this.#heldInputsOf(device.name).requireMeshFacts() : this.meshFacts;
    const units = await this.#devices.of(device);
    const client = await units.activeUnit();
    return {
      client,
      units,
      allowlists,
      identitySource: await this.#identitySource(device.name, isHoldingOn),
      meshFacts,
      registrar: isHoldingOn ? absentRegistrar : this.registrar,
      heardRoots: this.#heardRootsOf(device.name),
      readRevocationLists: (signal) =>
        readPublishedRevocationLists(this.kube, this.config.mesh.rootNamespace, signal),
      revocationMemory: this.#revocationMemory,
      readCounters: async (partition, signal) => ({
        unit: client.device,
        services: callCounts(await readCounters(client, partition, signal)),
      }),
      callers: this.#callers,
      proofsAtOnce: this.#proofsAtOnce,
      clock: this.#options.clock,
      ruleText: this.#ruleText,
      onStep,
    };
  }

  /** For a device, because each learns by itself what the mesh CA says of its roots. */
  async #identitySource(device: string, isHoldingOn = false): Promise<IdentitySource> {
    const { kube, meshFacts } = this;
    const ports = { kube, clock: this.#options.clock, trustDomain: meshFacts.trustDomain };
    const source = this.#heardRootsOf(device).listen(await configuredSource(this.config, ports));
    const held = this.#heldInputsOf(device).listen(this.#revocationMemory.listen(source), isHoldingOn);
    return this.#sourceBackOff.spare(held);
  }

  #heldInputsOf(device: string): HeldInputs {
    const held = this.#heldInputs.get(device) ?? new HeldInputs();
    this.#heldInputs.set(device, held);
    return held;
  }

  #heardRootsOf(device: string): HeardRoots {
    const heardRoots = this.#heardRoots.get(device) ?? new HeardRoots();
    this.#heardRoots.set(device, heardRoots);
    return heardRoots;
  }
}

/** What the mesh says of itself, and what the config file says over it. */
async function factsFor({ mesh }: AgentConfig, kube: KubeClient, signal: AbortSignal): Promise<MeshFacts> {
  const facts = await readMeshFacts(kube, mesh.rootNamespace, signal);
  const { trustDomain = facts.trustDomain, trustDomainAliases } = mesh;
  const aliases = new Set([...facts.trustDomainAliases, ...trustDomainAliases]);
  return { ...facts, trustDomain, trustDomainAliases: [...aliases] };
}

/** Unique to a run, and readable for whoever finds it on the device. */
function newHolder(): string {
  return `${hostname().replaceAll(/[^A-Za-z0-9.-]/g, '-')}/${process.pid}/${randomUUID()}`;
}
