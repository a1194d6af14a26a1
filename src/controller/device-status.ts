import type { AllowlistRefusal, Mode } from '../allowlist/allowlist.js';
import type { PolicyCounts } from '../allowlist/enforce-policies.js';
import type { AgentError, ErrorCode } from '../errors.js';
import type { Proof } from '../proof/proof.js';
import type { DesireService } from '../reconcile/desire.js';
import type { RootState } from '../reconcile/root-rotation/plan-roots.js';
import type { RevocationState } from '../reconcile/revocation/plan-revocation.js';
import type { ReconcileReport } from '../reconcile/run-once.js';
import type { ServiceCalls } from './recent-calls.js';

/** What is wrong, and since when the same is. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly nextStep: string;
  readonly since: Date;
}

export interface ServiceStatus {
  readonly identity?: string;
  /** What the last proof that passed saw served. */
  readonly certificate?: { readonly sha256: string; readonly notAfter: Date };
  readonly provenAt?: Date;
  /** What is in force, as far as it is known. */
  readonly allowlist?: { readonly allow: number; readonly deny: number; readonly mode: Mode };
  /** Absent until the device told. */
  readonly calls?: ServiceCalls;
  readonly refusals: readonly AllowlistRefusal[];
  /** Deny entries of earlier content stay, because a line of `deny` cannot be read. */
  readonly isDenyHeld: boolean;
  /** The AuthorizationPolicies that are for the service; undefined when it takes none. */
  readonly policies?: PolicyCounts | undefined;
  /** Why nobody, or nobody by a policy, gets in. */
  readonly lack?: string | undefined;
  /** What keeps the service from being as it should be on the device. */
  readonly reconcileFailure?: Failure;
  /** Why it is not proven. */
  readonly proofFailure?: Failure;
  /** The first of these that there is. */
  readonly failure?: Failure;
}

export interface DeviceStatus {
  readonly device: string;
  /** When a reconcile last ended, however. */
  readonly reconciledAt?: Date;
  /** When everything was last seen as it should be, and proven. */
  readonly syncedAt?: Date;
  readonly failure?: Failure;
  /** Absent until the device was read. */
  readonly roots?: readonly RootState[];
  /** Absent until the device was read. */
  readonly revocation?: RevocationState;
  readonly services: ReadonlyMap<string, ServiceStatus>;
}

/** What the ConfigMaps and policies of a service say that the device does not know. */
export type Quarantine = Pick<ServiceStatus, 'refusals' | 'isDenyHeld' | 'policies' | 'lack'>;

/** What became of one reconcile. */
export interface Outcome {
  readonly at: Date;
  /** Absent when the device as a whole failed. */
  readonly report?: ReconcileReport;
  readonly failure?: AgentError;
  /** Whether the device could be read. */
  readonly wasRead: boolean;
  readonly serviceFailures: ReadonlyMap<string, AgentError>;
  /** By service; one of which the device told nothing is left out. */
  readonly calls?: ReadonlyMap<string, ServiceCalls>;
  /** By service; one whose ConfigMaps are unknown is left out. */
  readonly quarantines: ReadonlyMap<string, Quarantine>;
}

/** The status of a device that nobody has looked at yet. */
export function unknownStatus(device: string, services: readonly string[]): DeviceStatus {
  const nothing = { refusals: [], isDenyHeld: false };
  return { device, services: new Map(services.map((service) => [service, nothing])) };
}

/** Pure: the status after a reconcile. What it did not find out stays as it was. */
export function nextStatus(before: DeviceStatus, outcome: Outcome): DeviceStatus {
  const { at, calls, report, failure, serviceFailures, quarantines } = outcome;
  const services = [...before.services].map(([name, status]): [string, ServiceStatus] => {
    const desired = report?.desire.services.find(({ config }) => config.name === name);
    const { reconcileFailure, failure: _before, calls: callsBefore, ...known } = status;
    const failed = serviceFailures.get(name);
    const proof = report?.proofs.get(name);
    // One that serves its earlier certificate again is proven, and all the same not as it should be.
    const isUnproven = failed?.code === 'MESH_ERR_PROOF_FAILED' && proof?.passed !== true;
    const next: ServiceStatus = {
      ...known,
      ...(desired === undefined ? {} : desiredPart(desired)),
      ...quarantines.get(name),
      ...optional('calls', calls === undefined ? callsBefore : calls.get(name)),
      ...optional('reconcileFailure', isUnproven ? undefined : nextFailure(reconcileFailure, failed, at)),
    };
    if (desired === undefined || (proof === undefined && !isUnproven)) return [name, withFailure(next)];
    return [name, provenStatus(next, desired, proof, isUnproven ? failed : undefined, at)];
  });
  return {
    ...withSync({ ...before, services: new Map(services) }, nextFailure(before.failure, failure, at), at),
    reconciledAt: at,
    ...optional('roots', report?.desire.roots ?? before.roots),
    ...optional('revocation', report?.desire.revocation ?? before.revocation),
  };
}

/** Pure: the status after a proof of one service, between reconciles. */
export function nextProofStatus(
  before: DeviceStatus,
  desired: DesireService,
  outcome: { readonly proof: Proof | undefined; readonly failure: AgentError | undefined; readonly at: Date },
): DeviceStatus {
  const { proof, failure, at } = outcome;
  const { name } = desired.config;
  const status = before.services.get(name);
  if (status === undefined) return before;
  const services = new Map(before.services).set(name, provenStatus(status, desired, proof, failure, at));
  return withSync({ ...before, services }, before.failure, at);
}

function provenStatus(
  { proofFailure, ...status }: ServiceStatus,
  desired: DesireService,
  proof: Proof | undefined,
  failure: AgentError | undefined,
  at: Date,
): ServiceStatus {
  return withFailure({
    ...status,
    ...provenPart(desired, proof, at),
    ...optional('proofFailure', nextFailure(proofFailure, failure, at)),
  });
}

function withFailure({ failure: _before, ...status }: ServiceStatus): ServiceStatus {
  return { ...status, ...optional('failure', status.reconcileFailure ?? status.proofFailure) };
}

/** Everything is as it should be when nothing failed, and every service was proven since this process looks after it. */
function withSync(
  { failure: _before, ...status }: DeviceStatus,
  failure: Failure | undefined,
  at: Date,
): DeviceStatus {
  const isSynced =
    failure === undefined &&
    [...status.services.values()].every((service) => {
      return service.failure === undefined && service.provenAt !== undefined;
    });
  return {
    ...status,
    ...optional('syncedAt', isSynced ? at : status.syncedAt),
    ...optional('failure', failure),
  };
}

/** @returns undefined when the pair says nothing of that kind */
function pairDate({ pair }: DesireService, fact: 'not-before' | 'not-after'): Date | undefined {
  const seconds = Number(pair.facts[fact]);
  return Number.isFinite(seconds) ? new Date(seconds * 1000) : undefined;
}

function desiredPart({ spiffeId, allowlist }: DesireService): Pick<ServiceStatus, 'identity' | 'allowlist'> {
  const { allow, deny, mode } = allowlist;
  return { identity: spiffeId.text, allowlist: { allow: allow.length, deny: deny.length, mode } };
}

function provenPart(
  service: DesireService,
  proof: Proof | undefined,
  at: Date,
): Pick<ServiceStatus, 'certificate' | 'provenAt'> {
  const notAfter = pairDate(service, 'not-after');
  const sha256 = proof?.servedFingerprint;
  if (proof?.passed !== true || sha256 === undefined || notAfter === undefined) return {};
  return { certificate: { sha256, notAfter }, provenAt: at };
}

function nextFailure(
  before: Failure | undefined,
  failure: AgentError | undefined,
  at: Date,
): Failure | undefined {
  if (failure === undefined) return undefined;
  const { code, message, nextStep } = failure;
  return { code, message, nextStep, since: before?.code === code ? before.since : at };
}

function optional<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [key in Name]: Value });
}
