import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Secret } from '../../secret.js';
import { hashPublicKey, keySize } from './certificate-facts.js';

/** What `sys/file/ssl-key` shows of a private key. */
export interface KeyFacts {
  /** `rsa-private`, `ec-private` */
  readonly keyType: string;
  readonly keySize: number;
  readonly curveName: string;
  /** SHA-256 of its public half; absent while the key is encrypted and no passphrase is known. */
  readonly publicKeyHash?: string;
}

/** Reads a PEM private key; undefined when it is none, or its passphrase is wrong. */
export function parseKey(pem: Secret, passphrase?: Secret): KeyFacts | undefined {
  if (passphrase === undefined && isEncrypted(pem))
    return { keyType: 'rsa-private', keySize: 0, curveName: 'none' };
  const key = readKey(pem, passphrase);
  if (key === undefined) return undefined;
  return {
    keyType: `${key.asymmetricKeyType ?? 'unknown'}-private`,
    keySize: keySize(key.asymmetricKeyDetails),
    curveName: key.asymmetricKeyDetails?.namedCurve ?? 'none',
    publicKeyHash: hashPublicKey(createPublicKey(key).export({ type: 'spki', format: 'der' })),
  };
}

/** Whether the PEM says that it is encrypted, in PKCS#8 or in the older header form. */
export function isEncrypted(pem: Secret): boolean {
  return /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem.reveal());
}

function readKey(pem: Secret, passphrase: Secret | undefined): KeyObject | undefined {
  try {
    return createPrivateKey({
      key: pem.reveal(),
      format: 'pem',
      ...(passphrase === undefined ? {} : { passphrase: passphrase.reveal() }),
    });
  } catch {
    return undefined;
  }
}
