import type { KubeObject } from '../../kube/object.js';
import type { Check, ServiceScope, Sighting } from '../check.js';
import { needAll, UnknownFact } from '../datum.js';
import { domainOf, isExportedTo, isSelective, matchesHost, ruleHost, tlsOf } from '../destination-rules.js';
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
} from '../fields.js';
import { istiods } from '../istiod.js';

/** Since this minor release of Istio 1 a subset without TLS settings takes those of the whole rule. */
const subsetsInheritSince = 31;

/** What can be wrong with the DestinationRules of the host. */
export const destinationRuleChecks: readonly Check[] = [
  {
    code: 'BMV017',
    title: 'DestinationRule that turns mutual TLS off',
    about: 'service',
    level: 'error',
    why: "A rule in the caller's namespace or in the root namespace wins or steps in, and nothing is merged: with DISABLE or SIMPLE the caller shows no certificate, and the device refuses it.",
    mend: 'Set mode ISTIO_MUTUAL for this host in that rule, or narrow the host of the rule.',
    look: lookAtModes,
  },
  {
    code: 'BMV018',
    title: 'short host of a DestinationRule in another namespace',
    about: 'service',
    level: 'error',
    why: "A host without a dot is a name in the rule's own namespace: the rule is for a service that does not exist, and does nothing for this one.",
    mend: 'Write the full name as host.',
    look: ({ view, facts }) =>
      needAll(facts.cluster.destinationRules)
        .filter(
          (rule) =>
            view.name !== undefined &&
            textAt(specOf(rule), 'host') === view.name &&
            namespaceOf(rule) !== view.namespace &&
            !needAll(facts.cluster.services).some(
              ({ metadata }) => metadata.name === view.name && metadata.namespace === namespaceOf(rule),
            ),
        )
        .map((rule) => ({
          object: nameOf(rule),
          seen: `its host "${view.name}" means ${ruleHost(rule, domainOf(view.host))}, where there is no such Service`,
        })),
  },
  {
    code: 'BMV019',
    title: 'DestinationRule that some callers do not see',
    about: 'service',
    level: 'warning',
    why: 'Callers that the rule is not exported to, or that its workloadSelector leaves out, do not use the mutual TLS that it asks for.',
    mend: 'Export the rule to the namespaces of all callers, and take the workloadSelector out.',
    look: lookAtReach,
  },
  {
    code: 'BMV020',
    title: 'subset without TLS settings',
    about: 'service',
    level: 'warning',
    why: 'Up to Istio 1.30 a subset with a policy of its own that says nothing of TLS does not take the mode of the whole rule: its endpoints get plaintext.',
    mend: "Repeat tls.mode in the subset's trafficPolicy, or upgrade to Istio 1.31.",
    look: lookAtSubsets,
  },
  {
    code: 'BMV021',
    title: 'credentialName on a sidecar',
    about: 'service',
    level: 'error',
    why: 'A sidecar uses credentialName only in a rule with workloadSelector; without it the TLS settings are dropped as a whole and plaintext goes out.',
    mend: 'Use mode ISTIO_MUTUAL, which needs no credential.',
    look: ({ view, config }) =>
      view.rules
        .filter((rule) => !isSelective(rule))
        .flatMap((rule) => {
          const { mode, credentialName } = tlsOf(rule, config.listen.port);
          return (mode === 'SIMPLE' || mode === 'MUTUAL') && credentialName !== undefined
            ? [
                {
                  object: nameOf(rule),
                  seen: `mode ${mode} with credentialName "${credentialName}" and no workloadSelector`,
                },
              ]
            : [];
        }),
  },
  {
    code: 'BMV022',
    title: 'port settings for a port that the service lacks',
    about: 'service',
    level: 'warning',
    why: 'portLevelSettings go by the port of the Service, not by its targetPort: settings for another number do nothing.',
    mend: 'Use the port number that callers use.',
    look: ({ view }) => {
      const numbers = [
        ...view.servicePorts.map(({ port }) => port),
        ...view.serviceEntries.flatMap((entry) =>
          records(specOf(entry)['ports']).map(({ number }) => number),
        ),
      ];
      if (numbers.length === 0) return [];
      return view.rules
        .filter((rule) => !ruleHost(rule, domainOf(view.host)).startsWith('*'))
        .flatMap((rule) =>
          records(record(specOf(rule)['trafficPolicy'])['portLevelSettings'])
            .map((settings) => record(settings['port'])['number'])
            .filter((number) => !numbers.includes(number))
            .map((number) => ({
              object: nameOf(rule),
              seen: `it has settings for port ${String(number)}, the service has ${numbers.join(', ')}`,
            })),
        );
    },
  },
];

function lookAtModes({ view }: ServiceScope): readonly Sighting[] {
  if (!view.isRegistered) return [];
  const selective = view.isByHand;
  const own = view.policyOf(view.namespace);
  return view.policies.flatMap(({ namespace, rule, tls }): Sighting[] => {
    if (rule === undefined) return [];
    const where = `for callers in namespace ${namespace}`;
    if (tls.mode === 'DISABLE' || tls.mode === 'SIMPLE') {
      return [{ object: nameOf(rule), seen: `its TLS mode is ${tls.mode} ${where}` }];
    }
    const shadows =
      tls.mode === undefined &&
      own.rule !== undefined &&
      own.rule !== rule &&
      own.tls.mode === 'ISTIO_MUTUAL';
    return shadows && selective
      ? [
          {
            object: nameOf(rule),
            seen: `it stands in front of ${nameOf(own.rule)} ${where}, and says nothing of TLS`,
          },
        ]
      : [];
  });
}

function lookAtReach({ view, config }: ServiceScope): readonly Sighting[] {
  const mutual = view.rules.filter(
    (rule) => namespaceOf(rule) === view.namespace && tlsOf(rule, config.listen.port).mode === 'ISTIO_MUTUAL',
  );
  const hidden = mutual.flatMap((rule) =>
    view.callerNamespaces
      .filter((namespace) => namespace !== view.namespace && !isExportedTo(rule, namespace))
      .map((namespace) => ({
        object: nameOf(rule),
        seen: `it is not exported to namespace ${namespace}, where callers are`,
      })),
  );
  return [...hidden, ...selectiveRules(view).flatMap((rule) => unselected(rule, view))];
}

function selectiveRules(view: ServiceScope['view']): readonly KubeObject[] {
  return view.rules.filter(
    (rule) => isSelective(rule) && matchesHost(ruleHost(rule, domainOf(view.host)), view.host),
  );
}

function unselected(rule: KubeObject, view: ServiceScope['view']): readonly Sighting[] {
  const labels = textMap(record(specOf(rule)['workloadSelector'])['matchLabels']);
  const left = view.callerPods.filter(
    (pod) => namespaceOf(pod) === namespaceOf(rule) && !selects(labels, labelsOf(pod)),
  );
  return left.length === 0
    ? []
    : [{ object: nameOf(rule), seen: `its workloadSelector leaves out ${left.map(nameOf).join(', ')}` }];
}

function lookAtSubsets({ view, facts, config }: ServiceScope): readonly Sighting[] {
  const bare = view.rules
    .filter((rule) => tlsOf(rule, config.listen.port).mode === 'ISTIO_MUTUAL')
    .flatMap((rule) =>
      records(specOf(rule)['subsets'])
        .filter((subset) => Object.keys(record(record(subset['trafficPolicy'])['tls'])).length === 0)
        .map((subset) => ({
          object: nameOf(rule),
          seen: `subset "${textAt(subset, 'name') ?? ''}" says nothing of TLS`,
        })),
    );
  if (bare.length === 0) return [];
  const minors = istiods(facts.cluster).flatMap(({ version }) =>
    version === undefined ? [] : [Number(version.split('.')[1])],
  );
  if (minors.length === 0) throw new UnknownFact({ reason: 'the release of istiod is not to be seen' });
  return minors.some((minor) => minor < subsetsInheritSince) ? bare : [];
}
