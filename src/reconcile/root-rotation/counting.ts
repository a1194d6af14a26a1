import { renderDataGroups } from '../../irule/data-groups.js';
import type { AllowlistDataGroups, DataGroupRecord, RetiringRoots } from '../../irule/data-groups.js';
import { recordsOf } from '../data-group-change.js';
import { serviceNames } from '../names.js';
import type { ObservedDevice } from '../observed.js';

/** Gives the settings of a service what makes the rule count callers who may need a root that is to go. Pure. */
export function withRootSettings(records: AllowlistDataGroups, roots: RetiringRoots): AllowlistDataGroups {
  return withSettings(records, rootSettings(roots));
}

/** Leaves the rule's counting as it is on the device, where only allowlists are looked at. Pure. */
export function keptRootSettings(
  records: AllowlistDataGroups,
  service: string,
  observed: Pick<ObservedDevice, 'objects'>,
): AllowlistDataGroups {
  return withSettings(records, observedRootSettings(service, observed));
}

/** Whether the rule counts, for every one of the services, who may need the roots that are to go. Pure. */
export function isCounted(
  roots: RetiringRoots,
  services: readonly string[],
  observed: Pick<ObservedDevice, 'objects'>,
): boolean {
  const wanted = key(rootSettings(roots));
  return services.every((service) => key(observedRootSettings(service, observed)) === wanted);
}

function withSettings(records: AllowlistDataGroups, added: readonly DataGroupRecord[]): AllowlistDataGroups {
  const settings = [...records.settings.filter((record) => !isRootSetting(record)), ...added];
  return { ...records, settings: settings.toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}

function rootSettings(roots: RetiringRoots): DataGroupRecord[] {
  const nobody = { allow: [], deny: [], mode: 'enforce' } as const;
  return renderDataGroups(nobody, [], { roots }).settings.filter(isRootSetting);
}

function observedRootSettings(
  service: string,
  { objects }: Pick<ObservedDevice, 'objects'>,
): DataGroupRecord[] {
  const { settings } = serviceNames(service);
  const dataGroup = objects.find(({ kind, name }) => kind === 'ltm/data-group/internal' && name === settings);
  return dataGroup === undefined ? [] : recordsOf(dataGroup.members).filter(isRootSetting);
}

function isRootSetting({ name }: DataGroupRecord): boolean {
  return name === 'retiring' || name.startsWith('root/') || name.startsWith('root-dn/');
}

function key(records: readonly DataGroupRecord[]): string {
  const sorted = records.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return JSON.stringify(sorted.map(({ name, data }) => [name, data]));
}
