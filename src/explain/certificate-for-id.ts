import { issueCertificate } from '../pki/issue-certificate.js';
import { generateKeyPair } from '../pki/key-pair.js';

const hourMs = 3_600_000;

/**
 * A certificate as Istio makes them for workloads, with the given text as its URI, legal or not, and signed by itself:
 * with it the engines can be asked about an ID alone. Nothing keeps its key.
 *
 * @returns DER
 */
export async function certificateForId(text: string, now: Date): Promise<Buffer> {
  const { publicKey, privateKey } = await generateKeyPair('ec-p256');
  const { raw } = issueCertificate(
    {
      subject: [],
      publicKey,
      notBefore: now,
      notAfter: new Date(now.getTime() + hourMs),
      keyUsages: ['digitalSignature', 'keyEncipherment'],
      extendedKeyUsages: ['serverAuth', 'clientAuth'],
      basicConstraints: { ca: false },
      subjectAltNames: {
        isCritical: true,
        names: [{ type: 'uri', value: Buffer.from(text).toString('latin1') }],
      },
    },
    { privateKey },
  );
  return raw;
}
