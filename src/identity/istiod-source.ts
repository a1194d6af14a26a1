import type { Clock } from '../clock.js';
import { AgentError } from '../errors.js';
import { createCsr } from '../pki/csr.js';
import { generateKeyPair } from '../pki/key-pair.js';
import { TrustBundle } from '../spiffe/trust-bundle.js';
import { assembleSvid } from './assemble-svid.js';
import type { SvidParts } from './assemble-svid.js';
import { caRefusal } from './ca-refusal.js';
import type { ReadCaToken, ServiceAccountName } from './ca-token.js';
import { parseCertificateAnswer } from './certificate-answer.js';
import type { FetchedSvid, IdentitySource, SvidRequest } from './identity-source.js';
import { requestCertificate } from './istio-ca-client.js';
import type { CertificateCall, MeshCaEndpoint } from './istio-ca-client.js';
import { trustBundleOf } from './mesh-roots.js';
import type { MeshRoots } from './mesh-roots.js';
import { repeat } from './repeat.js';
import { readTokenClaims } from './token-claims.js';

export interface IstiodSourceOptions {
  readonly endpoint: MeshCaEndpoint;
  readonly roots: MeshRoots;
  readonly readToken: ReadCaToken;
  /** That the CA accepts tokens for; `istio-ca` unless istiod's TOKEN_AUDIENCES says otherwise. */
  readonly audience: string;
  readonly clock: Clock;
  /** Of one try. */
  readonly deadlineMs?: number;
}

/** As Istio's own agent tries (istio/istio:pkg/security/retry.go): five times, from 100 ms, doubled, jitter 0.1. */
const tries = 5;
const firstDelayMs = 100;
const jitter = 0.1;
const defaultDeadlineMs = 10_000;

/**
 * Lets the mesh CA sign, as sidecars do: istiod, or istio-csr, which speaks the same protocol.
 *
 * The agent shows a token of the service's own service account, and the CA writes that account's SPIFFE ID into the
 * certificate whatever is asked for. Roots, token and connection are taken anew for each try: what was stale in one
 * of them is what a try fails of.
 */
export class IstiodSource implements IdentitySource {
  readonly name = 'istiod';
  readonly canImpersonate = false;
  readonly mintsKeys = true;
  readonly #options: IstiodSourceOptions;

  constructor(options: IstiodSourceOptions) {
    this.#options = options;
  }

  async fetchSvid(request: SvidRequest, signal: AbortSignal): Promise<FetchedSvid> {
    const { clock } = this.#options;
    const account = serviceAccountOf(request);
    const keyPair = await generateKeyPair(request.keyType);
    const order = { csr: createCsr(request.spiffeId, keyPair), ttlMs: request.ttlMs };
    const issued = await repeat(() => this.#issue(order, account, signal), {
      tries,
      delayMs: (attempt) => firstDelayMs * 2 ** (attempt - 1) * (1 + jitter * (2 * Math.random() - 1)),
      isWorthIt: ({ code }) => code === 'MESH_ERR_CA_UNAVAILABLE',
      clock,
      signal,
    });
    const { answered, ...parts } = issued;
    const svid = assembleSvid(request.spiffeId, { ...parts, privateKey: keyPair.privateKey }, clock.now());
    return { ...svid, answered };
  }

  fetchTrustBundle(signal: AbortSignal): Promise<TrustBundle> {
    return this.#options.roots.read(signal);
  }

  /** One try. */
  async #issue(
    order: Pick<CertificateCall, 'csr' | 'ttlMs'>,
    account: ServiceAccountName,
    signal: AbortSignal,
  ): Promise<Omit<SvidParts, 'privateKey'> & Required<Pick<FetchedSvid, 'answered'>>> {
    const { endpoint, roots, audience, clock, deadlineMs = defaultDeadlineMs } = this.#options;
    const token = await this.#options.readToken(account, signal);
    expectOwnToken(token.origin, readTokenClaims(token.token)?.serviceAccount, account);
    const sources = await roots.readSources(signal);
    const rootsPem = trustBundleOf(sources).toPem();
    const call = { ...order, token: token.token, rootsPem, deadlineMs, signal };
    const answer = await requestCertificate(endpoint, call);
    if (!answer.ok) throw caRefusal(answer, { endpoint, account, token, audience, now: clock.now() });
    const issued = parseCertificateAnswer(answer.certChain);
    if (!issued.ok) {
      throw new AgentError(
        'MESH_ERR_CA_ANSWER',
        `the answer of the mesh CA at ${endpoint.address} cannot be used: ${issued.reason}`,
        'check that this address is the CA of the mesh, and look into its log',
      );
    }
    const { leaf, others, anchors } = issued.value;
    const origin = `the answer of the mesh CA at ${endpoint.address}`;
    const named = { origin, certificates: anchors };
    return {
      leaf,
      others: [...others, ...anchors],
      trustBundle: trustBundleOf([...sources, named]),
      answered: TrustBundle.of([named]),
    };
  }
}

function serviceAccountOf({ spiffeId }: SvidRequest): ServiceAccountName {
  const { namespace, serviceAccount } = spiffeId;
  if (namespace !== undefined && serviceAccount !== undefined) return { namespace, name: serviceAccount };
  throw new AgentError(
    'MESH_ERR_CONFIG_INVALID',
    `${spiffeId.text} is not of the form spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT, which the mesh CA signs alone`,
    'use another identity source for it',
  );
}

/** The CA would sign for the token's account: better nothing is signed at all. */
function expectOwnToken(
  origin: string,
  holder: ServiceAccountName | undefined,
  account: ServiceAccountName,
): void {
  if (holder === undefined) return;
  if (holder.namespace === account.namespace && holder.name === account.name) return;
  throw new AgentError(
    'MESH_ERR_CA_TOKEN_REFUSED',
    `${origin} is of service account ${holder.namespace}/${holder.name}, not of ${account.namespace}/${account.name}`,
    'leave identity.istiod.tokenFile out, so that the agent asks for a token of the right account, or run it as that account',
  );
}
