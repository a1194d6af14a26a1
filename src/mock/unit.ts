import { randomInt, X509Certificate } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { defaultSubject, localhostSubject, mintSelfSigned } from './certificate/self-signed.js';
import { factoryConfiguration } from './config/built-in.js';
import type { RunningConfiguration } from './config/running-configuration.js';
import { FaultInjector } from './faults/fault-injector.js';
import type { Cluster } from './ha/cluster.js';
import { ManagementServer } from './http/management-server.js';
import type { Respond } from './http/management-server.js';
import { buildManagementPlane } from './management-plane.js';
import type { MockBigIp, MockBigIpOptions } from './mock-big-ip.js';
import type { RecordedRequest } from './request-history.js';
import { SavedConfiguration } from './state/saved-configuration.js';
import { tmosVersion } from './tmos-version.js';

/** A mock BIG-IP as its peer sees it. */
export interface Unit extends MockBigIp {
  readonly running: RunningConfiguration;
  /** Answers nobody any more, and loses what was not saved. */
  powerOff(): Promise<void>;
  /** Starts at the same address with what was saved. @throws AgentError MESH_ERR_MOCK_LISTEN */
  powerOn(): Promise<void>;
}

/** @throws AgentError MESH_ERR_MOCK_LISTEN, MESH_ERR_MOCK_STATE */
export async function startUnit(
  options: MockBigIpOptions,
  cluster: Cluster,
  pair?: { readonly peer: string; readonly deviceGroup: string; readonly autoSync: boolean },
): Promise<Unit> {
  const { clock, dataPlane, logger, listen } = options;
  const now = () => clock.now();
  const tmos = tmosVersion(options.tmosVersion ?? '17.1');
  const hostname = options.hostname ?? 'bigip.example.com';
  const [certificate, defaultPair, saved] = await Promise.all([
    options.managementCertificate ?? mintSelfSigned(localhostSubject, now()),
    options.defaultCertificate ?? mintSelfSigned(defaultSubject, now()),
    SavedConfiguration.open(options.stateDir),
  ]);
  const factory = factoryConfiguration({
    tmos,
    hostname,
    ...(pair === undefined ? {} : { pair }),
    isActive: cluster.isActive(),
    managementAddress: listen.host,
    now: now(),
    defaultPair,
  });
  const seed = options.seed ?? randomInt(2 ** 32);
  logger.debug({ seed }, 'the seed of the mock BIG-IP’s faults');
  const faults = new FaultInjector(now, seed);
  for (const rule of options.faults ?? []) faults.inject(rule);
  const closing = new AbortController();
  // Every request that waits listens to it.
  setMaxListeners(0, closing.signal);
  const plane = buildManagementPlane({
    signal: closing.signal,
    users: options.users,
    tmos,
    hostname,
    initial: saved.configuration ?? factory,
    save: (configuration) => saved.save(configuration),
    faults,
    cluster,
    ...(dataPlane === undefined ? {} : { dataPlane }),
    clock,
    logger,
  });
  const { running, tokens, icrd } = plane;
  const requests: RecordedRequest[] = [];
  const respond: Respond = async (request) => {
    const response = await plane.respond(request);
    const query = request.query.toString();
    const recorded: RecordedRequest = {
      method: request.method,
      path: query === '' ? request.path : `${request.path}?${query}`,
      status: response?.status ?? 0,
      bytesIn: request.body.length,
    };
    requests.push(recorded);
    logger.debug(recorded, 'request');
    options.onRequest?.(recorded);
    return response;
  };
  await dataPlane?.start();
  let server: ManagementServer;
  try {
    // What was saved carries traffic before the device says that it is ready.
    await running.refreshTraffic();
    server = await ManagementServer.start({ listen, certificate, tmos, now, respond });
  } catch (error) {
    await dataPlane?.close();
    throw error;
  }
  const boot = async (): Promise<void> => {
    tokens.forgetAll();
    icrd.forgetTransactions();
    await running.replace(() => saved.configuration ?? factory);
  };
  const { url } = server;
  const port = Number(new URL(url).port);
  return {
    url,
    hostname,
    certificatePem: certificate.pem,
    fingerprint256: new X509Certificate(certificate.pem).fingerprint256,
    requests,
    faults,
    running,
    ...(options.log === undefined ? {} : { log: options.log }),
    powerOff: async () => {
      await server.close();
      await running.refreshTraffic();
      dataPlane?.resetConnections?.();
    },
    powerOn: async () => {
      await boot();
      server = await ManagementServer.start({ listen: { ...listen, port }, certificate, tmos, now, respond });
    },
    forgetRequests: () => {
      requests.length = 0;
    },
    forgetTokens: () => tokens.forgetAll(),
    reboot: async ({ startUpMs = 0 } = {}) => {
      // The first of the faults that is still in force answers: HTML, then one 404, then the other.
      faults.inject({ fault: 'restarting', forMs: Math.floor(startUpMs / 3) });
      faults.inject({ fault: 'not-registered', forMs: Math.floor((startUpMs * 2) / 3) });
      faults.inject({ fault: 'public-uri-not-registered', forMs: startUpMs });
      await boot();
    },
    close: async () => {
      closing.abort();
      await server.close();
      await dataPlane?.close();
    },
  };
}
