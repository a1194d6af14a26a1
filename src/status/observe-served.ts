import { X509Certificate } from 'node:crypto';
import type { ServiceConfig } from '../config/schema.js';
import { callWithTls } from '../proof/call.js';
import { readSvidClaims } from '../spiffe/svid-claims.js';
import type { ServedCertificate, ServiceStatus } from './status.js';

const deadlineMs = 3000;

/**
 * Looks at what a virtual server serves, by a TLS handshake without a client certificate: its own certificate comes
 * before it refuses.
 */
export async function observeServed({
  listen,
  host,
}: Pick<ServiceConfig, 'listen' | 'host'>): Promise<Pick<ServiceStatus, 'served' | 'notServed'>> {
  const { serverLeaf, detail } = await callWithTls({
    ...listen,
    serverName: `outbound_.${listen.port}_._.${host}`,
    trustBundlePem: '',
    checkServer: () => undefined,
    deadlineMs,
    settleMs: 0,
  });
  return serverLeaf === undefined ? { notServed: detail } : { served: servedCertificate(serverLeaf) };
}

function servedCertificate(der: Buffer): ServedCertificate {
  const certificate = new X509Certificate(der);
  const claims = readSvidClaims(der, { keyUsageMayBeAbsent: true });
  return {
    sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    ...(claims.ok ? { spiffeId: claims.spiffeId.text } : {}),
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
  };
}
