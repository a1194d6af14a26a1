import type { Clock } from '../../clock.js';
import type { AgentConfig, DeviceConfig, ServiceConfig } from '../../config/schema.js';
import { deviceCredentials, deviceTrust } from '../../device-login.js';
import { AgentError } from '../../errors.js';
import type { KubeClient } from '../../kube/client.js';
import type { Logger } from '../../log.js';
import { unknown } from '../datum.js';
import type { DeviceFacts, Facts, ServiceFacts } from '../facts.js';
import { lookAtListener } from './look-at-listener.js';
import { readCluster, unknownCluster } from './read-cluster.js';
import type { ReadCluster } from './read-cluster.js';
import { readDevice } from './read-device.js';

interface ReadFactsOptions {
  readonly config: AgentConfig;
  /** The cluster, or why there is none to ask. */
  readonly kube: KubeClient | AgentError;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** For the login tokens of devices. */
  readonly holder: string;
  /** Told what is being read. */
  readonly onStep?: (step: string) => void;
}

/** Reads everything that `vet` judges by. Whatever cannot be read is there as unknown, with its reason. */
export async function readFacts(options: ReadFactsOptions): Promise<Facts> {
  const { config, clock, onStep = () => undefined } = options;
  onStep('reading the cluster');
  const { cluster, allowlists } = await clusterOf(options);
  const devices = new Map<string, DeviceFacts>();
  for (const device of config.devices) {
    onStep(`reading device ${device.name}`);
    devices.set(device.name, await deviceOf(device, options));
  }
  const services = new Map<string, ServiceFacts>();
  for (const service of config.services) {
    onStep(`looking at the listener of ${service.name}`);
    const allowlist = allowlists.get(service.name) ?? unknown({ reason: 'the allowlist was not read' });
    services.set(service.name, { allowlist, listener: await listenerOf(service) });
  }
  return { now: clock.now(), config, cluster, devices, services };
}

function clusterOf({ config, kube, clock, signal }: ReadFactsOptions): Promise<ReadCluster> | ReadCluster {
  return kube instanceof AgentError
    ? unknownCluster(config, { reason: kube.message })
    : readCluster(config, { kube, clock, signal });
}

function deviceOf(
  device: DeviceConfig,
  { kube, clock, logger, signal, holder }: ReadFactsOptions,
): Promise<DeviceFacts> {
  return readDevice(device, {
    clock,
    logger,
    signal,
    holder,
    tls: () => deviceTrust(device),
    credentials: () => deviceCredentials(kube instanceof AgentError ? refusing(kube) : kube, device, signal),
  });
}

/** Stands for a cluster that is not there: whoever asks it gets its failure. */
function refusing(failure: AgentError): Pick<KubeClient, 'get'> {
  return { get: () => Promise.reject(failure) };
}

function listenerOf({ listen, host, probe }: ServiceConfig): Promise<ServiceFacts['listener']> {
  return lookAtListener({ ...listen, host, plaintext: probe?.send ?? '\n' });
}
