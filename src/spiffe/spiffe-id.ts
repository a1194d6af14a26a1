import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';
import { firstCharacterOutside, parseTrustDomain, printableCharacter } from './trust-domain.js';

/** SPIFFE-ID.md section 2.3: an ID of up to 2048 bytes must be supported, longer ones should not be made. */
const maxSpiffeIdBytes = 2048;

const scheme = 'spiffe://';
const pathCharacter = /[A-Za-z0-9._-]/;

/** A SPIFFE ID; the only way to one is a parser of this file, so that its parts always fit its text. */
export interface SpiffeId {
  /** The whole ID, byte for byte as it was read. */
  readonly text: string;
  readonly trustDomain: string;
  /** With its leading slash; empty for the ID of the trust domain itself. */
  readonly path: string;
  /** Of Istio's form only: `/ns/NAMESPACE/sa/SERVICE-ACCOUNT`, four segments and no more. */
  readonly namespace?: string;
  /** Present exactly when `namespace` is. */
  readonly serviceAccount?: string;
}

/**
 * Reads a SPIFFE ID by the grammar of SPIFFE-ID.md section 2, strictly.
 *
 * Nothing is decoded, folded, trimmed or normalised: each of these would turn another text into an ID that an
 * allowlist may name. Section 2.4 lets scheme and trust domain compare without case; section 2.1 wants them
 * lower-case, and so does this parser.
 *
 * @returns the ID, or a reason that names the offence and never quotes more than one character of the input.
 */
export function parseSpiffeId(text: string): Parsed<SpiffeId> {
  if (!text.startsWith(scheme)) return refused('it does not start with spiffe:// (lower-case)');
  if (text.length > maxSpiffeIdBytes) {
    return refused(`it is longer than ${maxSpiffeIdBytes} bytes`);
  }
  const pathStart = text.indexOf('/', scheme.length);
  const trustDomain = parseTrustDomain(
    pathStart === -1 ? text.slice(scheme.length) : text.slice(scheme.length, pathStart),
  );
  if (!trustDomain.ok) return trustDomain;
  const path = pathStart === -1 ? '' : text.slice(pathStart);
  const segments = path.split('/').slice(1);
  for (const segment of segments) {
    const offence = segmentOffence(segment);
    if (offence !== undefined) return refused(offence);
  }
  const [ns, namespace, sa, serviceAccount] = segments;
  const isIstioForm = segments.length === 4 && ns === 'ns' && sa === 'sa';
  const { value } = trustDomain;
  return accepted(
    Object.freeze(
      isIstioForm && namespace !== undefined && serviceAccount !== undefined
        ? { text, trustDomain: value, path, namespace, serviceAccount }
        : { text, trustDomain: value, path },
    ),
  );
}

/**
 * The SPIFFE ID of a Kubernetes service account in Istio's form (istio/istio:pkg/spiffe/spiffe.go).
 *
 * @returns the ID, or the reason why one of the parts cannot stand in it.
 */
export function serviceAccountSpiffeId(parts: {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}): Parsed<SpiffeId> {
  const trustDomain = parseTrustDomain(parts.trustDomain);
  if (!trustDomain.ok) return trustDomain;
  for (const part of [parts.namespace, parts.serviceAccount]) {
    const offence = segmentOffence(part);
    if (offence !== undefined) return refused(offence);
  }
  return parseSpiffeId(`${scheme}${trustDomain.value}/ns/${parts.namespace}/sa/${parts.serviceAccount}`);
}

function segmentOffence(segment: string): string | undefined {
  if (segment === '') return 'the path has an empty segment (a double or a trailing slash)';
  if (segment === '.' || segment === '..') return `the path has the segment "${segment}"`;
  const bad = firstCharacterOutside(segment, pathCharacter);
  return bad === undefined ? undefined : `the path has the character ${printableCharacter(bad)}`;
}
