import { stringify } from 'yaml';
import { AgentError } from '../errors.js';
import type { ErrorCode } from '../errors.js';
import { fieldManager } from '../kube/client.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { configMapData } from '../kube/object-data.js';
import { describeRef } from '../kube/object.js';
import type { KubeObject } from '../kube/object.js';
import type { Logger } from '../log.js';
import type { DeviceStatus, Failure, ServiceStatus } from './device-status.js';
import { renderRoot } from '../reconcile/root-rotation/render-root.js';
import type { ConfigMapEvent } from './event-recorder.js';
import { renderRevocation } from '../reconcile/revocation/render-revocation.js';

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

function renderDevice(
  { reconciledAt, syncedAt, failure, roots, revocation, services }: DeviceStatus,
  writtenBy: string,
) {
  const crl = renderRevocation(revocation);
  return {
    writtenBy,
    ...(reconciledAt === undefined ? {} : { reconciledAt: reconciledAt.toISOString() }),
    ...(syncedAt === undefined ? {} : { syncedAt: syncedAt.toISOString() }),
    ...renderFailure(failure),
    ...(roots === undefined ? {} : { roots: roots.map(renderRoot) }),
    ...(crl === undefined ? {} : { revocation: crl }),
    services: Object.fromEntries([...services].map(([name, status]) => [name, renderService(status)])),
  };
}

function renderService(status: ServiceStatus) {
  const { identity, certificate, provenAt, allowlist, calls, refusals, isDenyHeld, policies, lack, failure } =
    status;
  return {
    ...(identity === undefined ? {} : { identity }),
    ...(certificate === undefined
      ? {}
      : { certificate: { sha256: certificate.sha256, notAfter: certificate.notAfter.toISOString() } }),
    ...(provenAt === undefined ? {} : { provenAt: provenAt.toISOString() }),
    ...(allowlist === undefined ? {} : { allowlist }),
    ...(calls === undefined ? {} : { calls: known(calls) }),
    ...(policies === undefined ? {} : { authorizationPolicies: policies }),
    ...(lack === undefined ? {} : { note: lack }),
    refused: refusals.length,
    ...(refusals.length === 0 ? {} : { refusals: refusals.slice(0, mostRefusals) }),
    ...(isDenyHeld ? { denyHeld: true } : {}),
    ...renderFailure(failure),
  };
}

/** What is undefined is left out. */
function known<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function renderFailure(failure: Failure | undefined) {
  return failure === undefined ? {} : { error: { ...failure, since: failure.since.toISOString() } };
}

export interface StatusWriterOptions {
  readonly kube: Pick<KubeClient, 'get' | 'apply'>;
  readonly namespace: string;
  readonly writtenBy: string;
  /** Every device of the config file: keys of others are removed. */
  readonly devices: readonly string[];
  /** Whether the API server is known to be away: then nothing is tried. */
  readonly isAway?: () => boolean;
  readonly logger: Logger;
}

/**
 * Writes the status ConfigMap, by a field manager a device, so that each replica writes the keys of the devices that
 * it leads. One write a device at a time and always its newest content. Never fails a reconcile.
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #newest = new Map<string, DeviceStatus>();
  readonly #writing = new Map<string, Promise<void>>();
  #written: KubeObject | undefined;
  /** Why it could not be written the last time: told once. */
  #problem: ErrorCode | undefined;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** As it was last written; undefined before. */
  get configMap(): ConfigMapEvent['configMap'] | undefined {
    if (this.#written === undefined) return undefined;
    const { uid = '', resourceVersion = '' } = this.#written.metadata;
    const { namespace } = this.#options;
    return { kind: kinds.configMap, namespace, name: statusName, uid, resourceVersion };
  }

  /** Resolves when this content, or newer one, was written or could not be; a later reconcile writes it then. */
  async write(status: DeviceStatus, signal: AbortSignal): Promise<void> {
    const { device } = status;
    if (this.#options.isAway?.() === true) return;
    this.#newest.set(device, status);
    while (this.#newest.has(device)) {
      const writing =
        this.#writing.get(device) ??
        this.#writeNewest(device, signal).finally(() => {
          this.#writing.delete(device);
        });
      this.#writing.set(device, writing);
      await writing;
    }
  }

  async #writeNewest(device: string, signal: AbortSignal): Promise<void> {
    const { kube, namespace, writtenBy, logger } = this.#options;
    const status = this.#newest.get(device);
    this.#newest.delete(device);
    if (status === undefined) return;
    const ref = { kind: kinds.configMap, namespace, name: statusName };
    try {
      const found = await kube.get(ref, { signal });
      if (found !== undefined && !isOurs(found)) {
        logger.warn(`${describeRef(ref)} was not made by the agent and is left alone: there is no status`);
        return;
      }
      const object = renderStatusConfigMap(namespace, [status], writtenBy);
      const options = { force: found !== undefined, signal };
      this.#written = await kube.apply(kinds.configMap, object, { ...options, manager: managerOf(device) });
      await this.#removeOthers(this.#written, signal);
      this.#problem = undefined;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof AgentError)) throw error;
      const { code, message } = error;
      logger[code === this.#problem ? 'debug' : 'warn'](
        { code, reason: message },
        'the status cannot be written',
      );
      this.#problem = code;
    }
  }

  /** A device that is not in the config file any more has no status. */
  async #removeOthers(written: KubeObject, signal: AbortSignal): Promise<void> {
    const { kube, namespace, writtenBy, devices } = this.#options;
    const gone = [...configMapData(written).keys()].filter((device) => !devices.includes(device));
    for (const device of gone) {
      const nothing = renderStatusConfigMap(namespace, [], writtenBy);
      await kube.apply(kinds.configMap, nothing, { manager: managerOf(device), signal });
    }
  }
}

function managerOf(device: string): string {
  return `${fieldManager}/${device}`;
}

function isOurs({ metadata }: KubeObject): boolean {
  return Object.entries(labels).every(([key, value]) => metadata.labels?.[key] === value);
}
