import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../clock.js';
import { KubeClient } from '../kube/client.js';
import type { Logger } from '../log.js';
import type { MockUser } from '../mock/authn/user.js';
import { TclDataPlane } from '../mock/data-plane/tcl-data-plane.js';
import { startMockBigIp } from '../mock/mock-big-ip.js';
import type { MockBigIp } from '../mock/mock-big-ip.js';
import type { TmosBranch } from '../mock/tmos-version.js';
import { Secret } from '../secret.js';
import { DeviceLog } from './device-log.js';
import { startEchoService } from './echo-service.js';
import type { EchoService } from './echo-service.js';
import { findFreePort } from './free-port.js';
import { startKubeApi } from './kube-api/kube-api.js';
import type { KubeApi, KubeApiTls } from './kube-api/kube-api.js';
import { MeshCa } from './mesh-ca.js';
import { deviceUser, renderScenarioConfig, seedCluster } from './surroundings.js';

/** The reference scenario's surroundings: all that is there before the agent does anything. */
export interface Scenario {
  readonly meshCa: MeshCa;
  readonly kubeApi: KubeApi;
  readonly kube: KubeClient;
  readonly bigIp: MockBigIp;
  readonly deviceLog: DeviceLog;
  readonly echo: EchoService;
  /** Where the virtual server will listen. */
  readonly listen: { readonly address: string; readonly port: number };
  /** A folder of its own, removed at the end. */
  readonly folder: string;
  readonly kubeconfigFile: string;
  readonly configFile: string;
  close(): Promise<void>;
}

interface ScenarioOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: the mock's. */
  readonly tmosVersion?: TmosBranch;
  /** For clients that send no token over plain HTTP, such as kubectl. Default: plain HTTP. */
  readonly kubeApiTls?: KubeApiTls;
  /** Of the device, besides its administrator. */
  readonly users?: readonly MockUser[];
}

/** Starts everything on loopback, on ports that nobody else has. */
export async function startScenario({
  clock,
  logger,
  tmosVersion,
  kubeApiTls,
  users = [],
}: ScenarioOptions): Promise<Scenario> {
  const started: Array<() => Promise<unknown>> = [];
  const close = async (): Promise<void> => {
    for (const stop of started.toReversed()) await stop();
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'bigip-mesh-'));
    started.push(() => rm(folder, { recursive: true, force: true }));
    const meshCa = await MeshCa.create({ now: clock.now() });
    const echo = await startEchoService();
    started.push(() => echo.close());
    const listen = { address: '127.0.0.1', port: await findFreePort() };

    const deviceLog = new DeviceLog();
    const bigIp = await startMockBigIp({
      listen: { host: '127.0.0.1', port: 0 },
      ...(tmosVersion === undefined ? {} : { tmosVersion }),
      users: [{ name: deviceUser.name, password: new Secret(deviceUser.password) }, ...users],
      dataPlane: new TclDataPlane({
        hostname: 'bigip1',
        clock,
        logger,
        log: (line) => deviceLog.write(line),
      }),
      clock,
      logger,
    });
    started.push(() => bigIp.close());

    const kubeApi = await startKubeApi(kubeApiTls === undefined ? {} : { tls: kubeApiTls });
    started.push(() => kubeApi.close());
    const kubeconfigFile = join(folder, 'kubeconfig.yaml');
    await writeFile(kubeconfigFile, kubeApi.kubeconfig(), { mode: 0o600 });
    const kube = new KubeClient({ path: kubeconfigFile, clock });
    started.push(() => kube.close());
    await seedCluster(kube, meshCa);

    const certificateFile = join(folder, 'bigip.crt');
    await writeFile(certificateFile, bigIp.certificatePem);
    const configFile = join(folder, 'config.yaml');
    await writeFile(
      configFile,
      renderScenarioConfig({ url: bigIp.url, certificateFile, listen, echoPort: echo.port }),
    );

    return {
      meshCa,
      kubeApi,
      kube,
      bigIp,
      deviceLog,
      echo,
      listen,
      folder,
      kubeconfigFile,
      configFile,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
