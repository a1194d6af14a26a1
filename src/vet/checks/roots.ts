import type { X509Certificate } from 'node:crypto';
import { meshedNamespaces } from '../callers.js';
import type { Check, ServiceScope, Sighting } from '../check.js';
import { need, UnknownFact, valueOf } from '../datum.js';
import type { Facts } from '../facts.js';
import { records, textAt } from '../fields.js';
import { meshRoots, parseRootsPem } from '../mesh-roots.js';
import { objectAt, servedProfile } from '../virtual-server.js';
import { bundleName } from '../../reconcile/names.js';
import { certificateFingerprint } from '../../spiffe/svid.js';
import { TrustBundle } from '../../spiffe/trust-bundle.js';

const configMapName = 'istio-ca-root-cert';

/** Whether mesh, CA and device trust the same roots. */
export const rootChecks: readonly Check[] = [
  {
    code: 'BMV038',
    title: 'namespaces that trust different roots',
    about: 'mesh',
    level: 'error',
    why: `Sidecars trust what the ConfigMap ${configMapName} of their namespace says. Where it is missing, sidecars do not start; where it differs, they refuse the device or the device refuses them.`,
    mend: `Find out what keeps istiod from writing ${configMapName} there (its log, leftovers of another revision), and let it write it anew.`,
    look: lookAtPublished,
  },
  {
    code: 'BMV039',
    title: 'device that trusts other roots than the mesh',
    about: 'service',
    level: 'error',
    why: 'A root of the mesh that the device lacks: callers whose certificates come from it are refused. A root that the mesh has given up: whoever still holds its key gets in.',
    mend: 'Run bigip-mesh apply; roots in meshConfig.caCertificates go into identity.extraRoots as well.',
    look: lookAtBundle,
  },
  {
    code: 'BMV042',
    title: 'CA secret that cannot sign',
    about: 'mesh',
    level: 'error',
    why: 'istiod refuses to start with it, or signs certificates that nobody accepts; with both secrets there it is easy to renew the one that is not used.',
    mend: 'Write cacerts with ca-cert.pem, ca-key.pem, cert-chain.pem and root-cert.pem that belong together, and delete istio-ca-secret where cacerts is used.',
    look: lookAtCaSecret,
  },
];

function lookAtPublished({ cluster, config }: Facts): readonly Sighting[] {
  const root = need(cluster.meshConfig)?.rootNamespace ?? config.mesh.rootNamespace;
  const expected = fingerprints(need(cluster.publishedRoots.get(root) ?? { state: 'absent' }));
  const found: Sighting[] = [];
  if (expected === undefined)
    found.push({ object: `ConfigMap ${root}/${configMapName}`, seen: 'it does not exist' });
  const concerned = new Set(meshedNamespaces(cluster));
  for (const [namespace, datum] of cluster.publishedRoots) {
    if (namespace === root) continue;
    const object = `ConfigMap ${namespace}/${configMapName}`;
    const pem = need(datum);
    if (pem === undefined) {
      if (concerned.has(namespace))
        found.push({ object, seen: 'it does not exist, and the namespace has sidecars' });
      continue;
    }
    const own = fingerprints(pem);
    if (own !== expected && expected !== undefined) {
      found.push({ object, seen: `its roots are not those of namespace ${root}` });
    }
  }
  return found;
}

/** Of PEM; a text of its own where it cannot be read, so that it equals nothing. */
function fingerprints(pem: string | undefined): string | undefined {
  if (pem === undefined) return undefined;
  const certificates = parseRootsPem(pem);
  if (certificates === undefined) return `unreadable ${pem.length}`;
  return [...new Set(certificates.map(certificateFingerprint))].toSorted().join(' ');
}

function lookAtBundle({ facts, device, deviceConfig, config, view }: ServiceScope): readonly Sighting[] {
  const profile = servedProfile(device, deviceConfig, config);
  if (profile === undefined)
    throw new UnknownFact({ reason: `the device does not serve ${config.name} yet` });
  const caFile = textAt(profile, 'caFile') ?? 'none';
  const object = `client SSL profile ${String(profile['fullPath'])}`;
  if (caFile === 'none') return [{ object, seen: 'caFile is none' }];
  const roots = meshRoots(facts.cluster, view.meshConfig);
  const file = objectAt(device.certificates, caFile);
  const trusted = file === undefined ? undefined : trustedBy(file);
  if (trusted === undefined) {
    // Releases before 14.0 give no fingerprint; the agent's own names tell what is inside.
    const expected = `/${deviceConfig.partition}/${bundleName(TrustBundle.of([{ origin: 'mesh', certificates: roots }]).toPem())}`;
    return caFile === expected
      ? []
      : [{ object, seen: `caFile is ${caFile}, which is not the bundle of the mesh's roots` }];
  }
  const wanted = new Map(roots.map((root) => [certificateFingerprint(root), root]));
  const missing = [...wanted].filter(([fingerprint]) => !trusted.includes(fingerprint));
  const extra = trusted.filter((fingerprint) => !wanted.has(fingerprint));
  const isAsked = (facts.config.identity.extraRoots ?? []).length > 0;
  return [
    ...missing.map(([fingerprint, root]) => ({
      object: `certificate ${caFile}`,
      seen: `it lacks the root ${describe(root, fingerprint)}`,
    })),
    ...(isAsked ? [] : extra).map((fingerprint) => ({
      object: `certificate ${caFile}`,
      seen: `it holds a root that the mesh does not publish (SHA-256 ${fingerprint.slice(0, 12)})`,
      // While roots change it belongs there.
      level: 'info' as const,
    })),
  ];
}

/** SHA-256 of every certificate of a file, lower-case hex; undefined where the release does not tell. */
function trustedBy(file: Readonly<Record<string, unknown>>): readonly string[] | undefined {
  const reference = file['bundleCertificatesReference'];
  const items =
    typeof reference === 'object' && reference !== null
      ? (reference as { items?: unknown }).items
      : undefined;
  const inside = records(items);
  const given = (inside.length === 0 ? [file] : inside).map((certificate) =>
    textAt(certificate, 'fingerprint'),
  );
  return given.every((text) => text !== undefined)
    ? given.map((text) =>
        text
          .replace(/^SHA256\//, '')
          .replaceAll(':', '')
          .toLowerCase(),
      )
    : undefined;
}

function describe(root: X509Certificate, fingerprint: string): string {
  // Node gives undefined for an empty subject, against its type declaration.
  const subject = (root.subject as string | undefined)?.split('\n').join(', ') ?? '';
  return `${subject === '' ? '' : `of ${subject} `}(SHA-256 ${fingerprint.slice(0, 12)})`;
}

function lookAtCaSecret({ cluster, config }: Facts): readonly Sighting[] {
  const secrets = need(cluster.caSecrets);
  const { rootNamespace } = config.mesh;
  const isNeeded = config.identity.source === 'ca-secret';
  if (secrets === undefined) {
    return isNeeded
      ? [
          {
            object: `Secret ${rootNamespace}/cacerts`,
            seen: 'neither it nor istio-ca-secret exists, and identity.source is ca-secret',
          },
        ]
      : [];
  }
  const { names, fault, rootFingerprint256 } = secrets;
  const object = `Secret ${rootNamespace}/${names[0] ?? 'cacerts'}`;
  const published = valueOf(cluster.publishedRoots.get(rootNamespace) ?? { state: 'absent' });
  const roots = published === undefined ? undefined : parseRootsPem(published)?.map(certificateFingerprint);
  return [
    ...(fault === undefined ? [] : [{ object, seen: fault }]),
    ...(fault === undefined &&
    rootFingerprint256 !== undefined &&
    roots?.includes(rootFingerprint256) === false
      ? [
          {
            object,
            seen: 'its root is not among those that the mesh publishes: another CA signs for this mesh',
          },
        ]
      : []),
    ...(names.length > 1
      ? [
          {
            object: `Secret ${rootNamespace}/istio-ca-secret`,
            seen: `it stands beside ${names[0] ?? ''}, which istiod prefers`,
            level: 'warning' as const,
          },
        ]
      : []),
  ];
}
