import type { ResourceTable } from '../../resources/resource-table.js';
import type { TmosVersion } from '../../tmos-version.js';
import type { Configuration } from '../configuration.js';
import { viewOf } from '../effective.js';
import { checkKeyPairs } from './key-pairs.js';
import { checkReferences } from './references.js';
import { checkVirtualServers } from './virtual-servers.js';

/**
 * Whether a configuration may follow another one. It looks at the whole, so that a transaction is judged by
 * what it leads to and not by its steps.
 *
 * @throws Refusal for the first thing that is wrong.
 */
export function validate(
  before: Configuration,
  after: Configuration,
  table: ResourceTable,
  tmos: TmosVersion,
): void {
  const view = viewOf(after, table, tmos);
  checkReferences(before, after, table);
  checkKeyPairs(view);
  checkVirtualServers(before, view);
}
