import { setMaxListeners } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

import { systemClock } from '../../clock.js';
import type { Clock } from '../../clock.js';
import { ApiError } from './api-error.js';
import { builtinResources } from './builtin-resources.js';
import { Faults } from './faults.js';
import type { Fault } from './faults.js';
import { renderKubeconfig } from './kubeconfig.js';
import { Registry } from './registry.js';
import { answerRequest } from './request-routing.js';
import type { Resource } from './resource.js';
import { ResourceTable } from './resource-table.js';
import { Store } from './store.js';
import type { JudgedAction } from './rbac.js';
import { Users } from './users.js';

/** All in PEM. */
export interface KubeApiTls {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
  /** The name that the certificate is for, when it is not for 127.0.0.1. */
  readonly serverName: string;
}

export interface KubeApiOptions {
  /** The administrator's bearer token; default: a random one. */
  readonly token?: string;
  /** Without it the server speaks plain HTTP, over which kubectl sends no token. */
  readonly tls?: KubeApiTls;
  readonly clock?: Clock;
  /**
   * The versions in which Istio's kinds are served; default: all. `['v1beta1', 'v1alpha3']` is an Istio before 1.22;
   * an empty list a cluster without Istio.
   */
  readonly istioVersions?: readonly string[];
}

/** One request as it came, without its body and credentials. */
export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly contentType: string;
  readonly userAgent: string;
}

/** A running API server. */
export interface KubeApi {
  readonly url: string;
  /** Every request since the start, the latest 10,000 of them. */
  readonly requests: readonly RecordedRequest[];
  /** What everybody but administrators wanted to do, and whether RBAC let him; the latest 10,000. */
  readonly actions: readonly JudgedAction[];
  /** A kubeconfig for the administrator, or for whoever the token is of. */
  kubeconfig(token?: string): string;
  /** Lets requests fail; the result takes the fault back. */
  inject(fault: Fault): () => void;
  /** Cuts every connection, watches too. */
  dropConnections(): void;
  /** Ends every watch in good order. */
  endWatches(): void;
  /** Forgets the past: watches and pages from older versions are refused with 410. */
  compact(): void;
  close(): Promise<void>;
}

const keptRequests = 10_000;

/**
 * Starts an embedded Kubernetes API server on a free port of 127.0.0.1.
 *
 * It keeps objects of the kinds that the agent meets, with versions, watches, server-side apply, optimistic
 * locking, RBAC and service account tokens as the real one has them. There are no controllers, no admission and
 * no validation of what is in an object beyond its metadata. It speaks JSON and YAML: kubectl from 1.29 works,
 * apart from the commands that send protobuf (`create configmap` and its like, `auth can-i`) or want a schema
 * (`explain`).
 */
export async function startKubeApi(options: KubeApiOptions = {}): Promise<KubeApi> {
  const clock = options.clock ?? systemClock;
  const store = new Store();
  const resources = new ResourceTable(servedResources(options.istioVersions));
  const registry = new Registry(store, resources, clock);
  const users = new Users(clock, options.token);
  const faults = new Faults();
  const requests: RecordedRequest[] = [];
  const actions: JudgedAction[] = [];
  const onAction = (action: JudgedAction): void => {
    actions.push(action);
    if (actions.length > keptRequests) actions.shift();
  };
  let watches = endOfWatches();
  createInitialNamespaces(registry, resources);

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const recorded = record(request, url);
    requests.push(recorded);
    if (requests.length > keptRequests) requests.shift();
    const fault = faults.next(recorded);
    if (fault?.kind === 'disconnect') {
      request.socket.destroy();
      return;
    }
    if (fault?.kind === 'silence') return;
    if (fault !== undefined) {
      answerFault(response, fault.code, fault.retryAfterSeconds);
      return;
    }
    const state = { store, resources, registry, users, clock, onAction, watches: watches.signal };
    void answerRequest({ request, response, url, state });
  };
  const { tls } = options;
  const server =
    tls === undefined
      ? createHttpServer(listener)
      : createHttpsServer({ cert: tls.certificate, key: tls.key }, listener);
  const port = await listen(server);
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  const endWatches = (): void => {
    watches.abort();
    watches = endOfWatches();
  };
  return {
    url,
    requests,
    actions,
    kubeconfig: (token = users.adminToken) => renderKubeconfig({ server: url, token, tls }),
    inject: (fault) => faults.add(fault),
    dropConnections: () => server.closeAllConnections(),
    endWatches,
    compact: () => store.compact(),
    close: () => {
      endWatches();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

function servedResources(istioVersions: readonly string[] | undefined): readonly Resource[] {
  if (istioVersions === undefined) return builtinResources;
  return builtinResources
    .map((resource) => {
      if (!resource.group.endsWith('.istio.io')) return resource;
      return {
        ...resource,
        versions: resource.versions.filter((version) => istioVersions.includes(version)),
      };
    })
    .filter(({ versions }) => versions.length > 0);
}

/** Every watch that is open listens to it. */
function endOfWatches(): AbortController {
  const end = new AbortController();
  setMaxListeners(0, end.signal);
  return end;
}

function record(request: IncomingMessage, url: URL): RecordedRequest {
  return {
    method: request.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    contentType: request.headers['content-type'] ?? '',
    userAgent: request.headers['user-agent'] ?? '',
  };
}

function answerFault(response: ServerResponse, code: number, retryAfterSeconds: number | undefined): void {
  const reason = code === 429 ? 'TooManyRequests' : 'InternalError';
  const status = new ApiError(code, reason, 'the server is made to fail').status();
  response.writeHead(code, {
    'content-type': 'application/json',
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  });
  response.end(JSON.stringify(status));
}

function createInitialNamespaces(registry: Registry, resources: ResourceTable): void {
  const resource = resources.find('', 'v1', 'namespaces');
  if (resource === undefined) return;
  for (const name of ['default', 'kube-node-lease', 'kube-public', 'kube-system']) {
    registry.create(
      {
        resource,
        version: 'v1',
        namespace: '',
        name,
        subresource: undefined,
        fieldManager: 'kube-apiserver',
        dryRun: false,
      },
      { metadata: { name } },
    );
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
