import { parseTmOptions } from '../icontrol/tm-options.js';
import type { DeviceKind, Members } from './device-object.js';

/**
 * Puts a member's value, desired or observed, into one spelling, so that what the device fills in, reorders or
 * rounds is no difference. `plan` after `apply` is empty because of this file.
 */
function canonicalMember(kind: DeviceKind, member: string, value: unknown): unknown {
  const rule = canonicalRules[`${kind} ${member}`];
  return rule === undefined ? value : rule(value);
}

/** @returns the names of the members whose values differ, in the order in which they are desired */
export function differingMembers(kind: DeviceKind, desired: Members, observed: Members): string[] {
  return Object.keys(desired).filter((member) => {
    if (neverReadBack.has(`${kind} ${member}`)) return false;
    const wanted = canonicalMember(kind, member, desired[member]);
    const seen = canonicalMember(kind, member, observedMember(kind, member, observed));
    return JSON.stringify(wanted) !== JSON.stringify(seen);
  });
}

/** Lists that are sent inline come back only as expanded subcollections (TMOS 11.6 to 17.1). */
const subcollections: Readonly<Record<string, string>> = {
  'ltm/pool members': 'membersReference',
  'ltm/virtual profiles': 'profilesReference',
};

/** Where a file came from says nothing once it is stored; its checksum does. */
const neverReadBack = new Set(['sys/file/ssl-cert sourcePath', 'sys/file/ssl-key sourcePath']);

function observedMember(kind: DeviceKind, member: string, observed: Members): unknown {
  const reference = subcollections[`${kind} ${member}`];
  if (reference === undefined) return observed[member];
  const subcollection = observed[reference];
  return isMembers(subcollection) ? (subcollection['items'] ?? []) : [];
}

const canonicalRules: Readonly<Record<string, (value: unknown) => unknown>> = {
  'ltm/data-group/internal records': (value) => sortedBy(records(value), 'name'),
  'ltm/rule apiAnonymous': (value) => (typeof value === 'string' ? value.trim() : ''),
  'ltm/profile/client-ssl tmOptions': tmOptions,
  'ltm/profile/client-ssl certKeyChain': (value) =>
    list(value).map((entry) => pick(entry, ['name', 'cert', 'key', 'chain'])),
  'ltm/pool members': (value) =>
    sortedBy(
      list(value).map((member) => pick(member, ['name'])),
      'name',
    ),
  'ltm/pool monitor': (value) => (typeof value === 'string' ? value.trim() : value),
  'ltm/virtual profiles': (value) => sortedBy(list(value).map(profile), 'name'),
  'ltm/virtual sourceAddressTranslation': (value) => (isMembers(value) ? pick(value, ['type']) : value),
};

/** A value of a shape that no version is known to give is a difference. */
function tmOptions(value: unknown): unknown {
  const words = parseTmOptions(value);
  return words.ok ? words.value.toSorted() : value;
}

function records(value: unknown): Members[] {
  return list(value).map((record) => ({ name: record['name'], data: record['data'] ?? '' }));
}

/** `fullPath` is there on read; on write the name is the full path. */
function profile(value: Members): Members {
  return { name: value['fullPath'] ?? value['name'], context: value['context'] };
}

function sortedBy(items: readonly Members[], member: string): Members[] {
  return items.toSorted((a, b) => (String(a[member]) < String(b[member]) ? -1 : 1));
}

function pick(value: Members, members: readonly string[]): Members {
  return Object.fromEntries(members.map((member) => [member, value[member]]));
}

function list(value: unknown): Members[] {
  return Array.isArray(value) ? value.filter(isMembers) : [];
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
