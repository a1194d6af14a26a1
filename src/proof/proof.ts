import type { Svid } from '../spiffe/svid.js';
import { readSvidClaims } from '../spiffe/svid-claims.js';
import type { TrustBundle } from '../spiffe/trust-bundle.js';
import { createHash, X509Certificate } from 'node:crypto';
import { findChain } from '../pki/chain.js';
import { callerContext, callWithPlainTcp, callWithTls } from './call.js';
import type { Caller, CallOutcome, CallRequest } from './call.js';

/** One thing that was tried on the wire. */
export interface ProofCheck {
  readonly name:
    | 'good caller'
    | 'bad caller'
    | 'no certificate'
    | 'another CA'
    | 'plain TCP'
    | 'old TLS version'
    | 'resumed session';
  /** Who called, or how. */
  readonly caller: string;
  readonly expected: 'gets in' | 'gets nothing' | 'starts anew';
  readonly seen: string;
  readonly passed: boolean;
}

/** A check that was not made, because there was nobody to make it with. */
export interface Unproven {
  readonly name: 'good caller' | 'bad caller' | 'old TLS version' | 'resumed session';
  readonly reason: string;
}

/** What a mesh service was seen to do. */
export interface Proof {
  readonly passed: boolean;
  /** The certificate that was really served: SHA-256 of its DER, lower-case hex; absent when none was seen. */
  readonly servedFingerprint: string | undefined;
  /** The connections in which a certificate was seen. */
  readonly connections: number;
  /** What TLS versions were agreed on, such as `TLSv1.2`. */
  readonly protocols: readonly string[];
  readonly checks: readonly ProofCheck[];
  /** What this proof does not show. */
  readonly unproven: readonly Unproven[];
}

/** Who calls, to prove a service. A caller that cannot be had is left out, and so is its check. */
export interface ProofCallers {
  /** On the allowlist. */
  readonly good?: Svid | undefined;
  /** Valid, under the mesh's roots, and not on the allowlist. */
  readonly bad?: Svid | undefined;
  /** Of a good caller's name, under a root that is not the mesh's. */
  readonly foreign?: Svid | undefined;
  /** Why callers were left out. */
  readonly unproven?: readonly Unproven[];
}

export interface ProofRequest {
  readonly address: string;
  readonly port: number;
  /** `bigip.default.svc.cluster.local` */
  readonly host: string;
  /** The SPIFFE ID that the device must show. */
  readonly spiffeId: string;
  /** The certificate that must be served, if one in particular: SHA-256 of its DER, lower-case hex. */
  readonly fingerprint256: string | undefined;
  readonly trustBundle: TrustBundle;
  /** The time at which the served chain has to be valid. */
  readonly at: Date;
  /**
   * How many connections more, without a client certificate, look at the served one: a device with several traffic processes, or units,
   * serves by turns, and one of them may be left behind. Default: none.
   */
  readonly moreConnections?: number | undefined;
  readonly callers: ProofCallers;
  readonly probe: { readonly send: string; readonly expect: string } | undefined;
  readonly timing?: ProofTiming;
}

/** How long a proof waits, in milliseconds. */
export interface ProofTiming {
  /** For a whole call over TLS. */
  readonly deadlineMs: number;
  /** For an answer in plain TCP, which should never come. */
  readonly plainDeadlineMs: number;
  /** Without a probe: how long a connection must stay open to count as admitted. */
  readonly settleMs: number;
}

/** Long enough for a TLS handshake over a slow line, short enough to wait for. */
const defaultTiming: ProofTiming = { deadlineMs: 5000, plainDeadlineMs: 1500, settleMs: 300 };

/**
 * Proves a mesh service by calling it as good and bad callers do.
 *
 * A bad caller counts as kept out only when the device was there and refused: a device that cannot be reached, or
 * that shows another certificate than the expected one, proves nothing and fails every check.
 */
export async function proveService(request: ProofRequest): Promise<Proof> {
  const { good, bad, foreign } = request.callers;
  const { moreConnections = 0, timing = defaultTiming } = request;
  const { deadlineMs, plainDeadlineMs, settleMs } = timing;
  const served: string[] = [];
  const protocols = new Set<string>();
  const base: CallRequest = {
    address: request.address,
    port: request.port,
    serverName: `outbound_.${request.port}_._.${request.host}`,
    trustBundlePem: request.trustBundle.toPem(),
    probe: request.probe,
    checkServer: onceEach((leaf, others) => wrongServer(leaf, others, request)),
    deadlineMs,
    settleMs,
  };
  const nobody = callerContext(base);
  const tls = async (caller?: Svid): Promise<CallOutcome> => {
    const outcome = await callWithTls({
      ...base,
      ...(caller === undefined ? { secureContext: nobody } : { caller: asCaller(caller) }),
    });
    if (outcome.serverLeaf !== undefined) served.push(fingerprint(outcome.serverLeaf));
    if (outcome.protocol !== undefined) protocols.add(outcome.protocol);
    return outcome;
  };

  const checks: ProofCheck[] = [];
  if (good !== undefined) checks.push(admitted('good caller', good.spiffeId.text, await tls(good)));
  if (bad !== undefined) checks.push(keptOut('bad caller', bad.spiffeId.text, await tls(bad)));
  const bare = await tls();
  const others = await Promise.all(Array.from({ length: moreConnections }, () => tls()));
  const told = others.find(({ result }) => result !== 'refused') ?? bare;
  checks.push(
    keptOut('no certificate', 'TLS without a client certificate', bare.result === 'refused' ? told : bare),
  );
  if (foreign !== undefined) {
    checks.push(keptOut('another CA', `${foreign.spiffeId.text}, signed by another CA`, await tls(foreign)));
  }
  checks.push(plainKeptOut(await callWithPlainTcp({ ...base, deadlineMs: plainDeadlineMs })));

  const [servedFingerprint] = served;
  return {
    passed: new Set(served).size === 1 && checks.every(({ passed }) => passed),
    servedFingerprint,
    connections: served.length,
    protocols: [...protocols].toSorted(),
    checks,
    unproven: request.callers.unproven ?? [],
  };
}

function admitted(name: ProofCheck['name'], caller: string, outcome: CallOutcome): ProofCheck {
  const passed = outcome.result === 'answered' || outcome.result === 'admitted';
  return { name, caller, expected: 'gets in', seen: outcome.detail, passed };
}

function keptOut(name: ProofCheck['name'], caller: string, outcome: CallOutcome): ProofCheck {
  return {
    name,
    caller,
    expected: 'gets nothing',
    seen: outcome.detail,
    passed: outcome.result === 'refused',
  };
}

function plainKeptOut(outcome: CallOutcome): ProofCheck {
  const passed =
    outcome.result === 'refused' || (outcome.result === 'silent' && !outcome.detail.startsWith('read'));
  return {
    name: 'plain TCP',
    caller: 'no TLS at all',
    expected: 'gets nothing',
    seen: outcome.detail,
    passed,
  };
}

function wrongServer(
  leaf: Buffer,
  others: readonly Buffer[] | undefined,
  { spiffeId, fingerprint256, trustBundle, at }: ProofRequest,
): string | undefined {
  const claims = readSvidClaims(leaf, { keyUsageMayBeAbsent: true });
  if (!claims.ok) return `the served certificate is no SVID (${claims.reason})`;
  const shown = claims.spiffeId.text;
  if (shown !== spiffeId) return `the served certificate is of ${shown}, not of ${spiffeId}`;
  if (fingerprint256 !== undefined && fingerprint(leaf) !== fingerprint256) {
    return `another certificate of ${spiffeId} is served (SHA-256 ${fingerprint(leaf).slice(0, 12)}) than was installed`;
  }
  if (others === undefined) return undefined;
  const chain = parseCertificates([leaf, ...others]);
  if (chain === undefined) return 'the served chain holds something that is no certificate';
  const [first, ...intermediates] = chain;
  const found = findChain(first, { intermediates, roots: trustBundle.certificates, at });
  return found.ok ? undefined : `the served chain does not lead to a root of the mesh: ${found.reason}`;
}

/**
 * Every connection of a proof shows the same certificates, as a rule, and looking at a chain takes longer than the
 * handshake.
 */
function onceEach(check: CallRequest['checkServer']): CallRequest['checkServer'] {
  const known = new Map<string, string | undefined>();
  return (leaf, others) => {
    const seen = [leaf, ...(others ?? [])].map(fingerprint);
    const key = others === undefined ? `${seen.join(' ')} alone` : seen.join(' ');
    if (!known.has(key)) known.set(key, check(leaf, others));
    return known.get(key);
  };
}

function parseCertificates([leaf, ...others]: readonly [Buffer, ...Buffer[]]):
  readonly [X509Certificate, ...X509Certificate[]] | undefined {
  try {
    return [new X509Certificate(leaf), ...others.map((der) => new X509Certificate(der))];
  } catch {
    return undefined;
  }
}

function asCaller(svid: Svid): Caller {
  return { certificatePem: svid.renderLeafPem() + svid.renderChainPem(), keyPem: svid.renderKeyPem() };
}

function fingerprint(der: Buffer): string {
  return createHash('sha256').update(der).digest('hex');
}
