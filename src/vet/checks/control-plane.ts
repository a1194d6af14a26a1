import type { Check, Sighting } from '../check.js';
import { needAll, UnknownFact, valueOf } from '../datum.js';
import type { Facts } from '../facts.js';
import { nameOf, records, specOf } from '../fields.js';
import { istiods } from '../istiod.js';

/** Kinds without which nothing can be registered. */
const wanted = [
  'workloadentries.networking.istio.io',
  'serviceentries.networking.istio.io',
  'destinationrules.networking.istio.io',
];

/** What can be wrong with the control plane. */
export const controlPlaneChecks: readonly Check[] = [
  {
    code: 'BMV045',
    title: 'Istio definitions or their validation missing',
    about: 'mesh',
    level: 'warning',
    why: 'Without the definitions in version v1 the agent cannot register a service; without the webhook the API server takes Istio objects that istiod then ignores.',
    mend: 'Install the base chart of Istio 1.22 or later, with its validating webhook.',
    look: lookAtDefinitions,
  },
  {
    code: 'BMV049',
    title: 'istiod revisions that disagree',
    about: 'mesh',
    level: 'warning',
    why: 'Callers of different revisions expect different names of the device when their trust domains differ; only one of them can be served.',
    mend: 'Give all revisions the same trustDomain and trustDomainAliases.',
    look: lookAtRevisions,
  },
];

function lookAtDefinitions({ cluster }: Facts): readonly Sighting[] {
  const notServed = [cluster.workloadEntries, cluster.serviceEntries, cluster.destinationRules].some(
    (list) => list.state === 'absent',
  );
  const definitions = valueOf(cluster.customResourceDefinitions) ?? [];
  const found: Sighting[] = definitions
    .filter(({ metadata }) => wanted.includes(metadata.name))
    .filter(
      (definition) =>
        !records(specOf(definition)['versions']).some(
          ({ name, served }) => name === 'v1' && served !== false,
        ),
    )
    .map((definition) => ({ object: nameOf(definition), seen: 'it does not serve version v1' }));
  if (notServed && found.length === 0) {
    found.push({ object: 'API networking.istio.io/v1', seen: 'the API server does not serve it' });
  }
  const hasWebhook = needAll(cluster.validatingWebhooks).some(({ metadata }) =>
    /^istio(-validator|d-)/.test(metadata.name),
  );
  if (hasWebhook) return found;
  // Without istiod in the cluster the control plane is elsewhere, and perhaps its webhook too.
  const isHere = istiods(cluster).length > 0;
  return [
    ...found,
    {
      object: 'ValidatingWebhookConfigurations',
      seen: `none is Istio's${isHere ? '' : ', and no istiod runs in this cluster'}`,
      level: isHere ? 'warning' : 'info',
    },
  ];
}

function lookAtRevisions({ cluster }: Facts): readonly Sighting[] {
  const revisions = [...new Set(istiods(cluster).map(({ revision }) => revision))].toSorted();
  if (revisions.length < 2) return [];
  const domains = revisions.map((revision) => {
    const datum =
      revision === 'default'
        ? cluster.meshConfig
        : (cluster.revisionConfigs.get(revision) ?? cluster.meshConfig);
    if (datum.state === 'unknown') throw new UnknownFact(datum.gap);
    const config = valueOf(datum);
    return {
      revision,
      said:
        config === undefined ? 'no ConfigMap' : [config.trustDomain, ...config.trustDomainAliases].join(', '),
    };
  });
  const differ = new Set(domains.map(({ said }) => said)).size > 1;
  return [
    {
      object: 'istiod',
      seen: differ
        ? `trust domains by revision: ${domains.map(({ revision, said }) => `${revision} (${said})`).join(', ')}`
        : `${revisions.length} revisions run: ${revisions.join(', ')}`,
      ...(differ ? {} : { level: 'info' as const }),
    },
  ];
}
