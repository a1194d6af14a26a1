import type { KubeObject } from '../../kube/object.js';
import type { Check, Sighting } from '../check.js';
import { annotationsOf, nameOf, record, records, specOf, textAt, textsAt } from '../fields.js';
import { capturesDns } from '../mesh-config.js';
import type { ServiceView } from '../service-view.js';
import { parseYamlFields } from '../yaml.js';

const isDns = (entry: KubeObject): boolean =>
  ['DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'].includes(String(specOf(entry)['resolution']));

const hasNoEndpoints = (entry: KubeObject): boolean =>
  records(specOf(entry)['endpoints']).length === 0 &&
  Object.keys(record(specOf(entry)['workloadSelector'])).length === 0;

/** What can be wrong with a service that is registered as a ServiceEntry. */
export const serviceEntryChecks: readonly Check[] = [
  {
    code: 'BMV007',
    title: 'ServiceEntry that counts as outside of the mesh',
    about: 'service',
    level: 'error',
    why: 'location is MESH_EXTERNAL unless it is set; then sidecars never use mutual TLS by themselves and send plaintext.',
    mend: 'Set location: MESH_INTERNAL, or add a DestinationRule with mode ISTIO_MUTUAL.',
    look: ({ view }) =>
      view.serviceEntries
        .filter((entry) => specOf(entry)['location'] !== 'MESH_INTERNAL' && lacksMutual(view))
        .map((entry) => ({
          object: nameOf(entry),
          seen: `location is ${textAt(specOf(entry), 'location') ?? 'not set, which means MESH_EXTERNAL'}, and no DestinationRule says ISTIO_MUTUAL`,
        })),
  },
  {
    code: 'BMV008',
    title: 'ServiceEntry without resolution',
    about: 'service',
    level: 'error',
    why: 'resolution is NONE unless it is set; then the sidecar forwards to whatever address the caller looked up, and its endpoints are not used.',
    mend: 'Set resolution: STATIC.',
    look: ({ view }) =>
      view.serviceEntries
        .filter((entry) => (textAt(specOf(entry), 'resolution') ?? 'NONE') === 'NONE')
        .map((entry) => ({
          object: nameOf(entry),
          seen: `resolution is ${textAt(specOf(entry), 'resolution') ?? 'not set, which means NONE'}`,
        })),
  },
  {
    code: 'BMV009',
    title: 'DNS ServiceEntry without endpoints',
    about: 'service',
    level: 'error',
    why: 'Without endpoints the host itself is the endpoint, and its TLS mode is fixed to plaintext.',
    mend: 'Write an endpoint with its serviceAccount, or add a DestinationRule with mode ISTIO_MUTUAL.',
    look: ({ view }) =>
      view.serviceEntries
        .filter((entry) => isDns(entry) && hasNoEndpoints(entry) && lacksMutual(view))
        .map((entry) => ({
          object: nameOf(entry),
          seen: `resolution is ${String(specOf(entry)['resolution'])}, and it has no endpoints`,
        })),
  },
  {
    code: 'BMV010',
    title: 'TCP ServiceEntry without an address',
    about: 'service',
    level: 'warning',
    why: 'Without an address that the callers resolve, a sidecar listens on 0.0.0.0 and captures every outbound connection to that port.',
    mend: 'Set addresses, or turn on DNS capture in the callers (ISTIO_META_DNS_CAPTURE) so that the allocated address is used.',
    look: lookForAddress,
  },
  {
    code: 'BMV037',
    title: 'host that is defined twice',
    about: 'service',
    level: 'warning',
    why: 'Endpoints of both definitions are merged while the attributes of one of them win; which one is an accident.',
    mend: 'Keep one definition of the host.',
    look: ({ view }) => {
      const definitions = [view.service, ...view.serviceEntries].filter((object) => object !== undefined);
      return definitions.length < 2
        ? []
        : [{ object: `host ${view.host}`, seen: `${definitions.map(nameOf).join(' and ')} define it` }];
    },
  },
];

function lacksMutual(view: ServiceView): boolean {
  return view.withoutExplicitMutual.length > 0;
}

function lookForAddress({ view }: { readonly view: ServiceView }): readonly Sighting[] {
  // A Service of the same name brings an address.
  if (view.service !== undefined) return [];
  return view.serviceEntries.flatMap((entry): Sighting[] => {
    const spec = specOf(entry);
    const opaque = records(spec['ports']).some((port) =>
      ['', 'TCP', 'MONGO', 'REDIS', 'MYSQL'].includes((textAt(port, 'protocol') ?? '').toUpperCase()),
    );
    if (!opaque || textsAt(spec, 'addresses').length > 0) return [];
    const allocated = records(record(entry['status'])['addresses']).length > 0;
    const object = nameOf(entry);
    if (!allocated) return [{ object, seen: 'it has no addresses, and none was allocated to it' }];
    if (view.meshConfig.dnsCapture) return [];
    const without = view.callerPods.filter((pod) => !podCapturesDns(pod));
    return without.length === 0 && view.callerPods.length > 0
      ? []
      : [{ object, seen: 'it has an allocated address only, which callers without DNS capture do not use' }];
  });
}

function podCapturesDns(pod: KubeObject): boolean {
  const text = annotationsOf(pod)['proxy.istio.io/config'];
  if (text === undefined) return false;
  const parsed = parseYamlFields(text);
  return parsed.ok && capturesDns(parsed.value);
}
