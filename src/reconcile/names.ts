import { createHash } from 'node:crypto';

/**
 * The names of the objects on the device. Service names are DNS labels, so an underscore always separates a
 * service's name from what we put behind it, and two services never share a name.
 */
export const ruleName = 'spiffe_allowlist';
export const ledgerName = 'bigip_mesh_ledger';

/** The objects of one mesh service that keep their names for life. */
export function serviceNames(service: string) {
  return {
    clientSsl: `${service}_clientssl`,
    allow: `${service}_allow`,
    deny: `${service}_deny`,
    settings: `${service}_settings`,
    counters: `${service}_counters`,
    pool: `${service}_pool`,
    virtual: service,
  } as const;
}

/**
 * The names of a certificate and its key. Both carry the certificate's fingerprint, so a key can never come to
 * stand under the name of another key's certificate.
 */
export function pairNames(service: string, leafFingerprint: string): { cert: string; key: string } {
  const generation = `${service}_${short(leafFingerprint.replaceAll(':', '').toLowerCase())}`;
  return { cert: `${generation}.crt`, key: `${generation}.key` };
}

/** @returns the service whose certificate or key has this name */
export function pairOwner(name: string): string | undefined {
  return /^([a-z0-9-]+)_[0-9a-f]{12}\.(?:crt|key)$/.exec(name)?.[1];
}

export function chainName(pem: string): string {
  return `ca_chain_${short(sha256(pem))}.crt`;
}

export function bundleName(pem: string): string {
  return `trust_bundle_${short(sha256(pem))}.crt`;
}

export function revocationName(pem: string): string {
  return `ca_crl_${short(sha256(pem))}.crl`;
}

function short(hex: string): string {
  return hex.slice(0, 12);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
