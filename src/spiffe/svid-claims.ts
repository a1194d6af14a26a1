import { walkCertificate } from './certificate-walk.js';
import type { CertificateWalk } from './certificate-walk.js';
import { parseSpiffeId } from './spiffe-id.js';
import type { SpiffeId } from './spiffe-id.js';
import type { SvidRefusal } from './svid-refusal.js';

type SvidClaims =
  { readonly ok: true; readonly spiffeId: SpiffeId } | { readonly ok: false; readonly reason: SvidRefusal };

/**
 * Reads the one SPIFFE ID of a leaf certificate, or refuses it.
 *
 * It decides on DER alone and by the leaf rules of X509-SVID.md (sections 2 to 4), as irules/spiffe_allowlist.tcl does
 * on the device; time and chain are the TLS stack's part.
 *
 * @param der one certificate in DER.
 * @param options.keyUsageMayBeAbsent for our own certificate only: cert-manager's CA issuer behind istio-csr leaves
 *   KeyUsage out (istio-csr asks for extended usages only), and sidecars accept such a peer.
 */
export function readSvidClaims(
  der: Buffer,
  options: { readonly keyUsageMayBeAbsent?: boolean } = {},
): SvidClaims {
  const walked = walkCertificate(der);
  return walked.ok ? judge(walked.walk, options.keyUsageMayBeAbsent === true) : walked;
}

function judge(walk: CertificateWalk, keyUsageMayBeAbsent: boolean): SvidClaims {
  if (walk.sanExtensions === 0) return { ok: false, reason: 'no-san' };
  if (walk.sanExtensions > 1) return { ok: false, reason: 'duplicate-san' };
  const [uri, ...furtherUris] = walk.uris;
  if (uri === undefined) return { ok: false, reason: 'no-uri' };
  if (furtherUris.length > 0) return { ok: false, reason: 'many-uris' };
  // latin1 keeps one character a byte, so that no byte can vanish or merge before the grammar sees it.
  const spiffeId = parseSpiffeId(uri.toString('latin1'));
  if (!spiffeId.ok || spiffeId.value.path === '') return { ok: false, reason: 'bad-spiffe-id' };
  if (walk.isCa === true) return { ok: false, reason: 'ca-certificate' };
  if (!(walk.hasLeafKeyUsage ?? keyUsageMayBeAbsent)) return { ok: false, reason: 'key-usage' };
  if (walk.hasBothAuthUsages === false) return { ok: false, reason: 'extended-key-usage' };
  if (walk.subjectIsEmpty && !walk.sanIsCritical) return { ok: false, reason: 'san-not-critical' };
  if (walk.hasUnknownCriticalExtension) return { ok: false, reason: 'unknown-critical-extension' };
  return { ok: true, spiffeId: spiffeId.value };
}
