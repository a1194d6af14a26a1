import { createPublicKey, generateKeyPair as generate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

/** The kinds of key that the agent makes. */
export const keyTypes = ['ec-p256', 'ec-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096'] as const;
export type KeyType = (typeof keyTypes)[number];

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const generateAsync = promisify(generate);

const rsaBits = { 'rsa-2048': 2048, 'rsa-3072': 3072, 'rsa-4096': 4096 } as const;
const curves = { 'ec-p256': 'P-256', 'ec-p384': 'P-384' } as const;

/** Makes a new key pair; RSA runs off the main thread and takes 0.1 s (2048 bits) to seconds (4096 bits). */
export function generateKeyPair(keyType: KeyType): Promise<KeyPair> {
  return keyType === 'ec-p256' || keyType === 'ec-p384'
    ? generateAsync('ec', { namedCurve: curves[keyType] })
    : generateAsync('rsa', { modulusLength: rsaBits[keyType] });
}

/** What kind of key this is, in our words where we have one: `ec-p256`, `rsa-2048`, or such as `ed25519`. */
export function describeKey(key: KeyObject): string {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') return `rsa-${modulusLength ?? 0}`;
  if (key.asymmetricKeyType === 'ec') {
    if (namedCurve === 'prime256v1') return 'ec-p256';
    if (namedCurve === 'secp384r1') return 'ec-p384';
    return `ec-${namedCurve ?? 'unknown'}`;
  }
  return key.asymmetricKeyType ?? key.type;
}

/** Whether the two belong together. */
export function isKeyPair(publicKey: KeyObject, privateKey: KeyObject): boolean {
  return (
    publicKey.asymmetricKeyType === privateKey.asymmetricKeyType &&
    publicKey.equals(createPublicKey(privateKey))
  );
}
