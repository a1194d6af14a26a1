import type { AllowlistRefusal, Mode } from '../allowlist/allowlist.js';
import type { AgentError, ErrorCode } from '../errors.js';
import type { Proof } from '../proof/proof.js';
import type { DesireService } from '../reconcile/desire.js';
import type { ReconcileReport } from '../reconcile/run-once.js';

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
  readonly refusals: readonly AllowlistRefusal[];
  /** Deny entries of earlier content stay, because a line of `deny` cannot be read. */
  readonly isDenyHeld: boolean;
  readonly failure?: Failure;
}

export interface DeviceStatus {
  readonly device: string;
  /** When a reconcile last ended, however. */
  readonly reconciledAt?: Date;
  /** When one last ended with everything as it should be. */
  readonly syncedAt?: Date;
  readonly failure?: Failure;
  readonly services: ReadonlyMap<string, ServiceStatus>;
}

/** What the ConfigMaps of a service say that the device does not know. */
export interface Quarantine {
  readonly refusals: readonly AllowlistRefusal[];
  readonly isDenyHeld: boolean;
}

/** What became of one reconcile. */
export interface Outcome {
  readonly at: Date;
  /** Absent when the device as a whole failed. */
  readonly report?: ReconcileReport;
  readonly failure?: AgentError;
  /** Whether the device could be read. */
  readonly wasRead: boolean;
  readonly serviceFailures: ReadonlyMap<string, AgentError>;
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
  const { at, report, failure, serviceFailures, quarantines } = outcome;
  const isSynced = failure === undefined && serviceFailures.size === 0;
  const syncedAt = isSynced ? at : before.syncedAt;
  return {
    device: before.device,
    reconciledAt: at,
    ...(syncedAt === undefined ? {} : { syncedAt }),
    ...failureMember(before.failure, failure, at),
    services: new Map(
      [...before.services].map(([name, status]): [string, ServiceStatus] => {
        const desired = report?.desire.services.find(({ config }) => config.name === name);
        const { failure: failed, ...known } = status;
        return [
          name,
          {
            ...known,
            ...(desired === undefined ? {} : desiredPart(desired)),
            ...(desired === undefined ? {} : provenPart(desired, report?.proofs.get(name), at)),
            ...quarantines.get(name),
            ...failureMember(failed, serviceFailures.get(name), at),
          },
        ];
      }),
    ),
  };
}

/** @returns undefined when the pair says nothing of that kind */
export function pairDate({ pair }: DesireService, fact: 'not-before' | 'not-after'): Date | undefined {
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

function failureMember(
  before: Failure | undefined,
  failure: AgentError | undefined,
  at: Date,
): { readonly failure?: Failure } {
  if (failure === undefined) return {};
  const { code, message, nextStep } = failure;
  return { failure: { code, message, nextStep, since: before?.code === code ? before.since : at } };
}
