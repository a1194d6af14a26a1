import type { X509Certificate } from 'node:crypto';
import { AgentError } from '../../errors.js';
import type { RetiringRoots } from '../../irule/data-groups.js';
import { certificateName } from '../../pki/chain.js';
import { identifyRoot } from '../../pki/root-identifier.js';
import { TrustBundle } from '../../spiffe/trust-bundle.js';
import type { TrustedRoot } from '../../spiffe/trust-bundle.js';
import { weighEvidence } from './evidence.js';
import type { CounterReading } from './evidence.js';
import type { RootRecord, RootStage } from './root-record.js';

export interface RootsInput {
  /** What every source names now; a source that cannot be read stops everything before this. */
  readonly sources: TrustBundle;
  /** What the last answers of the mesh CA named; undefined: this process has seen none. */
  readonly answered: TrustBundle | undefined;
  /** What the device remembers. */
  readonly known: readonly RootRecord[];
  /** Fingerprints of roots that the operator wants gone, whoever names or needs them. */
  readonly removed: ReadonlySet<string>;
  /** By service: the fingerprint of the root that its own certificate is under. */
  readonly leafRoots: ReadonlyMap<string, string>;
  /** Undefined while the counters are unknown, or not all services count yet. */
  readonly reading: CounterReading | undefined;
  /** Whether all services of the device are as they should be in this reconcile; nothing goes otherwise. */
  readonly isWhole: boolean;
  readonly quietMs: number;
  readonly now: Date;
}

/** A root, for people. */
export interface RootState {
  readonly sha256: string;
  readonly subject: string;
  readonly notAfter: Date;
  /** `removed`: it goes, or has gone, with this reconcile; `expired`: it was offered, and is of no use. */
  readonly stage: RootStage | 'removed' | 'expired';
  readonly since: Date;
  /** Every place that names it now. */
  readonly origins: readonly string[];
  /** Services whose own certificate is under it. */
  readonly services: readonly string[];
  /** Why it is there, what it waits for, or why it goes. */
  readonly sentence: string;
}

export interface RootsPlan {
  /** What the device is to accept callers under. */
  readonly trustBundle: TrustBundle;
  /** What the device is to remember: a record for each root of the bundle. */
  readonly records: readonly RootRecord[];
  readonly states: readonly RootState[];
  /** For the rule, which counts who may need a root that is to go. */
  readonly forRule: RetiringRoots;
}

/** A root that is judged: what is known of it, and who names it. */
interface Candidate {
  readonly certificate: X509Certificate;
  readonly fingerprint256: string;
  readonly record: RootRecord | undefined;
  readonly named: TrustedRoot | undefined;
  readonly isAnswered: boolean;
}

interface Verdict {
  readonly stage: RootState['stage'];
  readonly sentence: string;
  /** Undefined when the root is not to be on the device. */
  readonly record: RootRecord | undefined;
}

/**
 * The next step of every root: learned and added, accepted, retiring, removed. Pure.
 *
 * A root is added as soon as anybody names it. It goes only on evidence that no caller needs it, or because its key has
 * another certificate on the device, or because the operator says so.
 *
 * @throws AgentError MESH_ERR_ROOTS_MISSING when no root would be left
 */
export function planRoots(input: RootsInput): RootsPlan {
  const judged = candidates(input).map((candidate) => ({ candidate, ...judge(candidate, input) }));
  const records = judged.flatMap(({ record }) => (record === undefined ? [] : [record]));
  if (records.length === 0) {
    throw new AgentError(
      'MESH_ERR_ROOTS_MISSING',
      `no root certificate would be left: ${judged.map(({ candidate, sentence }) => `${certificateName(candidate.certificate)} ${sentence}`).join('; ')}`,
      'nothing was changed; mend identity.rootRotation.remove, or what the mesh publishes',
    );
  }
  return {
    trustBundle: TrustBundle.of(
      judged.flatMap(({ candidate, record }) => (record === undefined ? [] : sourcesOf(candidate))),
    ),
    records,
    states: judged.map(({ candidate, stage, sentence, record }) => ({
      sha256: candidate.fingerprint256,
      subject: certificateName(candidate.certificate).replace(/^the certificate (of )?/, ''),
      notAfter: new Date(candidate.certificate.validTo),
      stage,
      since: record?.since ?? input.now,
      origins: candidate.named?.origins ?? [],
      services: [...input.leafRoots].flatMap(([service, root]) =>
        root === candidate.fingerprint256 ? [service] : [],
      ),
      sentence,
    })),
    forRule: rolesOf(records),
  };
}

/** Which roots are to go and which stay, by what certificates name them. */
export function rolesOf(records: readonly RootRecord[]): RetiringRoots {
  const identify = (wanted: (record: RootRecord) => boolean) =>
    records.filter(wanted).map(({ certificate }) => identifyRoot(certificate));
  return {
    retiring: identify(({ stage }) => stage === 'retiring'),
    staying: identify(({ stage }) => stage !== 'retiring'),
  };
}

/** A root that was added, after a proof of all services. Pure. */
export function provenRoot(state: RootState): RootState {
  if (state.stage !== 'added') return state;
  const by = state.origins.length === 0 ? 'the mesh CA' : state.origins.join(', ');
  return { ...state, stage: 'accepted', sentence: `is named by ${by}, and was proven on the wire` };
}

function candidates({ sources, answered, known }: RootsInput): Candidate[] {
  const records = new Map(known.map((record) => [record.fingerprint256, record]));
  const roots = new Map<string, X509Certificate>();
  for (const root of [...sources.roots, ...(answered?.roots ?? []), ...known])
    roots.set(root.fingerprint256, root.certificate);
  return [...roots]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([fingerprint256, certificate]) => ({
      certificate,
      fingerprint256,
      record: records.get(fingerprint256),
      named: sources.find(fingerprint256) ?? answered?.find(fingerprint256),
      // Where nobody asked the CA, what it said last is what it says.
      isAnswered:
        answered === undefined
          ? records.get(fingerprint256)?.isAnswered === true
          : answered.find(fingerprint256) !== undefined,
    }));
}

function judge(candidate: Candidate, input: RootsInput): Verdict {
  const { certificate, fingerprint256, record, named, isAnswered } = candidate;
  const { known, removed, now } = input;
  if (removed.has(fingerprint256))
    return { stage: 'removed', sentence: 'is in identity.rootRotation.remove', record: undefined };
  const base = { certificate, fingerprint256, isAnswered };
  if (named !== undefined || isAnswered) {
    const by = named === undefined ? 'the mesh CA' : named.origins.join(', ');
    if (record === undefined) {
      if (new Date(certificate.validTo) <= now)
        return {
          stage: 'expired',
          sentence: `has expired, and is not added; ${by} names it`,
          record: undefined,
        };
      // Before the first apply there is nothing that a root could join: the first proof is one of all of them.
      const stage = known.length === 0 ? 'accepted' : 'added';
      return { stage, sentence: `is named by ${by}`, record: { ...base, stage, since: wholeSecond(now) } };
    }
    // It was on the device all the time, but what was proven was proven before others came and went.
    if (record.stage === 'retiring')
      return {
        stage: 'added',
        sentence: `is named again, by ${by}`,
        record: { ...base, stage: 'added', since: wholeSecond(now) },
      };
    return {
      stage: record.stage,
      sentence: `is named by ${by}${record.stage === 'added' ? ', and not proven on the wire yet' : ''}`,
      record: { ...base, stage: record.stage, since: record.since },
    };
  }
  if (record === undefined) throw new Error('a candidate is known or named');
  return judgeUnnamed(record, input);
}

/** A root of the device that nobody names any more. */
function judgeUnnamed(record: RootRecord, input: RootsInput): Verdict {
  const { sources, known, leafRoots, reading, isWhole, quietMs, now } = input;
  const { certificate } = record;
  const successor = known.find(
    (other) =>
      other.stage === 'accepted' &&
      sources.find(other.fingerprint256) !== undefined &&
      other.fingerprint256 !== record.fingerprint256 &&
      isReissued(certificate, other.certificate),
  );
  if (successor !== undefined && isWhole) {
    return {
      stage: 'removed',
      sentence: `is replaced by a certificate of the same name and key, ${successor.fingerprint256.slice(0, 12)}`,
      record: undefined,
    };
  }
  if (record.stage !== 'retiring') {
    return {
      stage: 'retiring',
      sentence: 'is named by nobody any more, and stays until no caller needs it',
      record: { ...record, stage: 'retiring', since: wholeSecond(now), evidence: undefined },
    };
  }
  const weighed = weighEvidence(record.evidence, reading, { now, quietMs });
  const own = [...leafRoots].filter(([, root]) => root === record.fingerprint256).map(([name]) => name);
  if (weighed.isEnough && own.length === 0 && isWhole)
    return { stage: 'removed', sentence: weighed.sentence, record: undefined };
  const holding =
    own.length > 0
      ? `; the certificate of ${own.join(', ')} is still under it`
      : weighed.isEnough
        ? '; it stays while services of the device are not as they should be'
        : '';
  return {
    stage: 'retiring',
    sentence: `is named by nobody any more; ${weighed.sentence}${holding}`,
    record: { ...record, isAnswered: false, evidence: weighed.evidence },
  };
}

/** istiod's own root comes anew with the same name and key: whatever the one issued, the other verifies. */
function isReissued(old: X509Certificate, other: X509Certificate): boolean {
  const [before, after] = [identifyRoot(old), identifyRoot(other)];
  return (
    before.publicKey === after.publicKey && before.subject === after.subject && before.keyId === after.keyId
  );
}

function sourcesOf({ certificate, named }: Candidate) {
  const origins = named === undefined ? ['the device'] : named.origins;
  const isPublished = named?.isPublished ?? false;
  return origins.map((origin) => ({ origin, certificates: [certificate], isPublished }));
}

function wholeSecond(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000);
}
