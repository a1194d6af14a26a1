import type { KubeObject } from '../../kube/object.js';
import type { Check, ServiceScope, Sighting } from '../check.js';
import { needAll } from '../datum.js';
import { annotationsOf, labelsOf, nameOf, namespaceOf, records, textAt } from '../fields.js';

const serviceNameLabel = 'kubernetes.io/service-name';
const skipMirror = 'endpointslice.kubernetes.io/skip-mirror';

/** What can be wrong with endpoints that were written by hand, as `istioctl register` once did. */
export const byHandChecks: readonly Check[] = [
  {
    code: 'BMV013',
    title: 'EndpointSlice without mutual TLS',
    about: 'service',
    level: 'error',
    why: 'An address in an EndpointSlice without a Pod has no identity: sidecars send it plaintext unless a DestinationRule says ISTIO_MUTUAL.',
    mend: 'Add a DestinationRule for the host with mode ISTIO_MUTUAL and subjectAltNames, or use registration: workload-entry.',
    look: ({ view }) => {
      if (!view.isByHand || view.slices.length === 0 || view.endpoints.length > 0) return [];
      return view.withoutExplicitMutual.map(({ namespace }) => ({
        object: nameOf(view.slices[0] as KubeObject),
        seen: `no DestinationRule with ISTIO_MUTUAL applies to callers in namespace ${namespace}`,
      }));
    },
  },
  {
    code: 'BMV035',
    title: 'endpoints in a form that Istio does not read',
    about: 'service',
    level: 'error',
    why: 'Istio and kube-proxy read EndpointSlices that carry the name of their Service, with IP addresses and the port names of the Service; anything else is passed over silently.',
    mend: 'Write an EndpointSlice with the label kubernetes.io/service-name, addressType IPv4 or IPv6, and the port name of the Service.',
    look: lookAtSlices,
  },
  {
    code: 'BMV036',
    title: 'annotation of an old registration',
    about: 'service',
    level: 'warning',
    why: 'alpha.istio.io annotations are deprecated and read from the Service only; the list is split at commas without trimming, so a blank makes a name that never matches.',
    mend: 'Give the identity by spec.serviceAccount of a WorkloadEntry, or by subjectAltNames of a DestinationRule, and remove the annotation.',
    look: ({ view, facts }) => {
      const endpoints = needAll(facts.cluster.endpoints).filter(
        (object) => namespaceOf(object) === view.namespace && object.metadata.name === view.name,
      );
      return [...(view.service === undefined ? [] : [view.service]), ...endpoints].flatMap((object) =>
        Object.entries(annotationsOf(object))
          .filter(([key]) => key.startsWith('alpha.istio.io/'))
          .map(([key, value]) => ({
            object: nameOf(object),
            seen: `${key}: "${value}"${object.kind === 'Endpoints' ? ', which nobody reads there' : /,\s/.test(value) ? ', with a blank after a comma' : ''}`,
          })),
      );
    },
  },
];

function lookAtSlices({ view, facts, config }: ServiceScope): readonly Sighting[] {
  const { service } = view;
  const inNamespace = (object: KubeObject): boolean => namespaceOf(object) === view.namespace;
  const slices = needAll(facts.cluster.endpointSlices).filter(inNamespace);
  const lost = slices
    .filter((slice) => labelsOf(slice)[serviceNameLabel] === undefined && holds(slice, config.listen.address))
    .map((slice) => ({
      object: nameOf(slice),
      seen: `it holds ${config.listen.address} and lacks the label ${serviceNameLabel}`,
    }));
  if (service === undefined || !view.isByHand) return lost;
  const names = view.servicePorts.map((port) => textAt(port, 'name') ?? '');
  const own = view.slices.flatMap((slice): Sighting[] => [
    ...(slice['addressType'] === 'FQDN'
      ? [{ object: nameOf(slice), seen: 'addressType is FQDN, which Istio ignores' }]
      : []),
    ...records(slice['ports'])
      .filter((port) => !names.includes(textAt(port, 'name') ?? ''))
      .map((port) => ({
        object: nameOf(slice),
        seen: `its port "${textAt(port, 'name') ?? ''}" is none of the Service (${names.join(', ')})`,
      })),
  ]);
  const endpoints = needAll(facts.cluster.endpoints).filter(
    (object) => inNamespace(object) && object.metadata.name === view.name,
  );
  const handWritten = endpoints
    .filter((object) => records(object['subsets']).length > 0)
    .flatMap((object): Sighting[] => {
      if (labelsOf(object)[skipMirror] === 'true') {
        return [{ object: nameOf(object), seen: `the label ${skipMirror} keeps it from becoming a slice` }];
      }
      return view.slices.length > 0
        ? [
            {
              object: nameOf(object),
              seen: 'Endpoints are deprecated; a mirror of it is what is read',
              level: 'warning',
            },
          ]
        : [{ object: nameOf(object), seen: 'it has no EndpointSlice beside it' }];
    });
  return [...lost, ...own, ...handWritten];
}

function holds(slice: KubeObject, address: string): boolean {
  return records(slice['endpoints']).some(
    ({ addresses }) => Array.isArray(addresses) && addresses.includes(address),
  );
}
