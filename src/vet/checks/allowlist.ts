import { renderPlaceInside } from '../../allowlist/render-place.js';
import { renderDataGroups } from '../../irule/data-groups.js';
import { recordChanges } from '../../reconcile/data-group-change.js';
import { serviceNames } from '../../reconcile/names.js';
import type { Check, ServiceScope, Sighting } from '../check.js';
import { records } from '../fields.js';
import { need, UnknownFact } from '../datum.js';
import { objectAt, virtualOf } from '../virtual-server.js';

const mostNamed = 5;

/** Who may call, by the ConfigMaps and by the device. */
export const allowlistChecks: readonly Check[] = [
  {
    code: 'BMV047',
    title: 'device that enforces another allowlist',
    about: 'service',
    level: 'error',
    why: 'The device decides by its data groups: somebody gets in whom the allowlist does not name, or is refused although it does.',
    mend: 'Run bigip-mesh apply (bigip-mesh plan shows the difference); mend the lines of the ConfigMap that are set aside.',
    look: lookAtAllowlist,
  },
];

function lookAtAllowlist({ own, device, deviceConfig, config, view }: ServiceScope): readonly Sighting[] {
  const read = need(own.allowlist);
  if (read === undefined) throw new UnknownFact({ reason: 'the allowlist was not read' });
  const refusals = read.refusals
    .filter(({ isRedundant }) => isRedundant !== true)
    .map((refusal) => ({
      object:
        refusal.policy === undefined
          ? `ConfigMap ${refusal.namespace}/${refusal.configMap}`
          : `AuthorizationPolicy ${refusal.namespace}/${refusal.policy}`,
      seen: `${renderPlaceInside(refusal)} is set aside: ${refusal.reason}`,
    }));
  if (virtualOf(device, deviceConfig, config) === undefined) return refusals;
  const recheck = config.recheck === undefined ? {} : { recheckSeconds: Math.floor(config.recheck / 1000) };
  const wanted = renderDataGroups(read.allowlist, view.trustDomains, recheck);
  const names = serviceNames(config.name);
  const differences = (['allow', 'deny', 'settings'] as const).flatMap((list): Sighting[] => {
    const path = `/${deviceConfig.partition}/${names[list]}`;
    const object = `data group ${path}`;
    const dataGroup = objectAt(device.dataGroups, path);
    if (dataGroup === undefined) return [{ object, seen: 'it does not exist' }];
    const { added, changed, removed } = recordChanges(
      { records: wanted[list] },
      { records: records(dataGroup['records']) },
    );
    return [
      ...(removed.length === 0 ? [] : [{ object, seen: `it has ${few(removed)} and should not` }]),
      ...(added.length === 0 ? [] : [{ object, seen: `it lacks ${few(added.map(({ name }) => name))}` }]),
      ...(changed.length === 0
        ? []
        : [{ object, seen: `it has another value for ${few(changed.map(({ name }) => name))}` }]),
    ];
  });
  return [...refusals, ...differences];
}

function few(names: readonly string[]): string {
  const named = names.slice(0, mostNamed).join(', ');
  return names.length <= mostNamed ? named : `${named} and ${names.length - mostNamed} more`;
}
