import { createHash } from 'node:crypto';
import { issueCertificate } from '../pki/issue-certificate.js';
import { generateKeyPair } from '../pki/key-pair.js';
import type { KeyType } from '../pki/key-pair.js';
import { Secret } from '../secret.js';

/** A certificate signed by itself, and its key. */
export interface Pair {
  readonly certificatePem: string;
  readonly keyPem: Secret;
}

/** Keys and certificates for the checks, worth nothing anywhere. */
export interface Material {
  readonly rsa: Pair;
  readonly otherRsa: Pair;
  readonly ec: Pair;
}

export async function mintMaterial(now: Date): Promise<Material> {
  const [rsa, otherRsa, ec] = await Promise.all([
    mintPair('rsa-2048', now),
    mintPair('rsa-2048', now),
    mintPair('ec-p256', now),
  ]);
  return { rsa, otherRsa, ec };
}

/** How a device names the content of a stored file: `SHA1:SIZE:HEX`. */
export function checksumOf(content: string | Secret): string {
  const bytes = Buffer.from(typeof content === 'string' ? content : content.reveal());
  return `SHA1:${bytes.length}:${createHash('sha1').update(bytes).digest('hex')}`;
}

async function mintPair(keyType: KeyType, now: Date): Promise<Pair> {
  const { publicKey, privateKey } = await generateKeyPair(keyType);
  const certificate = issueCertificate(
    {
      subject: [{ type: 'commonName', value: `conformance ${keyType}` }],
      publicKey,
      notBefore: new Date(now.getTime() - 3_600_000),
      notAfter: new Date(now.getTime() + 86_400_000),
      extendedKeyUsages: ['serverAuth'],
    },
    { privateKey },
  );
  return {
    certificatePem: certificate.toString(),
    keyPem: new Secret(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
  };
}
