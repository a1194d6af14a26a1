import type { X509Certificate } from 'node:crypto';
import { renderEndpoint } from '../../config/endpoint.js';
import { certificateFacts } from '../../pki/certificate-facts.js';
import { findChain } from '../../pki/chain.js';
import { certificateFingerprint } from '../../spiffe/svid.js';
import { readSvidClaims } from '../../spiffe/svid-claims.js';
import type { Check, ServiceScope, Sighting } from '../check.js';
import { valueOf } from '../datum.js';
import { records, textAt } from '../fields.js';
import { meshRoots } from '../mesh-roots.js';
import { flightOf, servedLeaf, uriNames } from '../served.js';
import { clientSslOf, virtualOf } from '../virtual-server.js';

/** The agent renews at half of the lifetime; with less than this left something has kept it from doing so. */
const leastShareLeft = 0.25;
/** What istiod itself allows for clocks that differ. */
const allowedSkewMs = 120_000;

/** The certificate that callers see. */
export const certificateChecks: readonly Check[] = [
  {
    code: 'BMV040',
    title: 'certificate that callers do not accept, or soon will not',
    about: 'service',
    level: 'error',
    why: 'Sidecars verify time, chain and name of the certificate that is served; with any of them wrong no call gets through, however healthy the objects look.',
    mend: 'Run bigip-mesh rotate for the service; where that fails, it says why the CA gives no better certificate.',
    look: lookAtCertificate,
  },
  {
    code: 'BMV041',
    title: 'certificate of another trust domain',
    about: 'service',
    level: 'error',
    why: 'Callers expect names of their own trust domain and its aliases; the device shows one of another.',
    mend: 'Set mesh.trustDomain in the config file to that of the mesh (or leave it out), or add the other one to trustDomainAliases of the mesh.',
    look: (scope) => {
      const names = uriNames(servedLeaf(scope));
      const domains = scope.view.trustDomains;
      return names
        .map((name) => /^spiffe:\/\/([^/]+)/.exec(name)?.[1] ?? '')
        .filter((domain) => !domains.includes(domain))
        .map((domain) => ({
          object: listenerName(scope),
          seen: `its certificate is of trust domain "${domain}", those of the mesh are ${domains.join(', ')}`,
        }));
    },
  },
];

function listenerName({ config }: Pick<ServiceScope, 'config'>): string {
  return `listener ${renderEndpoint(config.listen)}`;
}

function lookAtCertificate(scope: ServiceScope): readonly Sighting[] {
  const { facts, view } = scope;
  const [leaf, ...intermediates] = flightOf(scope).certificates;
  if (leaf === undefined) return [];
  const object = listenerName(scope);
  const seen = [
    ...offences(leaf, facts.now),
    ...chainOffences(leaf, intermediates),
    ...otherThanInstalled(leaf, scope),
  ];
  const found: Sighting[] = seen.map((line) => ({ object, seen: line }));
  if (certificateFacts(leaf).keyUsages === undefined) {
    found.push({ object, seen: 'it has no KeyUsage: strict SPIFFE validators refuse it', level: 'warning' });
  }
  return found;

  function chainOffences(from: X509Certificate, others: readonly X509Certificate[]): readonly string[] {
    const roots = meshRoots(facts.cluster, view.meshConfig);
    const chain = findChain(from, { intermediates: others, roots, at: facts.now });
    // What is wrong with the leaf's own dates is told already.
    if (!chain.ok)
      return isValidAt(from, facts.now) ? [`it leads to no root of the mesh: ${chain.reason}`] : [];
    const shortest = chain.value.slice(1).find((issuer) => new Date(issuer.validTo) < new Date(from.validTo));
    return shortest === undefined
      ? []
      : [`it is valid until ${iso(from.validTo)}, its CA until ${iso(shortest.validTo)} only`];
  }
}

function offences(leaf: X509Certificate, now: Date): readonly string[] {
  const notBefore = new Date(leaf.validFrom).getTime();
  const notAfter = new Date(leaf.validTo).getTime();
  const leftMs = notAfter - now.getTime();
  const claims = readSvidClaims(leaf.raw, { keyUsageMayBeAbsent: true });
  return [
    ...(claims.ok ? [] : [`it is no SVID (${claims.reason})`]),
    ...(notBefore - now.getTime() > allowedSkewMs ? [`it is not valid before ${iso(leaf.validFrom)}`] : []),
    ...(leftMs <= 0
      ? [`it expired at ${iso(leaf.validTo)}`]
      : leftMs < (notAfter - notBefore) * leastShareLeft
        ? [
            `it expires at ${iso(leaf.validTo)}, with less than ${leastShareLeft * 100} % of its lifetime left`,
          ]
        : []),
  ];
}

/** The agent's names carry the fingerprint: what is served, what the profile names and its key must agree. */
function otherThanInstalled(
  leaf: X509Certificate,
  { device, deviceConfig, config }: ServiceScope,
): readonly string[] {
  if (valueOf(device.virtuals) === undefined || valueOf(device.clientSslProfiles) === undefined) return [];
  const virtual = virtualOf(device, deviceConfig, config);
  const [profile] = virtual === undefined ? [] : clientSslOf(device, virtual);
  const [pair] = profile === undefined ? [] : records(profile['certKeyChain']);
  const generation = (path: string | undefined): string | undefined =>
    /_([0-9a-f]{12})\.(?:crt|key)$/.exec(path ?? '')?.[1];
  const cert = generation(pair === undefined ? undefined : textAt(pair, 'cert'));
  const key = generation(pair === undefined ? undefined : textAt(pair, 'key'));
  if (cert === undefined) return [];
  return [
    ...(key !== undefined && key !== cert
      ? [`its profile names the certificate ${cert} with the key of ${key}`]
      : []),
    ...(certificateFingerprint(leaf).startsWith(cert)
      ? []
      : [`its SHA-256 is ${certificateFingerprint(leaf).slice(0, 12)}, the profile names ${cert}`]),
  ];
}

function isValidAt(certificate: X509Certificate, at: Date): boolean {
  return at >= new Date(certificate.validFrom) && at <= new Date(certificate.validTo);
}

function iso(date: string): string {
  return new Date(date).toISOString();
}
