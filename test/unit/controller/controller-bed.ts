import { strict as assert } from 'node:assert';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Agent } from '../../../src/agent.js';
import { systemClock } from '../../../src/clock.js';
import type { Clock } from '../../../src/clock.js';
import { parseConfig } from '../../../src/config/load-config.js';
import { Controller } from '../../../src/controller/controller.js';
import type { DeviceStatus } from '../../../src/controller/device-status.js';
import { Metrics } from '../../../src/controller/metrics.js';
import { findFreePort } from '../../../src/demo/free-port.js';
import { startScenario } from '../../../src/demo/scenario.js';
import type { Scenario } from '../../../src/demo/scenario.js';
import { Sidecar } from '../../../src/demo/sidecar.js';
import { deviceUser } from '../../../src/demo/surroundings.js';
import { IControlClient } from '../../../src/icontrol/client.js';
import { kinds } from '../../../src/kube/kinds.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { silentLogger } from '../../../src/log.js';
import type { Logger } from '../../../src/log.js';
import type { CallOutcome } from '../../../src/proof/call.js';
import { Secret } from '../../../src/secret.js';

const { signal } = new AbortController();

/** One replica of the controller, in this process. */
export interface Replica {
  readonly controller: Controller;
  readonly metrics: Metrics;
  /** Resolves with the device's status as soon as it is so: the last one, or one to come, of reconciles and proofs. */
  when(holds: (status: DeviceStatus) => boolean): Promise<DeviceStatus>;
  /** Resolves with the status after the next reconcile that ends. */
  next(): Promise<DeviceStatus>;
  /** As SIGTERM does. */
  stop(): Promise<void>;
}

interface ReplicaOptions {
  readonly holder?: string;
  /** What the controller takes for the time; the device's own client has the system's. */
  readonly clock?: Clock;
  /** Default: the mock's. */
  readonly deviceUrl?: string;
  /** Default: the API double's. */
  readonly kubeUrl?: string;
  /** By that clock; default: the controller's own. */
  readonly leaseDurationMs?: number;
  /** Default: none. */
  readonly logger?: Logger;
  /** Changes the text of the config file. */
  readonly configure?: (text: string) => string;
}

/**
 * The reference scenario with a second service, `ping`, beside `echo`: in the same namespace, with an allowlist and an
 * identity of its own, on the same device.
 */
export class ControllerBed {
  readonly scenario: Scenario;
  readonly pingPort: number;
  readonly #configText: string;
  readonly #replicas: Replica[] = [];

  private constructor(scenario: Scenario, pingPort: number, configText: string) {
    this.scenario = scenario;
    this.pingPort = pingPort;
    this.#configText = configText;
  }

  /** @param pingBackend `HOST:PORT`; default: the echo service */
  static async start(pingBackend?: string): Promise<ControllerBed> {
    const scenario = await startScenario({ clock: systemClock, logger: silentLogger() });
    const pingPort = await findFreePort();
    const text = await readFile(scenario.configFile, 'utf8');
    const [, echo = ''] = /^services:\n([\s\S]*)$/m.exec(text) ?? [];
    const ping = echo
      .replace('name: echo', 'name: ping')
      .replace('serviceAccount: bigip', 'serviceAccount: ping')
      .replace(/host: .*/, 'host: ping.default.svc.cluster.local')
      .replace(/port: \d+/, `port: ${pingPort}`)
      .replace('bigip-mesh.io/allowlist: echo', 'bigip-mesh.io/allowlist: ping')
      .replace(/backends: .*/, (backends) =>
        pingBackend === undefined ? backends : `backends: ["${pingBackend}"]`,
      );
    return new ControllerBed(scenario, pingPort, text + ping);
  }

  async close(): Promise<void> {
    for (const replica of this.#replicas) await replica.stop();
    await this.scenario.close();
  }

  async startReplica({
    holder = 'one',
    clock = systemClock,
    deviceUrl,
    kubeUrl,
    leaseDurationMs,
    logger = silentLogger(),
    configure = (text) => text,
  }: ReplicaOptions = {}): Promise<Replica> {
    const { bigIp } = this.scenario;
    const kubeconfig = await this.#kubeconfig(kubeUrl);
    const text = deviceUrl === undefined ? this.#configText : this.#configText.replace(bigIp.url, deviceUrl);
    const config = parseConfig(configure(text), 'config.yaml');
    const stop = new AbortController();
    const metrics = new Metrics();
    const agent = await Agent.open({
      config,
      kubeconfig,
      clock: unhurriedClock(),
      logger,
      signal: stop.signal,
      onRequest: (device, request) => metrics.observeRequest(device, request),
    });
    let last: DeviceStatus | undefined;
    let waitingForAny: Array<(status: DeviceStatus) => void> = [];
    let waiting: Array<(status: DeviceStatus) => void> = [];
    const controller = new Controller({
      agent,
      namespace: 'mesh-edge',
      holder,
      leaseDurationMs,
      metrics,
      clock,
      random: () => 0,
      logger,
      onReported: (status, of) => {
        last = status;
        const told = [...waitingForAny, ...(of === 'reconcile' ? waiting : [])];
        waitingForAny = [];
        if (of === 'reconcile') waiting = [];
        for (const tell of told) tell(status);
      },
    });
    const running = controller.run(stop.signal);
    const next = (): Promise<DeviceStatus> => new Promise((resolve) => waiting.push(resolve));
    const any = (): Promise<DeviceStatus> => new Promise((resolve) => waitingForAny.push(resolve));
    const replica: Replica = {
      controller,
      metrics,
      next,
      when: async (holds) => {
        let status = last ?? (await any());
        while (!holds(status)) status = await any();
        return status;
      },
      stop: async () => {
        stop.abort(new Error('SIGTERM'));
        await running;
        await agent.close();
      },
    };
    this.#replicas.push(replica);
    return replica;
  }

  async #kubeconfig(kubeUrl: string | undefined): Promise<string> {
    const { folder, kubeApi, kubeconfigFile } = this.scenario;
    if (kubeUrl === undefined) return kubeconfigFile;
    const file = join(folder, `kubeconfig-${new URL(kubeUrl).port}.yaml`);
    const text = await readFile(kubeconfigFile, 'utf8');
    await writeFile(file, text.replace(kubeApi.url, kubeUrl), { mode: 0o600 });
    return file;
  }

  /** Writes an allowlist ConfigMap of `echo` or `ping` as it is to be, with nothing of before. */
  async edit(service: 'echo' | 'ping', data: Readonly<Record<string, string>>): Promise<KubeObject> {
    const { kube } = this.scenario;
    const ref = { kind: kinds.configMap, namespace: 'default', name: `${service}-callers` };
    const metadata = {
      name: ref.name,
      namespace: ref.namespace,
      labels: { 'bigip-mesh.io/allowlist': service },
    };
    const object: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
    const before = await kube.get(ref);
    if (before === undefined) return kube.create(kinds.configMap, object);
    return kube.replace(kinds.configMap, { ...before, data });
  }

  /** Calls a service as a workload of the mesh does. */
  async call(service: 'echo' | 'ping', spiffeId: string): Promise<CallOutcome['result']> {
    const { kube, listen, meshCa } = this.scenario;
    const host = service === 'echo' ? 'bigip.default.svc.cluster.local' : 'ping.default.svc.cluster.local';
    const port = service === 'echo' ? listen.port : this.pingPort;
    const account = service === 'echo' ? 'bigip' : 'ping';
    const sidecar = new Sidecar({ kube, host, trustBundlePem: meshCa.trustBundle.toPem() });
    const endpoint = {
      address: listen.address,
      port,
      spiffeIds: [`spiffe://cluster.local/ns/default/sa/${account}`],
    };
    return (await sidecar.call(endpoint, await meshCa.mint(spiffeId))).result;
  }

  /** The conditions of a service's WorkloadEntry: `True Proven`. */
  async health(service: 'echo' | 'ping'): Promise<string> {
    const { items } = await this.scenario.kube.list(kinds.workloadEntry, {
      namespace: 'default',
      labelSelector: `bigip-mesh.io/service=${service}`,
    });
    const { conditions = [] } = (items[0]?.['status'] ?? {}) as {
      conditions?: ReadonlyArray<{ type: string; status: string; reason: string }>;
    };
    const healthy = conditions.find(({ type }) => type === 'Healthy');
    return healthy === undefined ? 'none' : `${healthy.status} ${healthy.reason}`;
  }

  /** A person at the device, with the agent's own credentials. */
  async byHand(work: (client: IControlClient) => Promise<unknown>): Promise<void> {
    const { bigIp } = this.scenario;
    const client = new IControlClient({
      url: bigIp.url,
      credentials: () =>
        Promise.resolve({ username: deviceUser.name, password: new Secret(deviceUser.password) }),
      tls: { caPem: bigIp.certificatePem },
      clock: systemClock,
      logger: silentLogger(),
      signal,
    });
    try {
      await work(client);
    } finally {
      await client.close();
    }
  }

  /** Requests that changed the device; listing the upload folder is a POST and changes nothing. */
  get deviceWrites(): string[] {
    return this.scenario.bigIp.requests
      .filter(({ method, path }) => method !== 'GET' && path.startsWith('/mgmt/tm/'))
      .filter(({ path }) => path !== '/mgmt/tm/util/unix-ls')
      .map(({ method, path }) => `${method} ${path}`);
  }
}

/**
 * The time of day at which a replica starts, for its clients. No request takes any time by it, so that a mock on a busy
 * machine is no device that slows down, which the client would spare by seconds a request.
 */
function unhurriedClock(): Clock {
  const startedAt = new Date();
  return { now: () => startedAt, sleep: (ms, signal) => systemClock.sleep(ms, signal) };
}

/** The service's status, which is there. */
export function serviceOf(status: DeviceStatus, name: string) {
  const service = status.services.get(name);
  assert.ok(service !== undefined, name);
  return service;
}
