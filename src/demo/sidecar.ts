import { once } from 'node:events';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { AgentError } from '../errors.js';
import type { KubeClient } from '../kube/client.js';
import { kinds } from '../kube/kinds.js';
import { callWithPlainTcp, callWithTls } from '../proof/call.js';
import type { CallOutcome, CallRequest } from '../proof/call.js';
import { readSvidClaims } from '../spiffe/svid-claims.js';
import { certificateFingerprint } from '../spiffe/svid.js';
import type { Svid } from '../spiffe/svid.js';

/** Where a mesh service is and who it must be, as the registration says. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly spiffeId: string;
}

const probe = { send: 'hi\n', expect: 'HI' };

/**
 * A workload's sidecar, as far as the scenario needs one: it knows a mesh service by its host name only, finds address
 * and identity in the Kubernetes API as istiod does, originates mutual TLS and demands the registered SPIFFE ID.
 */
export class Sidecar {
  readonly #kube: KubeClient;
  readonly #host: string;
  readonly #trustBundlePem: string;

  constructor(options: {
    readonly kube: KubeClient;
    readonly host: string;
    readonly trustBundlePem: string;
  }) {
    this.#kube = options.kube;
    this.#host = options.host;
    this.#trustBundlePem = options.trustBundlePem;
  }

  /** Resolves the host: the Service's selector picks WorkloadEntries; only healthy ones take calls. */
  async resolve(trustDomain: string, signal: AbortSignal): Promise<Endpoint> {
    const [name = '', namespace = ''] = this.#host.split('.');
    const service = await this.#kube.get({ kind: kinds.service, namespace, name }, { signal });
    const spec = service?.['spec'] as ServiceSpec | undefined;
    const entries = await this.#kube.list(kinds.workloadEntry, { namespace }, { signal });
    for (const entry of entries.items) {
      const { address, labels, serviceAccount } = entry['spec'] as WorkloadEntrySpec;
      const { conditions } = (entry['status'] ?? {}) as WorkloadEntryStatus;
      const isSelected = Object.entries(spec?.selector ?? { '': '' }).every(
        ([label, value]) => ({ ...labels, ...entry.metadata.labels })[label] === value,
      );
      const isHealthy =
        conditions?.some(({ type, status }) => type === 'Healthy' && status === 'True') === true;
      if (!isSelected || !isHealthy || serviceAccount === undefined) continue;
      const port = spec?.ports[0]?.targetPort ?? spec?.ports[0]?.port ?? 0;
      return { address, port, spiffeId: `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}` };
    }
    throw new AgentError(
      'MESH_ERR_DEMO_FAILED',
      `${this.#host} has no healthy endpoint`,
      'look at the WorkloadEntry',
    );
  }

  /** Says `hi` as this caller; without one, as a TLS client that has no certificate. */
  call(endpoint: Endpoint, caller?: Svid): Promise<CallOutcome> {
    const identity =
      caller === undefined
        ? {}
        : {
            caller: {
              certificatePem: caller.renderLeafPem() + caller.renderChainPem(),
              keyPem: caller.renderKeyPem(),
            },
          };
    return callWithTls({ ...this.#request(endpoint), ...identity });
  }

  /** Goes past the sidecar: plain TCP to the device. */
  callInPlainTcp(endpoint: Endpoint): Promise<CallOutcome> {
    return callWithPlainTcp({ ...this.#request(endpoint), deadlineMs: 1000 });
  }

  /** Opens a connection that stays. */
  async open(endpoint: Endpoint, caller: Svid): Promise<OpenConnection> {
    const request = this.#request(endpoint);
    const socket = connect({
      host: endpoint.address,
      port: endpoint.port,
      ca: request.trustBundlePem,
      cert: caller.renderLeafPem() + caller.renderChainPem(),
      key: caller.renderKeyPem().reveal(),
      servername: request.serverName,
      ALPNProtocols: ['istio-peer-exchange', 'istio'],
      checkServerIdentity: (_host, { raw }) => {
        const refusal = request.checkServer(raw);
        return refusal === undefined ? undefined : new Error(refusal);
      },
    });
    await once(socket, 'secureConnect');
    return new OpenConnection(socket);
  }

  #request(endpoint: Endpoint): CallRequest {
    return {
      address: endpoint.address,
      port: endpoint.port,
      serverName: `outbound_.${endpoint.port}_._.${this.#host}`,
      trustBundlePem: this.#trustBundlePem,
      probe,
      deadlineMs: 5000,
      settleMs: 0,
      checkServer: (leaf) => {
        const claims = readSvidClaims(leaf);
        if (!claims.ok) return `the server's certificate is no SVID (${claims.reason})`;
        const shown = claims.spiffeId.text;
        return shown === endpoint.spiffeId ? undefined : `the server is ${shown}, not ${endpoint.spiffeId}`;
      },
    };
  }
}

/** A connection that was admitted and stays open. */
export class OpenConnection {
  readonly #socket: TLSSocket;
  readonly serverFingerprint256: string;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    const leaf = socket.getPeerX509Certificate();
    this.serverFingerprint256 = leaf === undefined ? '' : certificateFingerprint(leaf);
  }

  /** @returns what came back, or undefined if the connection is gone */
  async say(text: string): Promise<string | undefined> {
    if (this.#socket.destroyed) return undefined;
    this.#socket.write(text);
    try {
      const [answer] = (await once(this.#socket, 'data', { signal: AbortSignal.timeout(5000) })) as [Buffer];
      return answer.toString('utf8');
    } catch {
      return undefined;
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

interface ServiceSpec {
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports: ReadonlyArray<{ readonly port: number; readonly targetPort?: number }>;
}

interface WorkloadEntrySpec {
  readonly address: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly serviceAccount?: string;
}

interface WorkloadEntryStatus {
  readonly conditions?: ReadonlyArray<{ readonly type: string; readonly status: string }>;
}
