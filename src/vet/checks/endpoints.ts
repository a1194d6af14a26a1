import { canonicalIp } from '../addresses.js';
import type { Check, ServiceScope, Sighting } from '../check.js';
import { isLive } from '../callers.js';
import { need, needAll, UnknownFact, valueOf } from '../datum.js';
import { labelsOf, nameOf, namespaceOf, record, records, selects, specOf, textAt } from '../fields.js';
import { entryLabels, tlsModeLabel } from '../service-view.js';
import { virtualOf } from '../virtual-server.js';
import { conditionsOf } from '../../mesh/health-condition.js';
import { renderEndpoint } from '../../config/endpoint.js';
import { parseDestination } from '../../icontrol/destination.js';

const healthAnnotation = 'proxy.istio.io/health-checks-enabled';

/** What can be wrong with the endpoints that sidecars are sent to. */
export const endpointChecks: readonly Check[] = [
  {
    code: 'BMV001',
    title: 'endpoint without an identity',
    about: 'service',
    level: 'error',
    why: 'Without serviceAccount and without the label security.istio.io/tlsMode a sidecar takes the endpoint for one outside of the mesh and sends it plaintext, which the device refuses.',
    mend: "Set spec.serviceAccount of the endpoint to the service account of the device's identity.",
    look: ({ view }) =>
      view.endpoints
        .filter(({ serviceAccount, labels }) => serviceAccount === undefined && !(tlsModeLabel in labels))
        .map(({ object }) => ({
          object,
          seen: `it has neither serviceAccount nor the label ${tlsModeLabel}`,
        })),
  },
  {
    code: 'BMV002',
    title: 'TLS mode label that means plaintext',
    about: 'service',
    level: 'error',
    why: 'Any value of security.istio.io/tlsMode other than istio means plaintext to a sidecar, and labels of the metadata win over those of the spec.',
    mend: 'Remove the label, or set it to istio.',
    look: ({ view }) =>
      view.endpoints
        .filter(({ labels }) => tlsModeLabel in labels && labels[tlsModeLabel] !== 'istio')
        .map(({ object, labels }) => ({ object, seen: `${tlsModeLabel} is "${labels[tlsModeLabel]}"` })),
  },
  {
    code: 'BMV003',
    title: 'name without an endpoint',
    about: 'service',
    level: 'error',
    why: 'Sidecars find no endpoint behind the name: every call fails with "no healthy upstream" or a reset.',
    mend: 'Run bigip-mesh register, or give WorkloadEntries in the namespace of the Service the labels of its selector.',
    look: lookForEndpoint,
  },
  {
    code: 'BMV004',
    title: 'selector that also matches Pods',
    about: 'service',
    level: 'warning',
    why: 'Calls are spread over the device and those Pods, which do not have its identity, its allowlist or its backend.',
    mend: 'Give the selector a label that no Pod carries.',
    look: ({ view, facts }) => {
      const { selector, service } = view;
      if (service === undefined || Object.keys(selector).length === 0) return [];
      const pods = needAll(facts.cluster.pods).filter(
        (pod) => namespaceOf(pod) === view.namespace && isLive(pod) && selects(selector, labelsOf(pod)),
      );
      return pods.length === 0
        ? []
        : [{ object: nameOf(service), seen: `its selector matches ${pods.map(nameOf).join(', ')}` }];
    },
  },
  {
    code: 'BMV005',
    title: 'headless Service',
    about: 'service',
    level: 'error',
    why: 'Istio looks for WorkloadEntries behind a ClusterIP Service only; behind a headless one they are ignored.',
    mend: 'Make the Service anew without clusterIP: None.',
    look: ({ view }) =>
      view.isHeadless && view.service !== undefined
        ? [{ object: nameOf(view.service), seen: 'clusterIP is None' }]
        : [],
  },
  {
    code: 'BMV006',
    title: 'named target port that the endpoint lacks',
    about: 'service',
    level: 'error',
    why: 'An endpoint without the port of that name is left out silently.',
    mend: 'Give targetPort as a number, or add the port to spec.ports of the WorkloadEntry.',
    look: ({ view }) =>
      view.servicePorts.flatMap(({ targetPort }) =>
        typeof targetPort !== 'string' || /^\d+$/.test(targetPort)
          ? []
          : view.endpoints
              .filter(({ entry, ports }) => entry !== undefined && !(targetPort in ports))
              .map(({ object }) => ({
                object,
                seen: `it has no port "${targetPort}", which the Service's targetPort names`,
              })),
      ),
  },
  {
    code: 'BMV031',
    title: 'endpoint in another network',
    about: 'service',
    level: 'error',
    why: "Sidecars reach another network through its east-west gateway (port 15443) and never open the device's own port.",
    mend: 'Leave spec.network empty for a device that the callers reach directly.',
    look: ({ view, facts }) => {
      const elsewhere = view.endpoints.filter(({ network }) => network !== undefined);
      if (elsewhere.length === 0) return [];
      const root = needAll(facts.cluster.namespaces).find(
        ({ metadata }) => metadata.name === view.meshConfig.rootNamespace,
      );
      const own = root === undefined ? undefined : labelsOf(root)['topology.istio.io/network'];
      return elsewhere
        .filter(({ network }) => network !== own)
        .map(({ object, network }) => ({
          object,
          seen: `network is "${network}", that of the mesh ${own === undefined ? 'has no name' : `is "${own}"`}`,
        }));
    },
  },
  {
    code: 'BMV032',
    title: 'endpoint that claims HBONE',
    about: 'service',
    level: 'error',
    why: 'Callers then open a CONNECT tunnel on port 15008, which the device does not speak.',
    mend: 'Remove the label networking.istio.io/tunnel and the annotation ambient.istio.io/redirection.',
    look: ({ view }) =>
      view.endpoints.flatMap(({ object, labels, annotations }) => [
        ...(labels['networking.istio.io/tunnel'] === undefined
          ? []
          : [
              {
                object,
                seen: `label networking.istio.io/tunnel is "${labels['networking.istio.io/tunnel']}"`,
              },
            ]),
        ...(annotations['ambient.istio.io/redirection'] === 'enabled'
          ? [{ object, seen: 'annotation ambient.istio.io/redirection is "enabled"' }]
          : []),
      ]),
  },
  {
    code: 'BMV033',
    title: 'endpoint that is not healthy',
    about: 'service',
    level: 'error',
    why: 'With the health annotation istiod drops the endpoint unless its condition Healthy is "True", and it never sends anybody to an endpoint of a slice that is not ready.',
    mend: 'Run bigip-mesh apply, which proves the service and sets the condition; it says what fails.',
    look: lookAtHealth,
  },
  {
    code: 'BMV034',
    title: 'endpoint address that is not the virtual server',
    about: 'service',
    level: 'error',
    why: 'Callers are sent to an address where the device does not serve this service.',
    mend: 'Give each virtual server one WorkloadEntry with its address; bigip-mesh apply does.',
    look: lookAtAddresses,
  },
];

function lookForEndpoint({ view, facts, config }: ServiceScope): readonly Sighting[] {
  if (!view.isRegistered) {
    return config.registration === 'none'
      ? []
      : [{ object: `host ${view.host}`, seen: 'there is no Service and no ServiceEntry for it' }];
  }
  if (view.endpoints.length > 0) return [];
  const { service, selector } = view;
  if (service !== undefined && Object.keys(selector).length > 0) {
    const elsewhere = needAll(facts.cluster.workloadEntries).filter((entry) =>
      selects(selector, entryLabels(entry)),
    );
    const hint =
      elsewhere.length === 0 ? '' : `; ${elsewhere.map(nameOf).join(', ')} is in another namespace`;
    return [{ object: nameOf(service), seen: `its selector matches no WorkloadEntry${hint}` }];
  }
  if (service !== undefined) {
    return view.slices.length > 0
      ? []
      : [{ object: nameOf(service), seen: 'it has no selector and no EndpointSlice' }];
  }
  return view.serviceEntries
    .filter((entry) => Object.keys(record(specOf(entry)['workloadSelector'])).length > 0)
    .map((entry) => ({ object: nameOf(entry), seen: 'its workloadSelector matches no WorkloadEntry' }));
}

function lookAtHealth({ view }: ServiceScope): readonly Sighting[] {
  const entries = view.endpoints.flatMap(({ object, annotations, entry }): Sighting[] => {
    if (entry === undefined || annotations[healthAnnotation] !== 'true') return [];
    const condition = conditionsOf(entry).find(({ type }) => type === 'Healthy');
    if (condition === undefined) return [{ object, seen: 'it has no condition Healthy' }];
    const message = textAt(condition, 'message');
    const why = message === undefined ? '' : ` (${message})`;
    return condition.status === 'True' ? [] : [{ object, seen: `Healthy is "${condition.status}"${why}` }];
  });
  const slices = view.isByHand ? view.slices : [];
  const drained = slices
    .filter((slice) =>
      records(slice['endpoints']).every(({ conditions }) => record(conditions)['ready'] === false),
    )
    .map((slice) => ({ object: nameOf(slice), seen: 'none of its endpoints is ready' }));
  return [...entries, ...drained];
}

function lookAtAddresses({ view, config, own, device, deviceConfig }: ServiceScope): readonly Sighting[] {
  const virtual = valueOf(device.virtuals) && virtualOf(device, deviceConfig, config);
  const parsed = virtual === undefined ? undefined : parseDestination(String(virtual['destination']));
  const address = parsed?.ok === true ? parsed.value.address : config.listen.address;
  const { port } = config.listen;
  const stated = [
    ...view.endpoints.map(({ object, address: stands }) => ({ object, stands })),
    ...(view.isByHand ? view.slices : []).flatMap((slice) =>
      records(slice['endpoints']).flatMap((endpoint) =>
        (Array.isArray(endpoint['addresses']) ? endpoint['addresses'] : []).map((stands) => ({
          object: nameOf(slice),
          stands: String(stands),
        })),
      ),
    ),
  ];
  const seen = new Map<string, string>();
  const wrong = stated.flatMap(({ object, stands }): Sighting[] => {
    const canonical = canonicalIp(stands ?? '');
    const first = seen.get(canonical);
    if (first !== undefined) return [{ object, seen: `${stands} stands in ${first}, too` }];
    seen.set(canonical, object);
    return canonical === canonicalIp(address)
      ? []
      : [{ object, seen: `its address is ${stands ?? 'missing'}, the virtual server's is ${address}` }];
  });
  if (wrong.length > 0) return wrong;
  const listener = need(own.listener);
  if (listener === undefined) throw new UnknownFact({ reason: 'the listener was not looked at' });
  return listener.isClosed
    ? [
        {
          object: `listener ${renderEndpoint({ address: config.listen.address, port })}`,
          seen: 'connections are refused',
        },
      ]
    : [];
}
