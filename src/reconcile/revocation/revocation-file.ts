import { renderRevocationListsPem } from '../../pki/certificate-revocation-list.js';
import type { RevocationList } from '../../pki/certificate-revocation-list.js';
import { Secret } from '../../secret.js';
import type { DesiredObject, FileContent, ObservedObject } from '../device-object.js';
import { ledgerKey } from '../ledger.js';
import type { Ledger } from '../ledger.js';
import { revocationName } from '../names.js';
import type { ObservedDevice } from '../observed.js';
import { isOwned, ownerMark } from '../ownership.js';
import { fileContent } from '../pair.js';

const kind = 'sys/file/ssl-crl';

/** The CRLs as the one file that they are on the device. */
export interface RevocationFile {
  readonly name: string;
  readonly file: FileContent | 'kept';
  /** What the ledger says of it, because the device cannot: see {@link newRevocationFile}. */
  readonly facts: Readonly<Record<string, string>>;
}

/** The file that is in force on the device. */
export interface InstalledRevocation {
  readonly name: string;
  readonly facts: RevocationFile['facts'];
  /** By the CA's `issuerId`: the `thisUpdate` of its list. */
  readonly lists: ReadonlyMap<string, Date>;
  /** When the first of its lists should have a successor. */
  readonly nextUpdate: Date | undefined;
}

/**
 * The lists, each CA's one time, as a file whose name follows from them.
 *
 * @param options.epoch of the change that brings it
 */
export function newRevocationFile(
  lists: readonly RevocationList[],
  { epoch, now }: { readonly epoch: number; readonly now: Date },
): RevocationFile {
  const sorted = lists.toSorted((a, b) => (a.issuerId < b.issuerId ? -1 : 1));
  const pem = renderRevocationListsPem(sorted);
  const file = fileContent(new Secret(pem));
  const nextUpdate = first(sorted.flatMap((list) => list.nextUpdate ?? []));
  return {
    name: revocationName(pem),
    file,
    facts: {
      checksum: file.checksum,
      epoch: String(epoch),
      lists: sorted.map(({ issuerId, thisUpdate }) => `${issuerId}.${seconds(thisUpdate)}`).join('_'),
      since: seconds(now),
      ...(nextUpdate === undefined ? {} : { until: seconds(nextUpdate) }),
    },
  };
}

export function revocationFileObject({ name, file, facts }: RevocationFile): DesiredObject {
  return { kind, name, members: { description: ownerMark() }, file, facts };
}

/**
 * The file that profiles use, the one that came last where there are several: a replaced one is kept for a while.
 *
 * @returns undefined when there is none that is ours
 */
export function installedRevocation(
  { objects, ledger }: Pick<ObservedDevice, 'objects' | 'ledger'>,
  partition: string,
): InstalledRevocation | undefined {
  const used = new Set(
    objects
      .filter((object) => isClientSsl(object) && isOwned(object))
      .map(({ members }) => members['crlFile']),
  );
  const rank = ({ name, facts }: InstalledRevocation): number =>
    (used.has(`/${partition}/${name}`) ? 1e9 : 0) + Number(facts['epoch'] ?? 0);
  return objects
    .flatMap((object): InstalledRevocation[] => {
      const facts = ledger?.get(ledgerKey(kind, object.name))?.facts;
      return object.kind === kind && isOwned(object) && facts !== undefined
        ? [parseFacts(object.name, facts)]
        : [];
    })
    .toSorted((a, b) => rank(b) - rank(a))[0];
}

function parseFacts(name: string, facts: RevocationFile['facts']): InstalledRevocation {
  const lists = (facts['lists'] ?? '')
    .split('_')
    .map((list) => list.split('.'))
    .map(([issuerId = '', thisUpdate]) => [issuerId, dateOf(thisUpdate)] as const);
  const until = facts['until'];
  return {
    name,
    facts,
    lists: new Map(lists),
    nextUpdate: until === undefined ? undefined : dateOf(until),
  };
}

function isClientSsl({ kind }: ObservedObject): boolean {
  return kind === 'ltm/profile/client-ssl';
}

interface RevocationEvidence {
  readonly partition: string;
  readonly ledger: Ledger | undefined;
  readonly clientSslProfiles: readonly ObservedObject[];
}

/**
 * The CRL files of the partition, without a look at them, which would be one more request for each reconcile.
 *
 * A file that the ledger lists was made by the agent, and one that a profile refers to is there: the device refuses to
 * delete it (01071349). That its content is as it was made is taken for granted here.
 *
 * @returns undefined where that does not tell of each file that the ledger lists: then the device has to be asked
 */
export function certainRevocationFiles({
  partition,
  ledger,
  clientSslProfiles,
}: RevocationEvidence): readonly ObservedObject[] | undefined {
  if (ledger === undefined) return undefined;
  const listed = [...ledger.values()].filter((entry) => entry.kind === kind);
  const used = new Set(clientSslProfiles.map(({ members }) => members['crlFile']));
  if (!listed.every(({ name }) => used.has(`/${partition}/${name}`))) return undefined;
  return listed.map(({ name, facts }) => ({
    kind,
    name,
    members: { description: ownerMark(), checksum: facts['checksum'] },
  }));
}

function first(dates: readonly Date[]): Date | undefined {
  return dates.toSorted((a, b) => a.getTime() - b.getTime())[0];
}

function seconds(date: Date): string {
  return String(Math.floor(date.getTime() / 1000));
}

function dateOf(text: string | undefined): Date {
  return new Date(Number(text ?? 0) * 1000);
}
