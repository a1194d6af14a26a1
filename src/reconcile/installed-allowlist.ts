import type { Allowlist, AllowlistEntry } from '../allowlist/allowlist.js';
import { parseEntryText } from '../allowlist/parse-entry.js';
import { recordsOf } from './data-group-change.js';
import { serviceNames } from './names.js';
import type { ObservedDevice } from './observed.js';
import { isOwned } from './ownership.js';

/** Stands in an entry's origin where its ConfigMap is not known any more. */
const onDevice = 'the device';

/**
 * The allowlist that the device enforces for a service: the last good one, also after a restart of the agent.
 *
 * @returns undefined when the service's data groups are not all there, or are not ours
 */
export function installedAllowlist(service: string, observed: ObservedDevice): Allowlist | undefined {
  const names = serviceNames(service);
  const records = (name: string): ReturnType<typeof recordsOf> | undefined => {
    const dataGroup = observed.objects.find(
      (object) => object.kind === 'ltm/data-group/internal' && object.name === name && isOwned(object),
    );
    return dataGroup === undefined ? undefined : recordsOf(dataGroup.members);
  };
  const allow = records(names.allow);
  const deny = records(names.deny);
  const settings = records(names.settings);
  if (allow === undefined || deny === undefined || settings === undefined) return undefined;
  const entries = (list: typeof allow, key: 'allow' | 'deny'): AllowlistEntry[] =>
    list.flatMap(({ name }, index) => {
      // A record that is no entry matches no SPIFFE ID either.
      const entry = parseEntryText(name);
      const origin = { namespace: '', configMap: onDevice, key, line: index + 1 };
      return entry.ok ? [{ text: name, trustDomain: entry.value.trustDomain, origin }] : [];
    });
  const isAudit = settings.some(({ name, data }) => name === 'mode' && data === 'audit');
  return {
    allow: entries(allow, 'allow'),
    deny: entries(deny, 'deny'),
    mode: isAudit ? 'audit' : 'enforce',
  };
}
