import type { JsonObject } from '../json.js';
import { link, statisticsKey } from '../resources/link.js';
import type { TmosVersion } from '../tmos-version.js';
import { globalSettings, httpd } from './singletons.js';

export interface StatusResourcesOptions {
  readonly tmos: TmosVersion;
  readonly hostname: string;
}

/** What the device tells of itself: version, readiness, failover and synchronisation. */
export class StatusResources {
  readonly #options: StatusResourcesOptions;

  constructor(options: StatusResourcesOptions) {
    this.#options = options;
  }

  /** @returns undefined for a path that is not one of these. */
  read(segments: readonly string[], query: URLSearchParams): JsonObject | undefined {
    const path = segments.join('/');
    const { tmos, hostname } = this.#options;
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
          configReady: text('yes'),
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
        return this.#stats(path, {
          color: text('green'),
          ...details('failoverStatus', ['active for /Common/traffic-group-1']),
          status: text('ACTIVE'),
          summary: text('1/1 active'),
        });
      case 'cm/sync-status':
        return this.#stats(path, {
          color: text('green'),
          ...details('syncStatus', [`${hostname}: connected`]),
          mode: text('standalone'),
          status: text('Standalone'),
          summary: text(' '),
        });
      default:
        return undefined;
    }
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
    const { tmos } = this.#options;
    const last = path.slice(path.lastIndexOf('/') + 1);
    return {
      kind: `tm:${path.replace('/', ':')}:${last}stats`,
      selfLink: link(path, tmos),
      entries: { [statisticsKey(`${path}/0`)]: { nestedStats: { entries } } },
    };
  }
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
