import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.js';
import type { AgentConfig } from '../../src/config/schema.js';
import { parseConfig } from '../../src/config/load-config.js';
import { startEchoService } from '../../src/demo/echo-service.js';
import { findFreePort } from '../../src/demo/free-port.js';
import { startKubeApi } from '../../src/demo/kube-api/kube-api.js';
import type { KubeApiTls } from '../../src/demo/kube-api/kube-api.js';
import { MeshCa } from '../../src/demo/mesh-ca.js';
import { deviceUser, goodCallerId, seedCluster, trustDomain } from '../../src/demo/surroundings.js';
import { KubeClient } from '../../src/kube/client.js';
import { kinds } from '../../src/kube/kinds.js';
import { silentLogger } from '../../src/log.js';
import { TclDataPlane } from '../../src/mock/data-plane/tcl-data-plane.js';
import { startMockBigIp } from '../../src/mock/mock-big-ip.js';
import type { MockBigIp } from '../../src/mock/mock-big-ip.js';
import { Secret } from '../../src/secret.js';

/** Devices with many services each, all in front of one echo service, and the cluster that has their allowlists. */
export interface Fleet {
  readonly config: AgentConfig;
  /** Of the same content as `config`. */
  readonly configFile: string;
  readonly kubeconfigFile: string;
  readonly kube: KubeClient;
  readonly meshCa: MeshCa;
  /** In the order of `config.devices`. */
  readonly bigIps: readonly MockBigIp[];
  close(): Promise<void>;
}

export interface FleetOptions {
  readonly devices: number;
  readonly servicesPerDevice: number;
  /** `none`: nothing listens at the virtual servers, and no proof passes. */
  readonly dataPlane: 'tcl' | 'none';
  /** Of each service; the good caller is the first. Default 1. */
  readonly entriesPerService?: number;
  /** Of the API server; default: plain HTTP. */
  readonly kubeApiTls?: KubeApiTls;
}

/** Services are named `s0`, `s1` and so on, the first ones on the first device; each has an allowlist of its own; none is registered in the mesh. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const started: Array<() => Promise<unknown>> = [];
  const close = async (): Promise<void> => {
    for (const stop of started.toReversed()) await stop();
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'bigip-mesh-fleet-'));
    started.push(() => rm(folder, { recursive: true, force: true }));
    const echo = await startEchoService();
    started.push(() => echo.close());
    const { entriesPerService = 1, kubeApiTls } = options;
    const kubeApi = await startKubeApi(kubeApiTls === undefined ? {} : { tls: kubeApiTls });
    started.push(() => kubeApi.close());
    const kubeconfigFile = join(folder, 'kubeconfig.yaml');
    await writeFile(kubeconfigFile, kubeApi.kubeconfig(), { mode: 0o600 });
    const kube = new KubeClient({ path: kubeconfigFile, clock: systemClock });
    started.push(() => kube.close());
    const meshCa = await MeshCa.create({ now: systemClock.now() });
    await seedCluster(kube, meshCa);

    const bigIps: MockBigIp[] = [];
    for (let index = 0; index < options.devices; index += 1) {
      const bigIp = await startDevice(`bigip${index}`, options);
      started.push(() => bigIp.close());
      bigIps.push(bigIp);
    }
    const ports = await freePorts(options.devices * options.servicesPerDevice);
    for (const index of ports.keys()) await createAllowlist(kube, `s${index}`, entriesPerService);
    const text = renderConfig(options, { bigIps, ports, echoPort: echo.port });
    const configFile = join(folder, 'config.yaml');
    await writeFile(configFile, text);
    return { config: parseConfig(text, configFile), configFile, kubeconfigFile, kube, meshCa, bigIps, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function startDevice(hostname: string, { dataPlane }: FleetOptions): Promise<MockBigIp> {
  const logger = silentLogger();
  return startMockBigIp({
    listen: { host: '127.0.0.1', port: 0 },
    hostname,
    users: [{ name: deviceUser.name, password: new Secret(deviceUser.password) }],
    ...(dataPlane === 'none'
      ? {}
      : { dataPlane: new TclDataPlane({ hostname, clock: systemClock, logger, log: () => undefined }) }),
    clock: systemClock,
    logger,
  });
}

async function createAllowlist(kube: KubeClient, service: string, entries: number): Promise<void> {
  const labels = { 'bigip-mesh.io/allowlist': service };
  const others = Array.from(
    { length: entries - 1 },
    (_, index) => `spiffe://${trustDomain}/ns/team-${service}/sa/caller-${index}`,
  );
  await kube.create(kinds.configMap, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'default', name: `${service}-callers`, labels },
    data: { allow: [goodCallerId, ...others, ''].join('\n') },
  });
}

function renderConfig(
  { servicesPerDevice }: FleetOptions,
  parts: {
    readonly bigIps: readonly MockBigIp[];
    readonly ports: readonly number[];
    readonly echoPort: number;
  },
): string {
  const { bigIps, ports, echoPort } = parts;
  const deviceTexts = bigIps.map(
    ({ url, fingerprint256 }, index) => `
  - name: d${index}
    urls: ["${url}"]
    credentials: {secretRef: {namespace: mesh-edge, name: bigip-edge}}
    tls: {sha256: "${fingerprint256}"}
    partition: mesh`,
  );
  const serviceTexts = ports.map(
    (port, index) => `
  - name: s${index}
    device: d${Math.floor(index / servicesPerDevice)}
    identity: {namespace: default, serviceAccount: s${index}}
    host: s${index}.default.svc.cluster.local
    listen: {address: 127.0.0.1, port: ${port}}
    backends: ["127.0.0.1:${echoPort}"]
    allowlist: {selector: {matchLabels: {bigip-mesh.io/allowlist: s${index}}}}
    registration: none
    probe: {send: "hi\\n", expect: HI}`,
  );
  return `apiVersion: bigip-mesh.io/v1
kind: AgentConfig
identity: {source: ca-secret, keyType: ec-p256, ttl: 24h}
devices:${deviceTexts.join('')}
services:${serviceTexts.join('')}
`;
}

async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await findFreePort());
  return [...ports];
}
