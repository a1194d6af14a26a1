import type { Clock } from '../../clock.js';
import type { AgentConfig, DeviceConfig } from '../../config/schema.js';
import { AgentError } from '../../errors.js';
import type { IdentitySource } from '../../identity/identity-source.js';
import type { PublishedRevocationLists } from '../../mesh/revocation-lists.js';
import type { TrustBundle } from '../../spiffe/trust-bundle.js';
import type { DesireService } from '../desire.js';
import type { ObservedDevice } from '../observed.js';
import type { RevocationMemory } from './revocation-memory.js';
import { planRevocation } from './plan-revocation.js';
import type { RevocationInput, RevocationPlan } from './plan-revocation.js';
import { installedRevocation } from './revocation-file.js';

/** What the mesh publishes of revoked certificates; undefined only when that is nothing for certain. */
export type ReadRevocationLists = (signal: AbortSignal) => Promise<PublishedRevocationLists | undefined>;

interface RevocationPlace {
  readonly config: AgentConfig;
  readonly deviceConfig: Pick<DeviceConfig, 'partition'>;
  readonly observed: ObservedDevice;
  readonly trustBundle: TrustBundle;
  /** Those that are as they should be. */
  readonly services: readonly Pick<DesireService, 'spiffeId' | 'pair'>[];
}

interface RevocationPorts {
  readonly readRevocationLists: ReadRevocationLists;
  readonly revocationMemory: RevocationMemory;
  readonly identitySource: IdentitySource;
  readonly clock: Clock;
}

/**
 * Works out which CRLs a device should have.
 *
 * For a list of a CA that nobody has heard of, a certificate is asked for, once a text: what comes with it tells the
 * intermediates of the mesh. Nothing here stops a reconcile.
 */
export async function desireRevocation(
  { config, deviceConfig, observed, trustBundle, services }: RevocationPlace,
  { readRevocationLists, revocationMemory: memory, identitySource, clock }: RevocationPorts,
  signal: AbortSignal,
): Promise<RevocationPlan> {
  const published = await readRevocationLists(signal).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof AgentError) return unknown(error);
    throw error;
  });
  const roots = trustBundle.certificates;
  const ownRoots = services.flatMap(
    ({ pair }) => trustBundle.find(pair.facts['root'] ?? '')?.certificate ?? [],
  );
  const ownIntermediates = (): RevocationInput['ownIntermediates'] => {
    // Without a service nobody knows what CAs theirs would be under.
    if (services.length === 0) return undefined;
    return services.some(({ pair }) => pair.chain !== undefined) ? memory.latest : [];
  };
  const plan = (): RevocationPlan =>
    planRevocation({
      published,
      parse: (pem) => memory.parse(pem),
      installed: installedRevocation(observed, deviceConfig.partition),
      roots,
      intermediates: memory.all,
      ownIntermediates: ownIntermediates(),
      ownRoots: [...new Set(ownRoots)],
      epoch: observed.epoch + 1,
      now: clock.now(),
    });
  const planned = plan();
  const [service] = services;
  if (!planned.isIssuerUnknown || service === undefined || published === undefined) return planned;
  if (published instanceof AgentError || !memory.mayAskFor(published.pem)) return planned;
  try {
    const { ttl: ttlMs, keyType } = config.identity;
    await identitySource.fetchSvid({ spiffeId: service.spiffeId, ttlMs, keyType }, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AgentError)) throw error;
    memory.askAgain();
    return planned;
  }
  return plan();
}

function unknown({ message, nextStep }: AgentError): AgentError {
  return new AgentError(
    'MESH_ERR_CRL_UNKNOWN',
    `the CRLs of the mesh cannot be read: ${message}`,
    `what was in force stays; ${nextStep}`,
  );
}
