import { createPrivateKey } from 'node:crypto';
import type { KeyObject, X509Certificate } from 'node:crypto';

import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';
import type { Secret } from '../secret.js';
import { parseCertificate } from './parse-certificate.js';

/** One block of a PEM text, its label and the text from BEGIN to END. */
interface PemBlock {
  readonly label: string;
  readonly text: string;
}

/** RFC 7468: explanatory text may stand around blocks, as `openssl x509 -text` writes it. */
const blockPattern = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/**
 * Reads every certificate of a PEM text, in its order.
 *
 * CRLF, missing final line feeds, text around the blocks and blocks of other kinds are no hindrance; one broken
 * certificate refuses the whole text, because the rest of a half-read bundle would pass for the whole.
 *
 * @returns the certificates; none for a text of blanks only, which `cert-chain.pem` of a self-signed CA is.
 */
export function parseCertificatesPem(text: string): Parsed<X509Certificate[]> {
  if (text.trim() === '') return accepted([]);
  const blocks = splitPem(text);
  if (!blocks.ok) return blocks;
  const certificates: X509Certificate[] = [];
  for (const { label, text: block } of blocks.value) {
    if (label !== 'CERTIFICATE' && label !== 'X509 CERTIFICATE') continue;
    const certificate = parseCertificate(block.replaceAll('X509 CERTIFICATE', 'CERTIFICATE'));
    if (certificate === undefined) return refused(`certificate ${certificates.length + 1} in it is broken`);
    certificates.push(certificate);
  }
  return certificates.length === 0 ? refused('it holds no certificate') : accepted(certificates);
}

/**
 * Reads the one private key of a PEM text: PKCS#8, PKCS#1 (`RSA PRIVATE KEY`) or SEC 1 (`EC PRIVATE KEY`), each in
 * the clear or encrypted (PKCS#8 by RFC 5958, the others by the header `Proc-Type: 4,ENCRYPTED` of RFC 1421).
 *
 * @param passphrase for an encrypted key; one in the clear does not look at it.
 * @returns the key, or a reason that quotes nothing of the text.
 */
export function parsePrivateKeyPem(pem: Secret, passphrase?: Secret): Parsed<KeyObject> {
  const blocks = splitPem(pem.reveal());
  if (!blocks.ok) return blocks;
  const keys = blocks.value.filter(({ label }) => label.endsWith('PRIVATE KEY'));
  const [key] = keys;
  if (key === undefined) return refused('it holds no private key');
  if (keys.length > 1) return refused('it holds more than one private key');
  const isEncrypted = key.label === 'ENCRYPTED PRIVATE KEY' || key.text.includes('Proc-Type: 4,ENCRYPTED');
  if (isEncrypted && passphrase === undefined) return refused('the private key is encrypted');
  try {
    return accepted(createPrivateKey({ key: key.text, passphrase: passphrase?.reveal() ?? '' }));
  } catch {
    return refused(
      isEncrypted ? 'the passphrase does not open the encrypted private key' : 'the private key is broken',
    );
  }
}

/** @returns the blocks in their order; a refusal where there is none, or where one has no end */
export function splitPem(text: string): Parsed<PemBlock[]> {
  const blocks = [...text.matchAll(blockPattern)].map(([block, label = '']) => ({
    label,
    text: `${block.replaceAll('\r', '')}\n`,
  }));
  const begins = text.match(/-----BEGIN /g)?.length ?? 0;
  if (blocks.length === 0 && begins === 0) return refused('it holds no PEM block');
  return blocks.length === begins ? accepted(blocks) : refused('a PEM block in it has no matching end');
}
