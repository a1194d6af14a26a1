import { createPrivateKey } from 'node:crypto';
import type { KeyObject, X509Certificate } from 'node:crypto';

import type { Clock } from '../clock.js';
import { AgentError } from '../errors.js';
import { parseCertificatesDer } from '../pki/der-certificates.js';
import type { RootSource, TrustBundle } from '../spiffe/trust-bundle.js';
import { assembleSvid } from './assemble-svid.js';
import type { FetchedSvid, IdentitySource, SvidRequest } from './identity-source.js';
import type { MeshRoots } from './mesh-roots.js';
import { repeat } from './repeat.js';
import { svidMissing } from './svid-pem.js';
import { fetchX509Svids } from './workload-api-client.js';
import type { X509Svid } from './workload-api-protocol.js';
import { workloadApiRefusal } from './workload-api-refusal.js';

export interface WorkloadApiSourceOptions {
  /** `unix:///run/spire/agent-sockets/spire-agent.sock` */
  readonly address: string;
  /** Of the mesh; SVIDs and roots of another one do not count. */
  readonly trustDomain: string;
  /** Roots beside those that the API gives. */
  readonly roots: MeshRoots;
  readonly clock: Clock;
  /** Of one try. */
  readonly deadlineMs?: number;
}

const tries = 3;
const firstDelayMs = 1000;
const defaultDeadlineMs = 5000;

/**
 * Takes SVIDs and roots from the SPIFFE Workload API, which SPIRE's agent serves to the processes of its node.
 *
 * The API knows the agent as a process and gives the identities that are registered for it; the one with the service's
 * SPIFFE ID is taken.
 */
export class WorkloadApiSource implements IdentitySource {
  readonly name = 'workload-api';
  readonly canImpersonate = false;
  readonly mintsKeys = false;
  readonly #options: WorkloadApiSourceOptions;

  constructor(options: WorkloadApiSourceOptions) {
    this.#options = options;
  }

  async fetchSvid({ spiffeId }: SvidRequest, signal: AbortSignal): Promise<FetchedSvid> {
    const { address, roots, clock } = this.#options;
    const svids = await this.#fetchState(signal);
    const svid = svids.find(({ spiffe_id: id }) => id === spiffeId.text);
    if (svid === undefined) {
      const others = svids.map(({ spiffe_id: id }) => id).join(', ');
      throw svidMissing(
        `the Workload API at ${address} has no SVID of ${spiffeId.text} for this process${others === '' ? '' : `, only of ${others}`}`,
        'register an entry of this SPIFFE ID in SPIRE whose selectors fit the process of the agent',
      );
    }
    const [leaf, ...others] = this.#certificates(svid.x509_svid, 'x509_svid', svid);
    if (leaf === undefined) throw this.#unreadable('x509_svid', svid, 'it is empty');
    const privateKey = this.#privateKey(svid);
    const trustBundle = await roots.read(signal, [this.#rootsOf(svid)]);
    return assembleSvid(spiffeId, { leaf, others, privateKey, trustBundle }, clock.now());
  }

  async fetchTrustBundle(signal: AbortSignal): Promise<TrustBundle> {
    const { address, trustDomain, roots } = this.#options;
    const svids = await this.#fetchState(signal);
    const own = svids.filter(({ spiffe_id: id }) => id.startsWith(`spiffe://${trustDomain}/`));
    if (own.length === 0) {
      throw svidMissing(
        `the Workload API at ${address} has no SVID of trust domain ${trustDomain} for this process`,
        'compare mesh.trustDomain with that of SPIRE',
      );
    }
    return roots.read(
      signal,
      own.map((svid) => this.#rootsOf(svid)),
    );
  }

  #fetchState(signal: AbortSignal): Promise<readonly X509Svid[]> {
    const { address, clock, deadlineMs = defaultDeadlineMs } = this.#options;
    const call = async (): Promise<readonly X509Svid[]> => {
      const answer = await fetchX509Svids(address, { deadlineMs, signal });
      if (!answer.ok) throw workloadApiRefusal(answer, address);
      return answer.state.svids;
    };
    return repeat(call, {
      tries,
      delayMs: (attempt) => firstDelayMs * 2 ** (attempt - 1),
      isWorthIt: ({ code }) => code === 'MESH_ERR_WORKLOAD_API_UNAVAILABLE',
      clock,
      signal,
    });
  }

  #rootsOf(svid: X509Svid): RootSource {
    return {
      origin: `the Workload API at ${this.#options.address}`,
      certificates: this.#certificates(svid.bundle, 'bundle', svid),
      isPublished: true,
    };
  }

  #certificates(der: Buffer, field: string, svid: X509Svid): X509Certificate[] {
    const parsed = parseCertificatesDer(der);
    if (parsed.ok) return parsed.value;
    throw this.#unreadable(field, svid, parsed.reason);
  }

  #privateKey(svid: X509Svid): KeyObject {
    try {
      return createPrivateKey({ key: svid.x509_svid_key, format: 'der', type: 'pkcs8' });
    } catch {
      throw this.#unreadable('x509_svid_key', svid, 'it is no PKCS#8 key');
    }
  }

  #unreadable(field: string, { spiffe_id: id }: X509Svid, reason: string): AgentError {
    return new AgentError(
      'MESH_ERR_SVID_UNREADABLE',
      `${field} of ${id} from the Workload API at ${this.#options.address} cannot be used: ${reason}`,
      'look into the log of whoever serves the Workload API',
    );
  }
}
