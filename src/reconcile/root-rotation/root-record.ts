import { X509Certificate } from 'node:crypto';
import { AgentError } from '../../errors.js';
import type { DataGroupRecord } from '../../icontrol/data-group-records.js';
import { certificateFingerprint } from '../../spiffe/svid.js';
import { recordsOf } from '../data-group-change.js';
import type { DesiredObject } from '../device-object.js';
import type { ObservedDevice } from '../observed.js';
import { isOwned, ownerMark } from '../ownership.js';
import { parseEvidence, renderEvidence } from './evidence.js';
import type { Evidence } from './evidence.js';

/**
 * How far a root on the device is.
 *
 * - `added`: the device accepts callers under it; that was not seen on the wire yet
 * - `accepted`: it was, or the root is there since the agent first came to the device
 * - `retiring`: nobody names it any more; it stays until there is evidence that no caller needs it
 */
export type RootStage = 'added' | 'accepted' | 'retiring';

/** What the device remembers of a root that it accepts callers under. */
export interface RootRecord {
  readonly certificate: X509Certificate;
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint256: string;
  readonly stage: RootStage;
  /** Of the stage; whole seconds. */
  readonly since: Date;
  /** Whether the last answer of the mesh CA that was seen named it. */
  readonly isAnswered: boolean;
  /** Of a retiring root: since when nobody needed it, as far as was counted. */
  readonly evidence?: Evidence | undefined;
}

const dataGroup = 'ltm/data-group/internal';
const prefix = 'bigip_mesh_root_';

/** Whether a data group of the agent's partition holds a root record. */
export function isRootRecord(object: { readonly kind: string; readonly name: string }): boolean {
  return object.kind === dataGroup && object.name.startsWith(prefix);
}

/**
 * A root as a data group of its own: its state, and its certificate, because the content of a certificate file cannot
 * be read back from a BIG-IP, and the sources that named a retiring root no longer have it.
 */
export function rootRecordObject(root: RootRecord): DesiredObject {
  const records: DataGroupRecord[] = [
    ...(root.isAnswered ? [{ name: 'answered', data: '1' }] : []),
    // Without padding and in the URL's alphabet: every record can then be written singly.
    { name: 'der', data: root.certificate.raw.toString('base64url') },
    ...(root.evidence === undefined ? [] : renderEvidence(root.evidence)),
    { name: 'since', data: String(Math.floor(root.since.getTime() / 1000)) },
    { name: 'stage', data: root.stage },
  ];
  return {
    kind: dataGroup,
    name: rootRecordName(root.fingerprint256),
    members: { description: ownerMark(), type: 'string', records },
    facts: { sha256: root.fingerprint256 },
  };
}

/**
 * The roots that the device remembers, in the order of their fingerprints.
 *
 * @param forgotten fingerprints of roots that the operator wants gone: their records may be missing or broken
 * @throws AgentError MESH_ERR_ROOT_RECORD when a record that should be there is gone or is broken: a root that is not
 *   known any more could not be kept
 */
export function observedRoots(
  { objects, ledger }: Pick<ObservedDevice, 'objects' | 'ledger'>,
  forgotten: ReadonlySet<string> = new Set(),
): RootRecord[] {
  const expected = new Map(
    [...(ledger?.values() ?? [])]
      .filter(isRootRecord)
      .map(({ name, facts }) => [name, facts['sha256'] ?? ''] as const),
  );
  const isForgotten = (name: string): boolean =>
    [...forgotten].some((fingerprint) => rootRecordName(fingerprint) === name);
  const present = objects.filter((object) => isRootRecord(object) && isOwned(object));
  const names = new Set([...expected.keys(), ...present.map(({ name }) => name)]);
  return [...names]
    .toSorted()
    .filter((name) => !isForgotten(name))
    .map((name) => {
      const object = present.find((candidate) => candidate.name === name);
      const root = object === undefined ? undefined : parseRecord(recordsOf(object.members));
      if (root !== undefined && rootRecordName(root.fingerprint256) === name) return root;
      throw broken(name, object === undefined ? 'is gone' : 'was changed by hand', expected.get(name));
    });
}

function rootRecordName(fingerprint256: string): string {
  return `${prefix}${fingerprint256.slice(0, 12)}`;
}

function parseRecord(records: readonly DataGroupRecord[]): RootRecord | undefined {
  const values = new Map(records.map(({ name, data }) => [name, data]));
  const certificate = parseDer(values.get('der'));
  const stage = (['added', 'accepted', 'retiring'] as const).find((known) => known === values.get('stage'));
  const since = Number(values.get('since') ?? Number.NaN);
  if (certificate === undefined || stage === undefined || !Number.isSafeInteger(since)) return undefined;
  return {
    certificate,
    fingerprint256: certificateFingerprint(certificate),
    stage,
    since: new Date(since * 1000),
    isAnswered: values.get('answered') === '1',
    evidence: stage === 'retiring' ? parseEvidence(values) : undefined,
  };
}

function parseDer(text: string | undefined): X509Certificate | undefined {
  if (text === undefined) return undefined;
  try {
    return new X509Certificate(Buffer.from(text, 'base64url'));
  } catch {
    return undefined;
  }
}

function broken(name: string, what: string, fingerprint = ''): AgentError {
  const sha256 = fingerprint === '' ? 'its SHA-256' : fingerprint;
  return new AgentError(
    'MESH_ERR_ROOT_RECORD',
    `the data group ${name}, where the device remembers a root of the mesh, ${what}`,
    `restore it from the device's saved configuration; or, if no caller needs that root, put ${sha256} into identity.rootRotation.remove`,
  );
}
