import { once } from 'node:events';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { KubeClient } from '../kube/client.js';
import { callWithPlainTcp, callWithTls } from '../proof/call.js';
import type { CallOutcome, CallRequest } from '../proof/call.js';
import { readSvidClaims } from '../spiffe/svid-claims.js';
import { certificateFingerprint } from '../spiffe/svid.js';
import type { Svid } from '../spiffe/svid.js';
import { resolveEndpoint } from './resolve-endpoint.js';
import type { Endpoint } from './resolve-endpoint.js';

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

  /** Finds the host as istiod would tell it; see `resolveEndpoint`. */
  resolve(trustDomain: string, signal: AbortSignal): Promise<Endpoint> {
    return resolveEndpoint(this.#kube, this.#host, trustDomain, signal);
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
        return endpoint.spiffeIds.includes(shown)
          ? undefined
          : `the server is ${shown}, not ${endpoint.spiffeIds.join(' or ')}`;
      },
    };
  }
}

/** A connection that was admitted and stays open. */
class OpenConnection {
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
