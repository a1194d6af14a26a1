import { X509Certificate } from 'node:crypto';
import forge from 'node-forge';

export interface DeviceCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  readonly fingerprint256: string;
  /** What issued it; itself when self-signed. */
  readonly caPem: string;
}

// Making RSA keys is what costs time; certificates that differ are what the tests are about.
const madeKeys = new Map<string, forge.pki.rsa.KeyPair>();

function keyPairOf(owner: 'ca' | 'factory' | 'issued'): forge.pki.rsa.KeyPair {
  const keys = madeKeys.get(owner) ?? forge.pki.rsa.generateKeyPair(2048);
  madeKeys.set(owner, keys);
  return keys;
}

let serial = 0;
const nextSerial = (): string => (serial += 1).toString(16).padStart(4, '0');

const attribute = (value: string) => [{ shortName: 'CN', value }];

/** As a BIG-IP ships: self-signed, `CN=localhost.localdomain`, no SAN. */
export function mintFactoryCertificate(notAfter = new Date('2049-01-01')): DeviceCertificate {
  const keys = keyPairOf('factory');
  const certificate = draft(keys.publicKey, 'localhost.localdomain', notAfter);
  certificate.setIssuer(attribute('localhost.localdomain'));
  certificate.sign(keys.privateKey, forge.md.sha256.create());
  const certPem = forge.pki.certificateToPem(certificate);
  return finish(certPem, forge.pki.privateKeyToPem(keys.privateKey), certPem);
}

/** Issued by a CA of its own for 127.0.0.1, or for another host. */
export function mintIssuedCertificate(
  host: { readonly ip: string } | { readonly dns: string },
): DeviceCertificate {
  const caKeys = keyPairOf('ca');
  const keys = keyPairOf('issued');
  const ca = draft(caKeys.publicKey, 'Device CA', new Date('2049-01-01'));
  ca.setIssuer(attribute('Device CA'));
  ca.setExtensions([{ name: 'basicConstraints', cA: true, critical: true }]);
  ca.sign(caKeys.privateKey, forge.md.sha256.create());
  const leaf = draft(keys.publicKey, 'bigip', new Date('2049-01-01'));
  leaf.setIssuer(attribute('Device CA'));
  const san = 'ip' in host ? { type: 7, ip: host.ip } : { type: 2, value: host.dns };
  leaf.setExtensions([{ name: 'subjectAltName', altNames: [san] }]);
  leaf.sign(caKeys.privateKey, forge.md.sha256.create());
  return finish(
    forge.pki.certificateToPem(leaf),
    forge.pki.privateKeyToPem(keys.privateKey),
    forge.pki.certificateToPem(ca),
  );
}

function draft(
  publicKey: forge.pki.rsa.PublicKey,
  commonName: string,
  notAfter: Date,
): forge.pki.Certificate {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = publicKey;
  certificate.serialNumber = nextSerial();
  certificate.validity.notBefore = new Date('2020-01-01');
  certificate.validity.notAfter = notAfter;
  certificate.setSubject(attribute(commonName));
  return certificate;
}

function finish(certPem: string, keyPem: string, caPem: string): DeviceCertificate {
  return { certPem, keyPem, caPem, fingerprint256: new X509Certificate(certPem).fingerprint256 };
}
