import { renderEndpoint } from '../config/endpoint.js';
import type { CallerCache } from '../proof/caller-cache.js';
import { mintProofCallers } from '../proof/callers.js';
import { furtherChecks } from '../proof/further-checks.js';
import { proveService } from '../proof/proof.js';
import type { Proof, ProofCallers, ProofRequest } from '../proof/proof.js';
import type { Desire, DesirePorts, DesireService } from './desire.js';
import { requireKnownRoots } from './root-rotation/known-roots.js';

/** A BIG-IP spreads connections over its traffic processes (TMMs) by their ports; most have four or eight. */
const lookConnections = 16;

export type GivenCallers = Pick<ProofCallers, 'good' | 'bad'>;

export interface VerifyOptions {
  /** Callers to prove the service with, instead of those that the identity source can make. */
  readonly given?: GivenCallers;
  /** Whether to look at old TLS versions and resumption as well. */
  readonly isThorough?: boolean;
}

/** Calls one service as good and bad callers do. */
export async function verifyService(
  { config, spiffeId, allowlist, trustDomains, pair, isNewPair }: DesireService,
  { trustBundle }: Pick<Desire, 'trustBundle'>,
  {
    identitySource,
    callers: cache,
    clock,
  }: Pick<DesirePorts, 'identitySource' | 'clock'> & {
    /** The callers of earlier proofs; absent: this one makes its own. */
    readonly callers?: CallerCache;
  },
  signal: AbortSignal,
  { given = {}, isThorough = false }: VerifyOptions = {},
): Promise<Proof> {
  const made = await mintProofCallers({
    kept: cache && { cache, trustBundle },
    allowlist,
    trustDomains,
    identity: spiffeId,
    source: identitySource,
    clock,
    signal,
  });
  requireKnownRoots(made, trustBundle, clock.now());
  const callers = withGiven(made, given);
  const request: ProofRequest = {
    ...config.listen,
    host: config.host,
    spiffeId: spiffeId.text,
    fingerprint256: pair.facts['sha256'],
    trustBundle,
    at: clock.now(),
    moreConnections: isNewPair ? lookConnections : 0,
    callers,
    probe: config.probe,
  };
  const proof = await proveService(request);
  return isThorough ? withFurtherChecks(proof, await furtherChecks(request)) : proof;
}

/** Callers that somebody brought take the place of those that were made. */
function withGiven(made: ProofCallers, given: GivenCallers): ProofCallers {
  const unproven = made.unproven?.filter(
    ({ name }) =>
      !(name === 'good caller' && given.good !== undefined) &&
      !(name === 'bad caller' && given.bad !== undefined),
  );
  return { ...made, ...given, ...(unproven === undefined ? {} : { unproven }) };
}

function withFurtherChecks(proof: Proof, { checks, unproven }: Pick<Proof, 'checks' | 'unproven'>): Proof {
  return {
    ...proof,
    passed: proof.passed && checks.every(({ passed }) => passed),
    checks: [...proof.checks, ...checks],
    unproven: [...proof.unproven, ...unproven],
  };
}

/** The first thing that a proof that did not pass has seen, in words. */
export function describeFailure({ checks, servedFingerprint }: Proof): string {
  const failed = checks.find(({ passed }) => !passed);
  if (failed === undefined) {
    return servedFingerprint === undefined
      ? 'no certificate was seen'
      : 'different certificates are served by turns';
  }
  return `${failed.name} (${failed.caller}) should ${failed.expected === 'gets in' ? 'get in' : 'get nothing'}: ${failed.seen}`;
}

/** `service echo on 198.51.100.20:9000` */
export function describeService({ config: { name, listen } }: Pick<DesireService, 'config'>): string {
  return `service ${name} on ${renderEndpoint(listen)}`;
}
