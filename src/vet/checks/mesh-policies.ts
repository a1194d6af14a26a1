import type { KubeObject } from '../../kube/object.js';
import { isLive } from '../callers.js';
import type { Check, ServiceScope, Sighting } from '../check.js';
import { need, needAll } from '../datum.js';
import {
  labelsOf,
  nameOf,
  namespaceOf,
  record,
  records,
  selects,
  specOf,
  textAt,
  textMap,
  textsAt,
} from '../fields.js';

/** What mesh-wide settings and policies do to the service. */
export const meshPolicyChecks: readonly Check[] = [
  {
    code: 'BMV023',
    title: 'PeerAuthentication that turns mutual TLS off for callers',
    about: 'service',
    level: 'error',
    why: "Nothing enforces it on the device, but sidecars read it: with DISABLE for the device's namespace, labels or port they send plaintext.",
    mend: 'Remove mode DISABLE, or narrow its selector so that it does not match the WorkloadEntry.',
    look: lookAtPeerAuthentication,
  },
  {
    code: 'BMV024',
    title: 'automatic mutual TLS is off',
    about: 'service',
    level: 'error',
    why: 'With enableAutoMtls: false sidecars use mutual TLS only where a DestinationRule says so.',
    mend: 'Turn enableAutoMtls on, or add a DestinationRule with mode ISTIO_MUTUAL for the host.',
    look: ({ view }) =>
      view.isRegistered && !view.meshConfig.enableAutoMtls
        ? view.withoutExplicitMutual.map(({ namespace }) => ({
            object: `ConfigMap ${view.meshConfig.rootNamespace}/istio`,
            seen: `enableAutoMtls is false, and no DestinationRule says ISTIO_MUTUAL to callers in namespace ${namespace}`,
          }))
        : [],
  },
  {
    code: 'BMV046',
    title: 'AuthorizationPolicy that nobody enforces',
    about: 'service',
    level: 'error',
    why: "An AuthorizationPolicy is enforced by the server's proxy, and a device has none: the API accepts it, and it does nothing.",
    mend: 'Say who may call in the allowlist ConfigMap of the service; the device enforces that.',
    look: lookAtAuthorization,
  },
  {
    code: 'BMV050',
    title: 'no NetworkPolicy limits egress',
    about: 'mesh',
    level: 'info',
    why: "Every Pod can open the device's address directly, past its sidecar. The device refuses callers without a certificate of the mesh; a NetworkPolicy would keep them from reaching it at all.",
    mend: "Allow egress to the device's address from the callers' namespaces only.",
    look: ({ cluster }) =>
      needAll(cluster.networkPolicies).some(limitsEgress)
        ? []
        : [{ object: 'NetworkPolicies', seen: 'none of them has the policy type Egress' }],
  },
];

function limitsEgress(policy: KubeObject): boolean {
  const spec = specOf(policy);
  return textsAt(spec, 'policyTypes').includes('Egress') || Array.isArray(spec['egress']);
}

function lookAtPeerAuthentication({ view, facts, config }: ServiceScope): readonly Sighting[] {
  // An explicit ISTIO_MUTUAL does not look at it.
  if (!view.isRegistered || view.withoutExplicitMutual.length === 0) return [];
  const { rootNamespace } = view.meshConfig;
  const all = needAll(facts.cluster.peerAuthentications);
  const selectorOf = (policy: KubeObject): Readonly<Record<string, string>> =>
    textMap(record(specOf(policy)['selector'])['matchLabels']);
  const isWide = (policy: KubeObject): boolean => Object.keys(selectorOf(policy)).length === 0;
  const modeOf = (policy: KubeObject): string | undefined => textAt(record(specOf(policy)['mtls']), 'mode');
  const isSaid = (policy: KubeObject): boolean => (modeOf(policy) ?? 'UNSET') !== 'UNSET';
  const byAge = (a: KubeObject, b: KubeObject): number =>
    String(a.metadata['creationTimestamp']).localeCompare(String(b.metadata['creationTimestamp']));
  const wideOf = (namespace: string): KubeObject | undefined =>
    all
      .filter((policy) => namespaceOf(policy) === namespace && isWide(policy) && isSaid(policy))
      .toSorted(byAge)[0];
  // The namespace's own word counts, and the mesh's only where the namespace says nothing.
  const wide = wideOf(view.namespace) ?? wideOf(rootNamespace);
  const found: Sighting[] =
    wide !== undefined && modeOf(wide) === 'DISABLE'
      ? [
          {
            object: nameOf(wide),
            seen: `mode DISABLE for ${namespaceOf(wide) === view.namespace ? `namespace ${view.namespace}` : 'the whole mesh'}`,
          },
        ]
      : [];
  for (const policy of all) {
    if (isWide(policy) || namespaceOf(policy) !== view.namespace) continue;
    const matched = view.endpoints.filter(({ labels }) => selects(selectorOf(policy), labels));
    if (matched.length === 0) continue;
    const ofPort = textAt(
      record(record(specOf(policy)['portLevelMtls'])[String(config.listen.port)]),
      'mode',
    );
    if ((ofPort ?? modeOf(policy)) !== 'DISABLE') continue;
    const place = ofPort === undefined ? '' : ` on port ${config.listen.port}`;
    found.push({
      object: nameOf(policy),
      seen: `mode DISABLE${place} for ${matched.map(({ object }) => object).join(', ')}`,
    });
  }
  return found;
}

function lookAtAuthorization({ view, facts, config, own }: ServiceScope): readonly Sighting[] {
  const policies = needAll(facts.cluster.authorizationPolicies).filter(
    (policy) => namespaceOf(policy) === view.namespace && isForDevice(policy),
  );
  if (policies.length === 0 || config.allowlist.fromAuthorizationPolicies) return [];
  const allowlist = need(own.allowlist)?.allowlist;
  const isListed = (allowlist?.allow.length ?? 0) > 0;
  return policies.map((policy) => ({
    object: nameOf(policy),
    seen: `it is meant for the device, and ${isListed ? 'the allowlist ConfigMaps alone count there' : 'there is no allowlist ConfigMap either'}`,
    ...(isListed ? { level: 'warning' as const } : {}),
  }));

  function isForDevice(policy: KubeObject): boolean {
    const spec = specOf(policy);
    const targets = [
      ...records(spec['targetRefs']),
      ...(spec['targetRef'] === undefined ? [] : [record(spec['targetRef'])]),
    ];
    if (targets.some(({ kind, name }) => kind === 'Service' && name === view.name)) {
      // A waypoint enforces it, where there is one.
      const labels = view.service === undefined ? {} : labelsOf(view.service);
      return labels['istio.io/use-waypoint'] === undefined;
    }
    const selector = textMap(record(spec['selector'])['matchLabels']);
    if (Object.keys(selector).length === 0) return false;
    const isPods = needAll(facts.cluster.pods).some(
      (pod) => namespaceOf(pod) === view.namespace && isLive(pod) && selects(selector, labelsOf(pod)),
    );
    return !isPods && view.endpoints.some(({ labels }) => selects(selector, labels));
  }
}
