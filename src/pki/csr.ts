import { BitString, Constructed, fromBER, Integer, ObjectIdentifier, Sequence, Set } from 'asn1js';
import { Extension, Extensions } from 'pkijs';

import type { SpiffeId } from '../spiffe/spiffe-id.js';
import { extensionOids } from './certificate-facts.js';
import type { KeyPair } from './key-pair.js';
import { algorithmIdentifier, signatureAlgorithmOf, signDer } from './signature-algorithm.js';
import { encodeSubjectAltNames } from './subject-alt-names.js';

/** PKCS#9 extensionRequest (RFC 2985 section 5.4.2). */
const extensionRequestOid = '1.2.840.113549.1.9.14';

/**
 * Writes a certificate request (PKCS#10, RFC 2986) that istiod, istio-csr and every CA behind them take: empty
 * subject, one critical URI SAN, no other extension.
 *
 * Istiod's own CA reads the key alone. istio-csr refuses names other than the caller's URI
 * (cert-manager/istio-csr:pkg/server/auth.go), and cert-manager a request whose usages are not the ones that it was
 * asked for; a subject, even an empty organisation, would make cert-manager write a SAN that is not critical.
 *
 * @returns PEM.
 */
export function createCsr(spiffeId: SpiffeId, { publicKey, privateKey }: KeyPair): string {
  const algorithm = signatureAlgorithmOf(privateKey);
  const subjectAltNames = { isCritical: true, names: [{ type: 'uri' as const, value: spiffeId.text }] };
  const extension = new Extension({
    extnID: extensionOids.subjectAltName,
    critical: subjectAltNames.isCritical,
    extnValue: encodeSubjectAltNames(subjectAltNames).toBER(),
  });
  const extensionRequest = new Sequence({
    value: [
      new ObjectIdentifier({ value: extensionRequestOid }),
      new Set({ value: [new Extensions({ extensions: [extension] }).toSchema()] }),
    ],
  });
  const info = new Sequence({
    value: [
      new Integer({ value: 0 }),
      new Sequence(),
      fromBER(publicKey.export({ type: 'spki', format: 'der' })).result,
      new Constructed({ idBlock: { tagClass: 3, tagNumber: 0 }, value: [extensionRequest] }),
    ],
  });
  const request = new Sequence({
    value: [
      info,
      algorithmIdentifier(algorithm).toSchema(),
      new BitString({ valueHex: signDer(Buffer.from(info.toBER()), privateKey, algorithm) }),
    ],
  });
  return renderPem('CERTIFICATE REQUEST', Buffer.from(request.toBER()));
}

/** RFC 7468: 64 columns. */
function renderPem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
