import type { Clock } from '../clock.js';
import type { Logger } from '../log.js';
import { AuthnWorker } from './authn/authn-worker.js';
import { Authenticator } from './authn/authenticator.js';
import { TokenStore } from './authn/token-store.js';
import type { MockUser } from './authn/user.js';
import type { Configuration } from './config/configuration.js';
import { viewOf } from './config/effective.js';
import { RunningConfiguration } from './config/running-configuration.js';
import type { DataPlane } from './data-plane/configuration.js';
import type { FaultInjector } from './faults/fault-injector.js';
import { FaultyResponder } from './faults/faulty-responder.js';
import { withOldCertificates } from './faults/old-certificate.js';
import { DownloadsFolder } from './file-transfer/downloads-folder.js';
import { UploadWorker } from './file-transfer/upload-worker.js';
import type { Cluster } from './ha/cluster.js';
import { withoutListeners } from './ha/standby-traffic.js';
import type { Respond } from './http/management-server.js';
import { RestErrors } from './http/mgmt-response.js';
import { Commands } from './icrd/commands.js';
import { Icrd } from './icrd/icrd.js';
import { HealthMonitors } from './monitor/health-monitors.js';
import { monitoredTargets } from './monitor/monitored-targets.js';
import { ResourceTable } from './resources/resource-table.js';
import { RestJavad } from './rest-javad.js';
import { noTraffic } from './status/counters.js';
import { StatusResources } from './status/status-resources.js';
import type { TmosVersion } from './tmos-version.js';

interface ManagementPlaneOptions {
  readonly users: readonly MockUser[];
  readonly tmos: TmosVersion;
  readonly hostname: string;
  readonly initial: Configuration;
  readonly save: (configuration: Configuration) => Promise<void>;
  readonly faults: FaultInjector;
  readonly cluster: Cluster;
  /** Aborts when the unit is closed. */
  readonly signal: AbortSignal;
  readonly dataPlane?: DataPlane;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Everything behind the port of one unit. */
interface ManagementPlane {
  readonly running: RunningConfiguration;
  readonly tokens: TokenStore;
  readonly icrd: Icrd;
  readonly respond: Respond;
}

/** Puts the processes of a device together: restjavad over icrd over mcpd, and between them and httpd its faults. */
export function buildManagementPlane(options: ManagementPlaneOptions): ManagementPlane {
  const { tmos, hostname, faults, cluster, dataPlane, clock, logger } = options;
  const now = () => clock.now();
  const table = new ResourceTable();
  const errors = new RestErrors();
  const downloads = new DownloadsFolder();
  const tokens = new TokenStore(now);
  const health = new HealthMonitors({
    ...(dataPlane?.probe === undefined ? {} : { probe: dataPlane.probe.bind(dataPlane) }),
    clock,
    signal: options.signal,
    onChange: () => {
      running.refreshTraffic().catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : 'unknown';
        logger.error({ reason }, 'the mock BIG-IP could not take a pool member in or out');
      });
    },
  });
  const running = new RunningConfiguration({
    initial: options.initial,
    table,
    tmos,
    ...(dataPlane === undefined ? {} : { dataPlane }),
    traffic: (served, wanted) => {
      if (!cluster.isActive()) return withoutListeners(wanted);
      return faults.isActive('old-certificate') ? withOldCertificates(served, wanted) : wanted;
    },
    health: (object) => health.reportOf(object),
    onHandOver: (configuration) => health.watch(monitoredTargets(viewOf(configuration, table, tmos))),
    onChange: () => cluster.changed(),
  });
  const authenticator = new Authenticator({
    users: options.users,
    tokens,
    errors,
    allowsBasic: () => running.current.get('sys/db', 'httpd.basic_auth')?.own['value'] !== 'disable',
  });
  const commands = new Commands({ downloads, cluster, save: () => options.save(running.current) });
  const status = new StatusResources({ tmos, hostname, cluster, now, users: options.users });
  const traffic = () => dataPlane?.statistics?.snapshot() ?? noTraffic;
  const icrd = new Icrd({
    running,
    table,
    tmos,
    downloads,
    errors,
    now,
    commands,
    status,
    traffic,
    health: (object) => health.reportOf(object),
  });
  const restJavad = new RestJavad({
    authenticator,
    authn: new AuthnWorker(tokens, authenticator, errors),
    uploads: new UploadWorker(downloads, errors, now),
    icrd,
    errors,
    device: { tmos, hostname },
  });
  const responder = new FaultyResponder({
    injector: faults,
    clock,
    authenticator,
    errors,
    table,
    signal: options.signal,
    respond: (request) =>
      restJavad.respond(request).catch((error: unknown) => {
        // Nothing that a client sends should lead here; what does is a fault of the mock or of its data plane.
        logger.error(
          { reason: error instanceof Error ? error.message : 'unknown' },
          'the mock BIG-IP failed',
        );
        return errors.response(request, 500, 'The mock BIG-IP failed; its log says why.');
      }),
  });
  return { running, tokens, icrd, respond: (request) => responder.respond(request) };
}
