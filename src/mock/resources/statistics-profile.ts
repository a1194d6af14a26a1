import type { ConfigObject } from '../config/configuration.js';
import type { Member, ResourceKind, View } from './resource-kind.js';
import { defaulted } from './resource-kind.js';
import { isSet, reference, text } from './value-type.js';

/** A profile has 32 fields, in the order of their names: field1, field10, field11 (recorded on 14.1.2.1). */
const fieldNames = Array.from({ length: 32 }, (_, index) => `field${index + 1}`).toSorted();

/** `ltm/profile/statistics`: names of counters, for rules to count in. */
export const statisticsProfile: ResourceKind = {
  path: 'ltm/profile/statistics',
  title: 'Statistics Profile',
  mcpdName: 'profile_user_statistic',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  base: '/Common/stats',
  members: [
    defaulted('appService', text, 'none'),
    defaulted('defaultsFrom', reference('ltm/profile/statistics'), 'none'),
    defaulted('description', text, 'none'),
    ...fieldNames.map((name): Member => defaulted(name, text, 'none')),
  ],
};

/** The names that the fields of a profile have, its own and inherited ones. */
export function fieldsOf(profile: ConfigObject, view: View): readonly string[] {
  return fieldNames.map((name) => view.effective(profile, name)).filter(isSet);
}
