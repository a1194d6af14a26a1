import { decide } from '../allowlist/decide.js';
import type { Allowlist } from '../allowlist/allowlist.js';
import type { IdentitySource } from '../identity/identity-source.js';
import { fetchVerifiedSvid } from '../identity/verify-svid.js';
import { issueCertificate } from '../pki/issue-certificate.js';
import { generateKeyPair } from '../pki/key-pair.js';
import { parseSpiffeId } from '../spiffe/spiffe-id.js';
import type { SpiffeId } from '../spiffe/spiffe-id.js';
import { Svid } from '../spiffe/svid.js';
import type { Clock } from '../clock.js';
import { AgentError } from '../errors.js';
import type { TrustBundle } from '../spiffe/trust-bundle.js';
import type { CallerCache } from './caller-cache.js';
import type { ProofCallers, Unproven } from './proof.js';

/** The service account that stands for a caller whom nobody allowed. */
const stranger = 'bigip-mesh-probe';
const callerTtlMs = 10 * 60_000;
/** For callers that are to be used again. */
const keptCallerTtlMs = 60 * 60_000;

export interface CallerRequest {
  readonly allowlist: Allowlist;
  readonly trustDomains: readonly string[];
  /** The service's own identity: the stranger is of its trust domain and namespace. */
  readonly identity: SpiffeId;
  readonly source: IdentitySource;
  readonly clock: Clock;
  /** Where callers are kept for later proofs, and the roots that these need. Absent: each is made anew. */
  readonly kept?: { readonly cache: CallerCache; readonly trustBundle: TrustBundle } | undefined;
  readonly signal: AbortSignal;
}

/**
 * Makes the callers of a proof, each with a key of its own and valid for ten minutes, or for an hour where it is kept.
 *
 * A source that signs for others gives a good and a bad caller of the mesh. One that does not still gives the service's
 * own identity, which is a caller like any other: good or bad, as the allowlist says. In audit mode nobody of the mesh
 * is kept out, and so there is no bad caller.
 */
export async function mintProofCallers(request: CallerRequest): Promise<ProofCallers> {
  const { allowlist, source, clock } = request;
  const good = goodCaller(request);
  const foreign = await mintForeign(good ?? request.identity, clock.now());
  if (!source.canImpersonate) return { ...(await ownCaller(request)), foreign };
  const bad = allowlist.mode === 'audit' ? undefined : badCaller(request);
  return {
    good: good === undefined ? undefined : await fetch(request, good),
    bad: bad === undefined ? undefined : await fetch(request, bad),
    foreign,
    unproven: [
      ...(good === undefined ? [unproven('good caller', 'the allowlist admits nobody')] : []),
      ...(bad === undefined ? [unproven('bad caller', whyNoBadCaller(request))] : []),
    ],
  };
}

async function ownCaller(request: CallerRequest): Promise<ProofCallers> {
  const { allowlist, trustDomains, identity, source, signal } = request;
  const isGood = decide(allowlist, trustDomains, identity).decision === 'allow';
  const alone = `source ${source.name} gives certificates of ${identity.text} alone`;
  const goodMissing = unproven('good caller', `${alone}, which the allowlist does not admit`);
  const badMissing = unproven(
    'bad caller',
    allowlist.mode === 'audit' ? whyNoBadCaller(request) : `${alone}, which the allowlist admits`,
  );
  if (!isGood && allowlist.mode === 'audit') return { unproven: [goodMissing, badMissing] };
  try {
    const own = await fetch(request, identity);
    return isGood ? { good: own, unproven: [badMissing] } : { bad: own, unproven: [goodMissing] };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AgentError)) throw error;
    // A CA that is away says nothing against the device; the other checks count all the same.
    const missing = unproven(
      isGood ? 'good caller' : 'bad caller',
      `there is no certificate: ${error.message}`,
    );
    return { unproven: isGood ? [missing, badMissing] : [goodMissing, missing] };
  }
}

function whyNoBadCaller({ allowlist }: CallerRequest): string {
  return allowlist.mode === 'audit'
    ? 'in audit mode nobody of the mesh is kept out'
    : 'the allowlist admits everybody of the mesh';
}

function unproven(name: Unproven['name'], reason: string): Unproven {
  return { name, reason };
}

/** An ID that the allowlist admits: an entry itself, or one that a pattern covers. */
export function goodCaller({
  allowlist,
  trustDomains,
}: Pick<CallerRequest, 'allowlist' | 'trustDomains'>): SpiffeId | undefined {
  for (const { text } of allowlist.allow) {
    const candidate = parseSpiffeId(
      text.replace(/\/ns\/\*$/, `/ns/${stranger}/sa/*`).replace(/\*$/, stranger),
    );
    if (candidate.ok && decide(allowlist, trustDomains, candidate.value).decision === 'allow')
      return candidate.value;
  }
  return undefined;
}

/** A valid ID of the mesh that the allowlist does not admit. */
export function badCaller({
  allowlist,
  trustDomains,
  identity,
}: Pick<CallerRequest, 'allowlist' | 'trustDomains' | 'identity'>): SpiffeId | undefined {
  for (const namespace of [identity.namespace ?? 'default', stranger]) {
    const candidate = parseSpiffeId(`spiffe://${identity.trustDomain}/ns/${namespace}/sa/${stranger}`);
    if (candidate.ok && decide(allowlist, trustDomains, candidate.value).decision === 'reject')
      return candidate.value;
  }
  return undefined;
}

async function fetch({ source, clock, kept, signal }: CallerRequest, spiffeId: SpiffeId): Promise<Svid> {
  const mint = async (ttlMs: number): Promise<Svid> => {
    const request = { spiffeId, ttlMs, keyType: 'ec-p256' } as const;
    const { svid } = await fetchVerifiedSvid(source, request, () => clock.now(), signal);
    return svid;
  };
  if (kept === undefined) return mint(callerTtlMs);
  return kept.cache.get(spiffeId, kept.trustBundle, () => mint(keptCallerTtlMs));
}

/** The name of somebody who may come in, under a root that lives only for this proof. */
async function mintForeign(spiffeId: SpiffeId, now: Date): Promise<Svid> {
  const root = await generateKeyPair('ec-p256');
  const leafKey = await generateKeyPair('ec-p256');
  const notBefore = new Date(now.getTime() - 60_000);
  const notAfter = new Date(now.getTime() + callerTtlMs);
  const rootCertificate = issueCertificate(
    {
      subject: [{ type: 'organization', value: 'not the mesh' }],
      publicKey: root.publicKey,
      notBefore,
      notAfter,
      keyUsages: ['keyCertSign'],
      basicConstraints: { ca: true },
      hasSubjectKeyIdentifier: true,
    },
    { privateKey: root.privateKey },
  );
  const leaf = issueCertificate(
    {
      subject: [],
      publicKey: leafKey.publicKey,
      notBefore,
      notAfter,
      keyUsages: ['digitalSignature', 'keyEncipherment'],
      extendedKeyUsages: ['serverAuth', 'clientAuth'],
      basicConstraints: { ca: false },
      subjectAltNames: { isCritical: true, names: [{ type: 'uri', value: spiffeId.text }] },
    },
    { certificate: rootCertificate, privateKey: root.privateKey },
  );
  return new Svid({ spiffeId, leaf, chain: [], privateKey: leafKey.privateKey });
}
