import type { Check, ServiceScope } from '../check.js';
import { servedLeaf, uriNames } from '../served.js';

/** Which names sidecars accept from the device. */
export const peerNameChecks: readonly Check[] = [
  {
    code: 'BMV014',
    title: 'mutual TLS that accepts anybody as the server',
    about: 'service',
    level: 'error',
    why: 'ISTIO_MUTUAL without any name to expect checks no name at all: every workload of the mesh can pass itself off as the device.',
    mend: 'Set tls.subjectAltNames of the DestinationRule to the SPIFFE ID of the device, or serviceAccount of its WorkloadEntry.',
    look: ({ view }) =>
      view.isRegistered
        ? view.policies
            .filter((policy) => policy.tls.mode === 'ISTIO_MUTUAL' && view.namesFor(policy).length === 0)
            .map(({ namespace }) => ({
              object: `host ${view.host}`,
              seen: `callers in namespace ${namespace} use ISTIO_MUTUAL and expect no name`,
            }))
        : [],
  },
  {
    code: 'BMV015',
    title: 'certificate of another name than callers expect',
    about: 'service',
    level: 'error',
    why: 'Sidecars refuse the device: its certificate has none of the SPIFFE IDs that they expect of the host.',
    mend: 'Make serviceAccount of the WorkloadEntry (or subjectAltNames) and identity in the config file name the same account, then run bigip-mesh apply.',
    look: (scope) => {
      const { view } = scope;
      if (!view.isRegistered) return [];
      const expected = expectations(scope);
      if (expected.length === 0) return [];
      const names = uriNames(servedLeaf(scope));
      return expected
        .filter((list) => !names.some((name) => list.includes(name)))
        .map((list) => ({
          object: `host ${view.host}`,
          seen: `the device shows ${names.join(', ') || 'no URI name'}, callers expect ${list.join(' or ')}`,
        }));
    },
  },
  {
    code: 'BMV016',
    title: 'more names accepted than the one of the device',
    about: 'service',
    level: 'warning',
    why: 'Names are accepted per host: whoever holds one of the others can pass itself off as the device.',
    mend: 'Leave only the SPIFFE ID of the device in subjectAltNames, annotations and endpoints of the host.',
    look: (scope) => {
      const { view } = scope;
      const own = view.withAliases([view.spiffeId]);
      return expectations(scope).flatMap((list) => {
        const more = list.filter((name) => !own.includes(name));
        // Without the own name among them it is a wrong list, which another check tells.
        return more.length === 0 || more.length === list.length
          ? []
          : [
              {
                object: `host ${view.host}`,
                seen: `${more.join(', ')} would be accepted as the device, too`,
              },
            ];
      });
    },
  },
];

/** The different lists of names that callers expect, without empty ones. */
function expectations({ view }: ServiceScope): ReadonlyArray<readonly string[]> {
  if (!view.isRegistered) return [];
  const lists = view.policies.map((policy) => view.namesFor(policy)).filter((list) => list.length > 0);
  return [...new Map(lists.map((list) => [list.join(' '), list])).values()];
}
