import { createPublicKey, generateKeyPair, randomInt } from 'node:crypto';
import { promisify } from 'node:util';
import forge from 'node-forge';
import { Secret } from '../../secret.js';

/** A certificate and its key, PEM. */
export interface ManagementCertificate {
  readonly pem: string;
  readonly keyPem: Secret;
}

type Attribute = { readonly shortName?: string; readonly name?: string; readonly value: string };

/** The subject of a management certificate that nobody replaced. */
export const localhostSubject: readonly Attribute[] = [{ shortName: 'CN', value: 'localhost.localdomain' }];

/** The subject of `/Common/default.crt`. */
export const defaultSubject: readonly Attribute[] = [
  { shortName: 'C', value: 'US' },
  { shortName: 'ST', value: 'WA' },
  { shortName: 'L', value: 'Seattle' },
  { shortName: 'O', value: 'MyCompany' },
  { shortName: 'OU', value: 'IT' },
  { shortName: 'CN', value: 'localhost.localdomain' },
  { name: 'emailAddress', value: 'root@localhost.localdomain' },
];

const tenYearsMs = 10 * 365 * 24 * 3600 * 1000;

/** An RSA-2048 certificate signed by itself, valid for ten years, without extensions: no SAN, as on a new device. */
export async function mintSelfSigned(
  subject: readonly Attribute[],
  now: Date,
): Promise<ManagementCertificate> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const keyPem = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  const publicPem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicPem);
  certificate.serialNumber = randomInt(0x10000000, 0x7fffffff).toString(16);
  certificate.validity.notBefore = new Date(now.getTime() - 1000);
  certificate.validity.notAfter = new Date(now.getTime() + tenYearsMs);
  certificate.setSubject([...subject]);
  certificate.setIssuer([...subject]);
  certificate.sign(forge.pki.privateKeyFromPem(keyPem), forge.md.sha256.create());
  return {
    pem: forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n'),
    keyPem: new Secret(keyPem),
  };
}
