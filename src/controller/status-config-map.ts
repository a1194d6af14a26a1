import { stringify } from 'yaml';
import { AgentError } from '../errors.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { describeRef } from '../kube/object.js';
import type { KubeObject } from '../kube/object.js';
import type { Logger } from '../log.js';
import type { DeviceStatus, Failure, ServiceStatus } from './device-status.js';

export const statusName = 'bigip-mesh-status';

const labels = { 'app.kubernetes.io/managed-by': 'bigip-mesh-agent' };
/** A ConfigMap holds 1 MiB; the count tells of the rest. */
const mostRefusals = 20;

/** The status ConfigMap: one key a device, YAML for people and for programs. Pure. */
export function renderStatusConfigMap(
  namespace: string,
  statuses: readonly DeviceStatus[],
  writtenBy: string,
): KubeObject {
  const { apiVersion, kind } = kinds.configMap;
  const data = Object.fromEntries(
    statuses.map((status) => [status.device, stringify(renderDevice(status, writtenBy), { lineWidth: 0 })]),
  );
  return { apiVersion, kind, metadata: { namespace, name: statusName, labels }, data };
}

function renderDevice({ reconciledAt, syncedAt, failure, services }: DeviceStatus, writtenBy: string) {
  return {
    writtenBy,
    ...(reconciledAt === undefined ? {} : { reconciledAt: reconciledAt.toISOString() }),
    ...(syncedAt === undefined ? {} : { syncedAt: syncedAt.toISOString() }),
    ...renderFailure(failure),
    services: Object.fromEntries([...services].map(([name, status]) => [name, renderService(status)])),
  };
}

function renderService(status: ServiceStatus) {
  const { identity, certificate, provenAt, allowlist, refusals, isDenyHeld, failure } = status;
  return {
    ...(identity === undefined ? {} : { identity }),
    ...(certificate === undefined
      ? {}
      : { certificate: { sha256: certificate.sha256, notAfter: certificate.notAfter.toISOString() } }),
    ...(provenAt === undefined ? {} : { provenAt: provenAt.toISOString() }),
    ...(allowlist === undefined ? {} : { allowlist }),
    refused: refusals.length,
    ...(refusals.length === 0 ? {} : { refusals: refusals.slice(0, mostRefusals) }),
    ...(isDenyHeld ? { denyHeld: true } : {}),
    ...renderFailure(failure),
  };
}

function renderFailure(failure: Failure | undefined) {
  return failure === undefined ? {} : { error: { ...failure, since: failure.since.toISOString() } };
}

export interface StatusWriterOptions {
  readonly kube: Pick<KubeClient, 'get' | 'apply'>;
  readonly namespace: string;
  readonly writtenBy: string;
  readonly logger: Logger;
}

/** Writes the status ConfigMap, one write at a time and always the newest content. Never fails a reconcile. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  #statuses: readonly DeviceStatus[] = [];
  #writing: Promise<void> | undefined;
  #isStale = false;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** Resolves when this content, or newer one, was written or could not be. */
  async write(statuses: readonly DeviceStatus[], signal: AbortSignal): Promise<void> {
    this.#statuses = statuses;
    this.#isStale = true;
    while (this.#isStale) {
      this.#writing ??= this.#writeNewest(signal).finally(() => {
        this.#writing = undefined;
      });
      await this.#writing;
    }
  }

  async #writeNewest(signal: AbortSignal): Promise<void> {
    const { kube, namespace, writtenBy, logger } = this.#options;
    const ref = { kind: kinds.configMap, namespace, name: statusName };
    this.#isStale = false;
    try {
      const found = await kube.get(ref, { signal });
      if (found !== undefined && !isOurs(found)) {
        logger.warn(`${describeRef(ref)} was not made by the agent and is left alone: there is no status`);
        return;
      }
      const object = renderStatusConfigMap(namespace, this.#statuses, writtenBy);
      await kube.apply(kinds.configMap, object, { force: found !== undefined, signal });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof AgentError)) throw error;
      logger.warn({ code: error.code, reason: error.message }, 'the status cannot be written');
    }
  }
}

function isOurs({ metadata }: KubeObject): boolean {
  return Object.entries(labels).every(([key, value]) => metadata.labels?.[key] === value);
}
