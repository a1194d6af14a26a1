import { createHash } from 'node:crypto';
import { Secret } from '../secret.js';
import { certificateFingerprint } from '../spiffe/svid.js';
import type { Svid } from '../spiffe/svid.js';
import type { TrustBundle } from '../spiffe/trust-bundle.js';
import type { DesiredPair } from './desired.js';
import type { FileContent, Members } from './device-object.js';
import { ledgerKey } from './ledger.js';
import { bundleName, chainName, pairNames, serviceNames } from './names.js';
import type { ObservedDevice } from './observed.js';
import { isOwned } from './ownership.js';

/** The pair that a service's profile uses now, as far as the agent made it and knows it. */
export interface InstalledPair {
  readonly pair: DesiredPair;
  readonly spiffeId: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SHA-256 of the leaf's DER, lower-case hex. */
  readonly fingerprint256: string;
  /** SHA-256 of the root that the leaf was verified against when it was installed. */
  readonly rootFingerprint256: string;
  /** Whether the mesh published that root to callers then. */
  readonly wasPublished: boolean;
}

/** A new certificate, its key and its chain, named and ready to be uploaded. */
export function newPair(service: string, svid: Svid, trustBundle: TrustBundle, now: Date): DesiredPair {
  const names = pairNames(service, svid.fingerprint256);
  const chainPem = svid.renderChainPem();
  const root = rootOf(svid, trustBundle);
  const isPublished = trustBundle.find(root)?.isPublished === true;
  return {
    certName: names.cert,
    keyName: names.key,
    cert: fileContent(new Secret(svid.renderLeafPem())),
    key: fileContent(svid.renderKeyPem()),
    chain:
      chainPem === '' ? undefined : { name: chainName(chainPem), file: fileContent(new Secret(chainPem)) },
    facts: {
      id: svid.spiffeId.text,
      sha256: svid.fingerprint256,
      root,
      ...(isPublished ? { published: 'yes' } : {}),
      minted: epochSeconds(now),
      'not-before': epochSeconds(svid.notBefore),
      'not-after': epochSeconds(svid.notAfter),
    },
  };
}

/** The trust bundle as the file that it is on the device. */
export function trustBundleFile(trustBundle: TrustBundle): { name: string; file: FileContent } {
  const pem = trustBundle.toPem();
  return { name: bundleName(pem), file: fileContent(new Secret(pem)) };
}

/**
 * The pair that the device holds for a service, read from profile, files and ledger together.
 *
 * @returns undefined when any of them is missing, foreign, or does not tell the same story: then a new pair is
 *   made, which is always safe
 */
export function installedPair(
  service: string,
  observed: ObservedDevice,
  partition: string,
): InstalledPair | undefined {
  const find = (kind: string, name: string) =>
    observed.objects.find((object) => object.kind === kind && object.name === name && isOwned(object));
  const profile = find('ltm/profile/client-ssl', serviceNames(service).clientSsl);
  const [entry] = (profile?.members['certKeyChain'] ?? []) as readonly Members[];
  const certName = localName(entry?.['cert'], partition);
  const keyName = localName(entry?.['key'], partition);
  const chain = localName(entry?.['chain'], partition);
  if (certName === undefined || keyName === undefined) return undefined;
  const facts = observed.ledger?.get(ledgerKey('sys/file/ssl-cert', certName))?.facts;
  if (facts === undefined || find('sys/file/ssl-cert', certName) === undefined) return undefined;
  if (find('sys/file/ssl-key', keyName) === undefined) return undefined;
  if (chain !== undefined && find('sys/file/ssl-cert', chain) === undefined) return undefined;
  const { id, sha256, root } = facts;
  const notBefore = dateOf(facts['not-before']);
  const notAfter = dateOf(facts['not-after']);
  if (id === undefined || sha256 === undefined || root === undefined) return undefined;
  if (notBefore === undefined || notAfter === undefined) return undefined;
  const expected = pairNames(service, sha256);
  if (expected.cert !== certName || expected.key !== keyName) return undefined;
  return {
    pair: {
      certName,
      keyName,
      cert: 'kept',
      key: 'kept',
      chain: chain === undefined ? undefined : { name: chain, file: 'kept' },
      facts,
    },
    spiffeId: id,
    notBefore,
    notAfter,
    fingerprint256: sha256,
    rootFingerprint256: root,
    wasPublished: facts['published'] === 'yes',
  };
}

/** SHA-256 of the root that an SVID is under; of its topmost certificate where that is none of the bundle. */
export function rootOf(svid: Svid, trustBundle: TrustBundle): string {
  const top = svid.chain.at(-1) ?? svid.leaf;
  const root = trustBundle.roots.find(
    ({ certificate }) => top.checkIssued(certificate) && top.verify(certificate.publicKey),
  );
  return root?.fingerprint256 ?? certificateFingerprint(top);
}

/** The checksum as the device states it: `SHA1:<bytes>:<hex>` of the stored file. */
export function fileContent(pem: Secret): FileContent {
  const bytes = Buffer.from(pem.reveal());
  return { pem, checksum: `SHA1:${bytes.length}:${createHash('sha1').update(bytes).digest('hex')}` };
}

/** `/mesh/x` to `x`; undefined for `none` and for objects of another partition. */
function localName(path: unknown, partition: string): string | undefined {
  const prefix = `/${partition}/`;
  return typeof path === 'string' && path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
}

function epochSeconds(date: Date): string {
  return String(Math.floor(date.getTime() / 1000));
}

function dateOf(seconds: string | undefined): Date | undefined {
  return seconds !== undefined && /^\d+$/.test(seconds) ? new Date(Number(seconds) * 1000) : undefined;
}
