import { AgentError } from '../errors.js';
import type { DeviceError } from '../icontrol/errors.js';
import type { Proof } from '../proof/proof.js';
import type { Desire, DesireService } from './desire.js';
import { rollBack } from './roll-back.js';
import type { RollBack, RollBackOptions } from './roll-back.js';
import { nextTry, rotationFailure } from './rotation-failure.js';
import type { ReconcilePorts, Registrar } from './run-once.js';
import { AtMost, inTurn, sideBySide } from './side-by-side.js';
import { describeFailure, describeService, verifyService } from './verify-service.js';

interface ProveOptions extends Omit<RollBackOptions, 'verify' | 'now'> {
  /** Services that are not proven here: the device does not have them as they should be, or nothing calls for it. */
  readonly left: ReadonlySet<string>;
}

/** What a device was seen to do, service by service. */
export interface Proven {
  /** As they are on the device now: with the pair of before where it was rolled back to. */
  readonly services: readonly DesireService[];
  /** The last one of each service. */
  readonly proofs: ReadonlyMap<string, Proof>;
  readonly rollBacks: ReadonlyMap<string, RollBack>;
  readonly failures: readonly ServiceFailure[];
  readonly notSynchronised?: DeviceError | undefined;
}

interface ServiceFailure {
  readonly service: string;
  readonly error: AgentError;
}

/** What became of one service. */
interface Outcome {
  readonly service: DesireService;
  readonly proof?: Proof;
  readonly rolledBack?: RollBack;
  readonly errors: readonly AgentError[];
}

/**
 * How many services of one device are proven, or registered, at once: a proof mostly waits, and a device with hundreds
 * of services would wait for the sum. Its proof opens up to twenty connections, which eight times is little for a
 * device.
 */
export const servicesAtOnce = 8;

/**
 * Proves every service on the wire, a few at once. One whose new certificate does not pass goes back to the one of
 * before, one after the other, because each changes the device from the state that the last one left; one that does not
 * pass at all is taken out of the callers' sight.
 *
 * @returns everything in the order of the services, whichever was proven first
 * @throws only when the signal aborts, and what is no AgentError: one service that is wrong does not stop the others
 */
export async function proveServices(
  desire: Desire,
  ports: ReconcilePorts,
  { left, ...options }: ProveOptions,
): Promise<Proven> {
  const { clock, onStep, registrar, proofsAtOnce = new AtMost(servicesAtOnce) } = ports;
  const { signal } = options;
  const oneAfterTheOther = inTurn();
  const verify = (service: DesireService): Promise<Proof> =>
    proofsAtOnce.run(() => {
      signal.throwIfAborted();
      return verifyService(service, desire, ports, signal);
    });
  const goBack = (service: DesireService): Promise<RollBack> =>
    oneAfterTheOther(() => {
      signal.throwIfAborted();
      onStep('roll back');
      return rollBack(ports, desire, service, { ...options, now: () => clock.now(), verify });
    });

  const prove = async (service: DesireService): Promise<Outcome> => {
    const proof = await verify(service);
    if (proof.passed) return { service, proof, errors: [] };
    const seen = describeFailure(proof);
    const rolledBack = service.isNewPair ? await goBack(service) : undefined;
    const back = rolledBack !== undefined && 'proof' in rolledBack ? rolledBack : undefined;
    const outcome = {
      service: back?.service ?? service,
      proof: back?.proof ?? proof,
      ...(rolledBack === undefined ? {} : { rolledBack }),
    };
    const error = proofError(service, seen, rolledBack);
    if (back?.outcome === 'proven') return { ...outcome, errors: [error] };
    const undrained = await failureOf(() => registrar.drain(service, seen, signal), signal);
    return { ...outcome, errors: [error, ...undrained] };
  };

  const outcomes = await sideBySide(desire.services, servicesAtOnce, async (service): Promise<Outcome> => {
    signal.throwIfAborted();
    const waiting = waitingError(service);
    let outcome: Outcome = { service, errors: [] };
    if (!left.has(service.config.name)) {
      const errors = await failureOf(async () => (outcome = await prove(service)), signal);
      outcome = { ...outcome, errors: [...outcome.errors, ...errors] };
    }
    return waiting === undefined ? outcome : { ...outcome, errors: [...outcome.errors, waiting] };
  });
  return proven(outcomes);
}

function proven(outcomes: readonly Outcome[]): Proven {
  const proofs = new Map<string, Proof>();
  const rollBacks = new Map<string, RollBack>();
  const failures: ServiceFailure[] = [];
  let notSynchronised: DeviceError | undefined;
  for (const { service, proof, rolledBack, errors } of outcomes) {
    const { name } = service.config;
    if (proof !== undefined) proofs.set(name, proof);
    if (rolledBack !== undefined) rollBacks.set(name, rolledBack);
    if (rolledBack !== undefined && 'proof' in rolledBack)
      notSynchronised = rolledBack.notSynchronised ?? notSynchronised;
    failures.push(...errors.map((error) => ({ service: name, error })));
  }
  return { services: outcomes.map(({ service }) => service), proofs, rollBacks, failures, notSynchronised };
}

/**
 * Makes every service callable whose last proof passed, a few at once.
 *
 * @returns what could not be registered, in the order of the services
 * @throws as `proveServices`
 */
export async function registerProven(
  { services, proofs }: Pick<Proven, 'services' | 'proofs'>,
  registrar: Registrar,
  signal: AbortSignal,
): Promise<readonly ServiceFailure[]> {
  const callable = services.filter(
    ({ config: { name, registration } }) => registration !== 'none' && proofs.get(name)?.passed === true,
  );
  const failures = await sideBySide(callable, servicesAtOnce, async (service) => {
    signal.throwIfAborted();
    const errors = await failureOf(() => registrar.register(service, signal), signal);
    return errors.map((error) => ({ service: service.config.name, error }));
  });
  return failures.flat();
}

/** @returns why it failed, if it did */
async function failureOf(work: () => Promise<unknown>, signal: AbortSignal): Promise<readonly AgentError[]> {
  try {
    await work();
    return [];
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AgentError)) throw error;
    return [error];
  }
}

/**
 * What a proof by itself, without a reconcile, comes to: one that passed makes the service callable, one that did not
 * takes it out of the callers' sight.
 *
 * @throws AgentError MESH_ERR_PROOF_FAILED when it did not pass, and while a certificate is rolled back
 */
export async function settleProof(
  service: DesireService,
  proof: Proof,
  registrar: Registrar,
  signal: AbortSignal,
): Promise<void> {
  if (!proof.passed) {
    const seen = describeFailure(proof);
    await registrar.drain(service, seen, signal);
    throw proofError(service, seen);
  }
  if (service.config.registration !== 'none') await registrar.register(service, signal);
  const waiting = waitingError(service);
  if (waiting !== undefined) throw waiting;
}

/** A service whose certificate was rolled back is not well before a new one is proven, however well it serves. */
function waitingError(service: DesireService): AgentError | undefined {
  const failure = service.isNewPair ? undefined : rotationFailure(service.pair.facts);
  if (failure === undefined) return undefined;
  const { failures, failedAt, fingerprint } = failure;
  return new AgentError(
    'MESH_ERR_PROOF_FAILED',
    `${describeService(service)} has its earlier certificate again: the new one (SHA-256 ${fingerprint}) did not pass its proof at ${isoTime(failedAt)}${failures === 1 ? '' : `, ${failures} failed in a row`}`,
    tryAgain(service, nextTry(failure)),
  );
}

/** @param seen what the failed proof has seen */
function proofError(service: DesireService, seen: string, rolledBack?: RollBack): AgentError {
  const look = `look at the device's /var/log/ltm, then run bigip-mesh verify ${service.config.name}`;
  const failure =
    rolledBack?.outcome === 'proven' ? rotationFailure(rolledBack.service.pair.facts) : undefined;
  const then = rolledBack === undefined ? '' : `; ${describeRollBack(rolledBack)}`;
  return new AgentError(
    'MESH_ERR_PROOF_FAILED',
    `${describeService(service)}: ${seen}${then}`,
    failure === undefined ? look : tryAgain(service, nextTry(failure)),
  );
}

function describeRollBack(rolledBack: RollBack): string {
  if ('reason' in rolledBack) {
    const { outcome, reason } = rolledBack;
    return outcome === 'impossible'
      ? `not rolled back to an earlier certificate: ${reason}`
      : `rolling back to the earlier certificate failed: ${reason}`;
  }
  const earlier = `rolled back to the earlier certificate (SHA-256 ${short(rolledBack.service.pair.facts)})`;
  return rolledBack.outcome === 'proven'
    ? `${earlier}, which is proven`
    : `${earlier}, which is not proven either: ${describeFailure(rolledBack.proof)}`;
}

function tryAgain({ config: { name } }: DesireService, at: Date): string {
  return `look at the device's /var/log/ltm; a new one is tried after ${isoTime(at)}, or now by bigip-mesh rotate ${name} --now`;
}

function short(facts: Readonly<Record<string, string>>): string {
  return (facts['sha256'] ?? '').slice(0, 12);
}

function isoTime(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}
