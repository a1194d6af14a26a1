import type { KeyObject, X509Certificate } from 'node:crypto';

import { AgentError } from '../errors.js';
import { isKeyPair } from '../pki/key-pair.js';
import { parseCertificatesPem, parsePrivateKeyPem } from '../pki/pem.js';
import type { Secret } from '../secret.js';
import type { SpiffeId } from '../spiffe/spiffe-id.js';

/** A text, and how a message names the place that it was read from: `tls.crt of the secret default/bigip`. */
interface PlacedText<T> {
  readonly place: string;
  readonly text: T;
}

/** An SVID as it is kept in PEM, by cert-manager, spiffe-helper or Istio's old node agent. */
interface SvidPem {
  /** The leaf, then whatever else. */
  readonly certificate: PlacedText<string>;
  readonly key: PlacedText<Secret>;
  readonly passphrase: Secret | undefined;
}

export interface ParsedSvidPem {
  readonly leaf: X509Certificate;
  readonly others: readonly X509Certificate[];
  readonly privateKey: KeyObject;
}

/**
 * Reads leaf, chain and key.
 *
 * @throws AgentError MESH_ERR_SVID_MISSING when a text is empty, MESH_ERR_SVID_UNREADABLE when it is something else,
 *   MESH_ERR_SVID_KEY_MISMATCH when the two do not belong together.
 */
export function parseSvidPem({ certificate, key, passphrase }: SvidPem): ParsedSvidPem {
  const certificates = parseCertificatesPem(certificate.text);
  if (!certificates.ok) throw unreadable(certificate.place, certificates.reason);
  const [leaf, ...others] = certificates.value;
  if (leaf === undefined) throw svidMissing(`${certificate.place} is empty`);
  if (key.text.reveal().trim() === '') throw svidMissing(`${key.place} is empty`);
  const privateKey = parsePrivateKeyPem(key.text, passphrase);
  if (!privateKey.ok) throw unreadable(key.place, privateKey.reason);
  if (isKeyPair(leaf.publicKey, privateKey.value)) return { leaf, others, privateKey: privateKey.value };
  throw new AgentError(
    'MESH_ERR_SVID_KEY_MISMATCH',
    `${key.place} is not the key of the certificate in ${certificate.place}`,
    'let whoever writes them write both anew, and see whether it stopped half-way',
  );
}

export function svidMissing(
  what: string,
  nextStep = 'see whether whoever issues the certificate has done so',
): AgentError {
  return new AgentError('MESH_ERR_SVID_MISSING', what, nextStep);
}

/** Puts the parts of an identity where a configured name or path has `{namespace}` and `{serviceAccount}`. */
export function fillIn(
  template: string,
  { namespace = '', serviceAccount = '' }: Pick<SpiffeId, 'namespace' | 'serviceAccount'>,
): string {
  return template.replaceAll('{namespace}', namespace).replaceAll('{serviceAccount}', serviceAccount);
}

function unreadable(place: string, reason: string): AgentError {
  return new AgentError(
    'MESH_ERR_SVID_UNREADABLE',
    `${place} cannot be used: ${reason}`,
    /encrypted|passphrase/.test(reason)
      ? 'name the file with its passphrase in identity.passphraseFile'
      : 'put PEM there, and nothing else',
  );
}
