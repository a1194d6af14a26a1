import { createPrivateKey } from 'node:crypto';
import type { KeyObject, X509Certificate } from 'node:crypto';

import forge from 'node-forge';

import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';
import type { Secret } from '../secret.js';
import { isKeyPair } from './key-pair.js';
import { parseCertificate } from './parse-certificate.js';

/** A private key, its certificate, and whatever other certificates lay beside them. */
interface Pkcs12Content {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
  readonly others: readonly X509Certificate[];
}

/**
 * Takes a PKCS#12 file (RFC 7292) apart, as cert-manager (`keystore.p12`), Java's keytool and openssl write it.
 *
 * Which certificate belongs to the key is found by the key itself: friendly names and local key IDs are often absent.
 *
 * @param der the file's bytes, not in base64.
 * @returns the content, or a reason that quotes nothing of it.
 */
export function parsePkcs12(der: Secret<Buffer>, passphrase: Secret): Parsed<Pkcs12Content> {
  let keys: readonly KeyObject[];
  let certificates: readonly X509Certificate[];
  try {
    const asn1 = forge.asn1.fromDer(der.reveal().toString('latin1'));
    const { safeContents } = forge.pkcs12.pkcs12FromAsn1(asn1, false, passphrase.reveal());
    const bags = safeContents.flatMap(({ safeBags }) => safeBags);
    keys = bags.flatMap(readKey);
    certificates = bags.flatMap(readCertificate);
  } catch (error) {
    const isLocked = error instanceof Error && /MAC could not be verified|decrypt/i.test(error.message);
    if (!isLocked) return refused('it is no PKCS#12 file that can be read');
    // forge hands PBKDF2 the characters instead of their UTF-8 bytes.
    const isAscii = /^[\x20-\x7e]*$/.test(passphrase.reveal());
    return refused(
      isAscii
        ? 'the passphrase does not open it'
        : 'the passphrase does not open it, or is not understood for its characters beyond ASCII',
    );
  }
  const [privateKey] = keys;
  if (privateKey === undefined) return refused('it holds no private key');
  if (keys.length > 1) return refused('it holds more than one private key');
  const certificate = certificates.find(({ publicKey }) => isKeyPair(publicKey, privateKey));
  if (certificate === undefined) return refused('it holds no certificate of its private key');
  const others = certificates.filter((other) => other !== certificate);
  return accepted({ certificate, privateKey, others });
}

/** forge knows RSA alone and leaves the rest as it stood in the file, which is all that is needed. */
function readKey({ type, key, asn1 }: forge.pkcs12.Bag): KeyObject[] {
  const { keyBag, pkcs8ShroudedKeyBag } = forge.pki.oids;
  if (type !== keyBag && type !== pkcs8ShroudedKeyBag) return [];
  const info = key ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(key)) : asn1;
  return [createPrivateKey({ key: toDer(info), format: 'der', type: 'pkcs8' })];
}

function readCertificate({ type, cert, asn1 }: forge.pkcs12.Bag): X509Certificate[] {
  if (type !== forge.pki.oids['certBag']) return [];
  const certificate = parseCertificate(toDer(cert ? forge.pki.certificateToAsn1(cert) : asn1));
  if (certificate === undefined) throw new Error('a certificate in it is broken');
  return [certificate];
}

function toDer(asn1: forge.asn1.Asn1): Buffer {
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'latin1');
}
