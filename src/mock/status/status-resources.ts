import type { MockUser } from '../authn/user.js';
import { notFound } from '../config/refusal.js';
import type { Cluster } from '../ha/cluster.js';
import type { MgmtRequest } from '../http/mgmt-request.js';
import type { JsonObject } from '../json.js';
import { link, statisticsKey } from '../resources/link.js';
import type { TmosVersion } from '../tmos-version.js';
import { globalSettings, httpd } from './singletons.js';

interface StatusResourcesOptions {
  readonly tmos: TmosVersion;
  readonly hostname: string;
  readonly cluster: Cluster;
  readonly now: () => Date;
  readonly users: readonly MockUser[];
}

/** What the device tells of itself: version, readiness, failover and synchronisation. */
export class StatusResources {
  readonly #options: StatusResourcesOptions;

  constructor(options: StatusResourcesOptions) {
    this.#options = options;
  }

  /** @returns undefined for a path that is not one of these. */
  read(path: string, { query, isUnready }: MgmtRequest): JsonObject | undefined {
    const { tmos, hostname, cluster } = this.#options;
    switch (path) {
      case 'sys/version':
        return this.#stats(path, {
          Build: text(tmos.build),
          Date: text(tmos.date),
          Edition: text(tmos.edition),
          Product: text('BIG-IP'),
          Title: text('Main Package'),
          Version: text(tmos.version),
        });
      case 'sys/ready':
        return this.#stats(path, {
          configReady: text(isUnready === true ? 'no' : 'yes'),
          licenseReady: text('yes'),
          provisionReady: text('yes'),
        });
      case 'sys/mcp-state':
        return this.#stats(path, {
          endPlatformIdReceived: text('true'),
          lastLoad: text('full-config-load-succeed'),
          phase: text('running'),
        });
      case 'sys/global-settings':
        return this.#singleton(path, query, globalSettings(hostname));
      case 'sys/httpd':
        return this.#singleton(path, query, httpd);
      case 'cm/failover-status':
        return this.#stats(path, failoverStatus(cluster.isActive()));
      case 'cm/sync-status':
        return this.#stats(path, syncStatus(cluster));
      case 'shared/bigip-failover-state':
        return this.#failoverState();
      default:
        return path.startsWith('auth/user/') ? this.#user(path, query) : undefined;
    }
  }

  /** A local user with its roles, without the password's hash that a device gives besides. */
  #user(path: string, query: URLSearchParams): JsonObject {
    const { tmos, users } = this.#options;
    const wanted = path.slice('auth/user/'.length);
    const user = users.find(({ name }) => name === wanted);
    if (user === undefined) throw notFound('user', wanted);
    const { name, role = 'admin', partition = 'all-partitions' } = user;
    return {
      kind: 'tm:auth:user:userstate',
      name,
      fullPath: name,
      generation: 1,
      selfLink: link(path, tmos, query.toString()),
      partitionAccess: [{ name: partition, role }],
    };
  }

  /** A worker of restjavad below `/mgmt/tm`, with neither kind nor selfLink. */
  #failoverState(): JsonObject {
    const { cluster, now } = this.#options;
    const period = 3_600_000;
    return {
      isEnabled: true,
      pollCyclePeriodMillis: period,
      nextPollTime: new Date(now().getTime() + period).toISOString().replace('Z', '+0000'),
      failoverState: cluster.isActive() ? 'active' : 'standby',
      generation: 0,
      lastUpdateMicros: 0,
    };
  }

  #singleton(path: string, query: URLSearchParams, members: JsonObject): JsonObject {
    const last = path.slice(path.lastIndexOf('/') + 1);
    return {
      kind: `tm:${path.replace('/', ':')}:${last}state`,
      selfLink: link(path, this.#options.tmos, query.toString()),
      ...members,
    };
  }

  #stats(path: string, entries: JsonObject): JsonObject {
    const last = path.slice(path.lastIndexOf('/') + 1);
    return {
      kind: `tm:${path.replace('/', ':')}:${last}stats`,
      selfLink: link(path, this.#options.tmos),
      entries: { [statisticsKey(`${path}/0`)]: { nestedStats: { entries } } },
    };
  }
}

function failoverStatus(isActive: boolean): JsonObject {
  const word = isActive ? 'active' : 'standby';
  return {
    color: text(isActive ? 'green' : 'gray'),
    ...details('failoverStatus', [`${word} for /Common/traffic-group-1`]),
    status: text(word.toUpperCase()),
    summary: text(`1/1 ${word}`),
  };
}

function syncStatus(cluster: Cluster): JsonObject {
  const report = cluster.syncReport();
  return {
    color: text(report.color),
    ...(report.details.length === 0 ? {} : details('syncStatus', report.details)),
    mode: text(report.mode),
    status: text(report.status),
    summary: text(report.summary),
  };
}

function text(description: string): JsonObject {
  return { description };
}

/** Lines under a key that, unlike the resource's own path, is in camel case. */
function details(name: string, lines: readonly string[]): JsonObject {
  const path = `cm/${name}/0/details`;
  const entries = lines.map((line, index) => [
    statisticsKey(`${path}/${index}`),
    { nestedStats: { entries: { details: text(line) } } },
  ]);
  return { [statisticsKey(path)]: { nestedStats: { entries: Object.fromEntries(entries) as JsonObject } } };
}
