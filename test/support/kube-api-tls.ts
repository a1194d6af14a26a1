import type { KubeApiTls } from '../../src/demo/kube-api/kube-api.js';
import { issueCertificate } from '../../src/pki/issue-certificate.js';
import { generateKeyPair } from '../../src/pki/key-pair.js';

const hour = 3_600_000;

/** A server certificate for `localhost` under a CA of its own. */
export async function issueKubeApiTls(): Promise<KubeApiTls> {
  const [ca, server] = await Promise.all([generateKeyPair('ec-p256'), generateKeyPair('ec-p256')]);
  const validity = { notBefore: new Date(Date.now() - hour), notAfter: new Date(Date.now() + 24 * hour) };
  const caCertificate = issueCertificate(
    {
      ...validity,
      subject: [{ type: 'commonName', value: 'kube-api CA' }],
      publicKey: ca.publicKey,
      keyUsages: ['keyCertSign'],
      basicConstraints: { ca: true },
    },
    { privateKey: ca.privateKey },
  );
  const certificate = issueCertificate(
    {
      ...validity,
      subject: [{ type: 'commonName', value: 'kube-api' }],
      publicKey: server.publicKey,
      keyUsages: ['digitalSignature'],
      extendedKeyUsages: ['serverAuth'],
      subjectAltNames: { isCritical: false, names: [{ type: 'dns', value: 'localhost' }] },
    },
    { certificate: caCertificate, privateKey: ca.privateKey },
  );
  return {
    certificate: certificate.toString(),
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    ca: caCertificate.toString(),
    serverName: 'localhost',
  };
}
