import type { X509Certificate } from 'node:crypto';
import { AgentError } from '../../errors.js';
import type { PublishedRevocationLists } from '../../mesh/revocation-lists.js';
import { isNamedBy, verifyRevocationList } from '../../pki/certificate-revocation-list.js';
import type { RevocationList } from '../../pki/certificate-revocation-list.js';
import { certificateName, findChain } from '../../pki/chain.js';
import { newRevocationFile } from './revocation-file.js';
import type { InstalledRevocation, RevocationFile } from './revocation-file.js';
import type { ParsedRevocationLists } from './revocation-memory.js';

export interface RevocationInput {
  /** Undefined: the mesh publishes none for certain. An error: nobody knows. */
  readonly published: PublishedRevocationLists | undefined | AgentError;
  readonly parse: (pem: string) => ParsedRevocationLists;
  readonly installed: InstalledRevocation | undefined;
  /** Those of the device's trust bundle. */
  readonly roots: readonly X509Certificate[];
  /** Intermediates that were heard of; which of them are to be trusted is found out here. */
  readonly intermediates: readonly X509Certificate[];
  /** Those between the services' own certificates and a root; undefined while that is unknown. */
  readonly ownIntermediates: readonly X509Certificate[] | undefined;
  /** Those that the services' own certificates are under. */
  readonly ownRoots: readonly X509Certificate[];
  /** Of the change that would bring a file. */
  readonly epoch: number;
  readonly now: Date;
}

/** What becomes of the revocations of the mesh on a device. */
export interface RevocationState {
  /** The name of the file in force; undefined: none. */
  readonly file: string | undefined;
  /** When the first of the lists in force should have a successor; undefined where none says. */
  readonly nextUpdate: Date | undefined;
  /** The lists in force, where they are the published ones: what a file holds cannot be read back. */
  readonly lists: ReadonlyArray<Pick<RevocationList, 'issuer' | 'thisUpdate' | 'nextUpdate' | 'revoked'>>;
  /** Why what the mesh publishes is not, or not all, in force. */
  readonly refusals: readonly AgentError[];
  /** What is wrong with what is in force. */
  readonly warnings: readonly AgentError[];
}

export interface RevocationPlan {
  readonly file: RevocationFile | undefined;
  readonly state: RevocationState;
  /** Whether to know more intermediates might help. */
  readonly isIssuerUnknown: boolean;
}

/**
 * Decides which CRLs a device is to have. Pure.
 *
 * What is in force stays until something better is certain: the ConfigMap gone, or a text whose lists are all genuine.
 * Of a text that is not, the good lists are taken where they leave nobody out that is in force, or that the services
 * are under.
 */
export function planRevocation(input: RevocationInput): RevocationPlan {
  const { published, installed } = input;
  if (published === undefined) return none();
  if (published instanceof AgentError) return kept(input, [published]);
  const { origin, pem } = published;
  if (pem === '') return installed === undefined ? none() : kept(input, [emptied(origin)]);
  const parsed = input.parse(pem);
  if (!parsed.ok) return kept(input, [refusal(origin, parsed.reason)]);
  const read = parsed.value.flatMap((list) => (list.ok ? [list.value] : []));
  const candidate = newRevocationFile(newestOfEach(read), input);
  // It was verified when it was brought.
  const isInstalled = read.length === parsed.value.length && candidate.name === installed?.name;
  if (isInstalled) return brought({ ...candidate, facts: installed.facts }, read, [], input);

  const trusted = [...input.roots, ...trustedIntermediates(input)];
  const isIssuerUnknown = read.some((list) => !trusted.some((issuer) => isNamedBy(list, issuer)));
  const verdicts = parsed.value.map((list) => (list.ok ? judge(list.value, trusted, input) : list.reason));
  const refusals = verdicts.flatMap((verdict) =>
    typeof verdict === 'string' ? [refusal(origin, verdict)] : [],
  );
  const good = newestOfEach(verdicts.filter((verdict) => typeof verdict !== 'string'));
  if (good.length === 0 || (refusals.length > 0 && !leavesNobodyOut(good, input)))
    return { ...kept(input, refusals), isIssuerUnknown };
  const file = newRevocationFile(good, input);
  const facts = file.name === installed?.name ? installed.facts : file.facts;
  return { ...brought({ ...file, facts }, good, refusals, input), isIssuerUnknown };
}

/** @returns why the list is not taken */
function judge(
  list: RevocationList,
  trusted: readonly X509Certificate[],
  { installed, now }: RevocationInput,
): RevocationList | string {
  const verified = verifyRevocationList(list, trusted, now);
  if (!verified.ok) return verified.reason;
  const before = installed?.lists.get(list.issuerId);
  return before !== undefined && list.thisUpdate < before
    ? `the CRL of ${list.issuer} (${list.thisUpdate.toISOString()}) is older than the one in force (${before.toISOString()})`
    : list;
}

function trustedIntermediates({ intermediates, roots, now }: RevocationInput): X509Certificate[] {
  return intermediates.filter(
    (certificate) => findChain(certificate, { intermediates, roots, at: now, willSign: true }).ok,
  );
}

function newestOfEach(lists: readonly RevocationList[]): RevocationList[] {
  const oldestFirst = lists.toSorted((a, b) => a.thisUpdate.getTime() - b.thisUpdate.getTime());
  return [...new Map(oldestFirst.map((list) => [list.issuerId, list])).values()];
}

/**
 * Whether lists that are not the whole text may take the place of what is in force: every CA that has a list there has
 * one here, and so has every CA that the services' own certificates, and so most callers', are under.
 */
function leavesNobodyOut(
  lists: readonly RevocationList[],
  { installed, ownIntermediates, ownRoots }: RevocationInput,
): boolean {
  const issuers = new Set(lists.map(({ issuerId }) => issuerId));
  return (
    [...(installed?.lists.keys() ?? [])].every((issuerId) => issuers.has(issuerId)) &&
    ownIntermediates !== undefined &&
    withoutList([...ownRoots, ...ownIntermediates], lists).length === 0
  );
}

function withoutList(
  authorities: readonly X509Certificate[],
  lists: readonly RevocationList[],
): X509Certificate[] {
  return authorities.filter((authority) => !lists.some((list) => isNamedBy(list, authority)));
}

function none(): RevocationPlan {
  return {
    file: undefined,
    state: { file: undefined, nextUpdate: undefined, lists: [], refusals: [], warnings: [] },
    isIssuerUnknown: false,
  };
}

function kept({ installed, now }: RevocationInput, refusals: readonly AgentError[]): RevocationPlan {
  if (installed === undefined) return { ...none(), state: { ...none().state, refusals } };
  const { name, facts, nextUpdate } = installed;
  const warnings = nextUpdate !== undefined && nextUpdate <= now ? [expired(name, nextUpdate)] : [];
  return {
    file: { name, facts, file: 'kept' },
    state: { file: name, nextUpdate, lists: [], refusals, warnings },
    isIssuerUnknown: false,
  };
}

function brought(
  file: RevocationFile,
  all: readonly RevocationList[],
  refusals: readonly AgentError[],
  { roots, ownIntermediates = [], now }: RevocationInput,
): RevocationPlan {
  const lists = newestOfEach(all);
  const [nextUpdate] = lists
    .flatMap((list) => list.nextUpdate ?? [])
    .toSorted((a, b) => a.getTime() - b.getTime());
  const uncovered = withoutList([...roots, ...ownIntermediates], lists);
  const warnings = [
    ...lists.flatMap(({ issuer, nextUpdate: until }) =>
      until !== undefined && until <= now ? [expired(`the CRL of ${issuer}`, until)] : [],
    ),
    ...(uncovered.length === 0 ? [] : [incomplete(uncovered)]),
  ];
  return { file, state: { file: file.name, nextUpdate, lists, refusals, warnings }, isIssuerUnknown: false };
}

function refusal(origin: string, reason: string): AgentError {
  return new AgentError(
    'MESH_ERR_CRL_REFUSED',
    `${origin}: ${reason}`,
    'what was in force stays; publish complete CRLs that the CAs of the mesh have signed',
  );
}

function emptied(origin: string): AgentError {
  return new AgentError(
    'MESH_ERR_CRL_REFUSED',
    `${origin} is empty, which may be a mistake`,
    'what was in force stays; to revoke nothing, publish CRLs that name nobody, or remove the ConfigMap',
  );
}

function expired(what: string, nextUpdate: Date): AgentError {
  return new AgentError(
    'MESH_ERR_CRL_EXPIRED',
    `${what} should have had a successor by ${nextUpdate.toISOString()}`,
    'what it revokes stays revoked, and what was revoked since is not known; publish a new one',
  );
}

function incomplete(authorities: readonly X509Certificate[]): AgentError {
  return new AgentError(
    'MESH_ERR_CRL_INCOMPLETE',
    `no CRL is published for ${authorities.map(certificateName).join('; ')}`,
    'publish one for each CA of a chain: Envoy refuses every caller under a CA without one, and so may the device',
  );
}
