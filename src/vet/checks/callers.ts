import { BlockList, isIPv6 } from 'node:net';
import type { KubeObject } from '../../kube/object.js';
import { hasSidecar, isAmbient, isInjected, meshedNamespaces, modeOf, namespaceNamed } from '../callers.js';
import type { Check, ServiceScope, Sighting } from '../check.js';
import { needAll } from '../datum.js';
import { isExportedTo, matchesHost, sees } from '../destination-rules.js';
import {
  annotationsOf,
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

const traffic = 'traffic.sidecar.istio.io/';
/** Istio's own user, whose traffic iptables leaves alone. */
const proxyUid = 1337;

/** What keeps callers from reaching the device as members of the mesh. */
export const callerChecks: readonly Check[] = [
  {
    code: 'BMV025',
    title: 'caller without a sidecar',
    about: 'service',
    level: 'warning',
    why: 'Without a sidecar nothing shows a certificate for the caller: the device refuses it, whatever the allowlist says.',
    mend: 'Label the namespace istio-injection=enabled (or istio.io/rev), remove sidecar.istio.io/inject: "false", and restart the Pods.',
    look: lookForSidecars,
  },
  {
    code: 'BMV026',
    title: 'caller in ambient mode',
    about: 'service',
    level: 'error',
    why: 'ztunnel sends plaintext to an endpoint that speaks no HBONE, whatever a DestinationRule says; the device refuses it.',
    mend: 'Give the caller a sidecar, or lead it through an egress gateway that uses ISTIO_MUTUAL.',
    look: ({ view, facts }) => {
      const pods = view.callerPods.filter((pod) =>
        isAmbient(pod, namespaceNamed(facts.cluster, namespaceOf(pod))),
      );
      const empty = view.callerNamespaces
        .map((name) => namespaceNamed(facts.cluster, name))
        .filter((namespace) => namespace !== undefined && modeOf(namespace) === 'ambient')
        .filter((namespace) => !view.callerPods.some((pod) => namespaceOf(pod) === namespace?.metadata.name));
      return [...pods, ...empty].flatMap((object) =>
        object === undefined ? [] : [{ object: nameOf(object), seen: 'its traffic goes through ztunnel' }],
      );
    },
  },
  {
    code: 'BMV027',
    title: 'waypoint in front of the device',
    about: 'service',
    level: 'error',
    why: "A waypoint ignores ISTIO_MUTUAL without a warning and sends plaintext; and it would show its own identity, not the caller's.",
    mend: 'Remove istio.io/use-waypoint from the Service (set it to none where the namespace has it).',
    look: ({ view, facts }) => {
      const { service } = view;
      if (service === undefined) return [];
      const own = labelsOf(service)['istio.io/use-waypoint'];
      const namespace = namespaceNamed(facts.cluster, view.namespace);
      const waypoint =
        own ?? (namespace === undefined ? undefined : labelsOf(namespace)['istio.io/use-waypoint']);
      if (waypoint === undefined || waypoint === 'none') return [];
      return [{ object: nameOf(service), seen: `it goes through waypoint "${waypoint}"` }];
    },
  },
  {
    code: 'BMV028',
    title: 'caller whose traffic goes past its sidecar',
    about: 'service',
    level: 'warning',
    why: 'What iptables does not capture leaves the Pod in plaintext and without a certificate.',
    mend: "Take the service's port and addresses out of the traffic.sidecar.istio.io annotations; use neither hostNetwork nor user 1337 for the application.",
    look: (scope) => scope.view.callerPods.flatMap((pod) => bypasses(pod, scope)),
  },
  {
    code: 'BMV029',
    title: 'Sidecar resource that hides the host',
    about: 'service',
    level: 'error',
    why: 'Sidecars of that namespace do not know the host: they send plaintext to its address, or nothing at all.',
    mend: 'Add the host to egress.hosts of the Sidecar.',
    look: lookAtSidecars,
  },
  {
    code: 'BMV030',
    title: 'host that is not exported to its callers',
    about: 'service',
    level: 'error',
    why: 'Callers that the host is not exported to do not know it: with REGISTRY_ONLY the call is refused by their own sidecar, otherwise it goes out in plaintext.',
    mend: "Add the callers' namespaces to exportTo (annotation networking.istio.io/exportTo of a Service).",
    look: ({ view }) => {
      const { service } = view;
      const mode = view.meshConfig.outboundTrafficPolicy;
      const exportTo =
        service === undefined ? [] : split(annotationsOf(service)['networking.istio.io/exportTo']);
      return view.callerNamespaces.flatMap((namespace) => [
        ...(service !== undefined && !sees(exportTo, view.namespace, namespace)
          ? [
              {
                object: nameOf(service),
                seen: `not exported to namespace ${namespace}; outboundTrafficPolicy is ${mode}`,
              },
            ]
          : []),
        ...view.serviceEntries
          .filter((entry) => !isExportedTo(entry, namespace))
          .map((entry) => ({
            object: nameOf(entry),
            seen: `not exported to namespace ${namespace}; outboundTrafficPolicy is ${mode}`,
          })),
      ]);
    },
  },
];

function lookForSidecars({ view, facts }: ServiceScope): readonly Sighting[] {
  const pods = view.callerPods.filter(
    (pod) => !hasSidecar(pod) && !isAmbient(pod, namespaceNamed(facts.cluster, namespaceOf(pod))),
  );
  const bare = pods.map((pod) => {
    const optedOut = labelsOf(pod)['sidecar.istio.io/inject'] === 'false';
    return {
      object: nameOf(pod),
      seen: `no container istio-proxy${optedOut ? ', and sidecar.istio.io/inject is "false"' : ''}`,
    };
  });
  const meshed = meshedNamespaces(facts.cluster);
  const namespaces = view.callerNamespaces.flatMap((name): Sighting[] => {
    const namespace = namespaceNamed(facts.cluster, name);
    if (namespace === undefined || meshed.includes(name) || modeOf(namespace) === 'ambient') return [];
    if (pods.some((pod) => namespaceOf(pod) === name) || isInjected(namespace)) return [];
    const isOff = labelsOf(namespace)['istio-injection'] === 'disabled';
    return [
      {
        object: nameOf(namespace),
        seen: isOff
          ? 'istio-injection is "disabled"'
          : 'it has no label that injects sidecars, and no Pods of callers yet',
        ...(isOff ? {} : { level: 'info' as const }),
      },
    ];
  });
  return [...bare, ...namespaces];
}

function bypasses(pod: KubeObject, { view, config }: ServiceScope): readonly Sighting[] {
  if (!hasSidecar(pod)) return [];
  const annotations = annotationsOf(pod);
  const spec = specOf(pod);
  const object = nameOf(pod);
  const seen: string[] = [];
  const { port } = config.listen;
  const addresses = [
    textAt(view.service === undefined ? {} : specOf(view.service), 'clusterIP'),
    config.listen.address,
  ].filter((address) => address !== undefined && address !== 'None') as string[];
  if (split(annotations[`${traffic}excludeOutboundPorts`]).includes(String(port))) {
    seen.push(`excludeOutboundPorts has ${port}`);
  }
  const excluded = split(annotations[`${traffic}excludeOutboundIPRanges`]);
  for (const address of addresses) {
    if (inRanges(address, excluded)) seen.push(`excludeOutboundIPRanges covers ${address}`);
  }
  const included = annotations[`${traffic}includeOutboundIPRanges`];
  if (
    included !== undefined &&
    included !== '*' &&
    addresses[0] !== undefined &&
    !inRanges(addresses[0], split(included))
  ) {
    seen.push(`includeOutboundIPRanges does not cover ${addresses[0]}`);
  }
  if (spec['hostNetwork'] === true) seen.push('hostNetwork is true');
  const ownUid = record(spec['securityContext'])['runAsUser'];
  const uids = records(spec['containers'])
    .filter(({ name }) => name !== 'istio-proxy')
    .map((container) => record(container['securityContext'])['runAsUser'] ?? ownUid);
  if (uids.includes(proxyUid)) seen.push(`a container runs as user ${proxyUid}`);
  return seen.map((line) => ({ object, seen: line }));
}

function lookAtSidecars({ view, facts }: ServiceScope): readonly Sighting[] {
  const all = needAll(facts.cluster.sidecars);
  const { rootNamespace } = view.meshConfig;
  if (all.length === 0 || !view.isRegistered) return [];
  const selectorOf = (sidecar: KubeObject): Readonly<Record<string, string>> =>
    textMap(record(specOf(sidecar)['workloadSelector'])['labels']);
  const isWide = (sidecar: KubeObject): boolean => Object.keys(selectorOf(sidecar)).length === 0;
  const wideOf = (namespace: string): KubeObject | undefined =>
    all.find((sidecar) => namespaceOf(sidecar) === namespace && isWide(sidecar));
  const used = view.callerNamespaces.flatMap((namespace) => {
    const wide = wideOf(namespace) ?? wideOf(rootNamespace);
    const selective = all.filter(
      (sidecar) =>
        namespaceOf(sidecar) === namespace &&
        !isWide(sidecar) &&
        view.callerPods.some(
          (pod) => namespaceOf(pod) === namespace && selects(selectorOf(sidecar), labelsOf(pod)),
        ),
    );
    return [...(wide === undefined ? [] : [wide]), ...selective].map((sidecar) => ({ namespace, sidecar }));
  });
  const owners = [view.service, ...view.serviceEntries].flatMap((object) =>
    object === undefined ? [] : [namespaceOf(object)],
  );
  return used
    .filter(
      ({ namespace, sidecar }) => !owners.some((owner) => imports(sidecar, namespace, owner, view.host)),
    )
    .map(({ namespace, sidecar }) => ({
      object: nameOf(sidecar),
      seen: `egress.hosts has nothing that covers ${owners[0] ?? view.namespace}/${view.host} for namespace ${namespace}`,
    }));
}

/** @param namespace of the callers, which `.` stands for */
function imports(sidecar: KubeObject, namespace: string, owner: string, host: string): boolean {
  const egress = records(specOf(sidecar)['egress']);
  if (egress.length === 0) return true;
  return egress
    .flatMap((listener) => textsAt(listener, 'hosts'))
    .some((text) => {
      const [scope = '', pattern = ''] = text.split('/');
      const isScope = scope === '*' || scope === owner || (scope === '.' && owner === namespace);
      return isScope && matchesHost(pattern, host);
    });
}

function inRanges(address: string, ranges: readonly string[]): boolean {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', bits] = range.split('/');
    const family = isIPv6(network) ? 'ipv6' : 'ipv4';
    try {
      list.addSubnet(network, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family);
    } catch {
      // What is no range covers nothing.
    }
  }
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

function split(list: string | undefined): readonly string[] {
  return (list ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
