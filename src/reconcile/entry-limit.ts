import type { Allowlist, AllowlistEntry } from '../allowlist/allowlist.js';
import { AgentError } from '../errors.js';

/** Records of one internal data group, far below what a device's configuration utilities begin to choke on. */
export const mostEntries = 60_000;

/**
 * Holds an allowlist to the size of its data groups, without ever admitting more or keeping a caller that was removed.
 *
 * Of too many allow entries those stay that the device has already, then those that come first; so no caller loses his
 * permission because others got one. Too many deny entries cannot be left out, so then nobody gets in.
 *
 * @param installed what the device enforces now.
 */
export function limitEntries(
  service: string,
  allowlist: Allowlist,
  installed: Allowlist | undefined,
): { readonly allowlist: Allowlist; readonly problem?: AgentError } {
  const { allow, deny } = allowlist;
  if (deny.length > mostEntries) {
    const problem = tooLarge(service, 'deny', deny, 'nobody gets in');
    return { allowlist: { allow: [], deny: deny.slice(0, mostEntries), mode: 'enforce' }, problem };
  }
  if (allow.length <= mostEntries) return { allowlist };
  const before = new Set(installed?.allow.map(({ text }) => text));
  const kept = new Set(
    [...allow.filter(({ text }) => before.has(text)), ...allow.filter(({ text }) => !before.has(text))].slice(
      0,
      mostEntries,
    ),
  );
  const problem = tooLarge(service, 'allow', allow, `${allow.length - mostEntries} of them admit nobody`);
  return { allowlist: { ...allowlist, allow: allow.filter((entry) => kept.has(entry)) }, problem };
}

function tooLarge(
  service: string,
  list: 'allow' | 'deny',
  entries: readonly AllowlistEntry[],
  consequence: string,
): AgentError {
  return new AgentError(
    'MESH_ERR_ALLOWLIST_TOO_LARGE',
    `the allowlist of service ${service} has ${entries.length} ${list} entries, a data group holds ${mostEntries}: ${consequence}`,
    'name whole namespaces as spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/*, or take entries out',
  );
}
