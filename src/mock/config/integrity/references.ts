import type { Json } from '../../json.js';
import { nodeAndPort } from '../../resources/pool-member.js';
import type { ResourceTable } from '../../resources/resource-table.js';
import type { Reference } from '../../resources/value-type.js';
import { profileKinds } from '../../resources/virtual-profile.js';
import type { ConfigObject, Configuration } from '../configuration.js';
import { mcpdRefusal, notFound } from '../refusal.js';
import type { Refusal } from '../refusal.js';

/**
 * Refuses references that lead nowhere. Where the target existed before the change, deleting it is what is
 * refused ("in use"); where it did not, naming it is ("was not found").
 */
export function checkReferences(before: Configuration, after: Configuration, table: ResourceTable): void {
  for (const path of after.kinds()) {
    for (const object of after.all(path)) {
      for (const reference of referencesOf(object, table)) {
        if (exists(after, reference)) continue;
        throw exists(before, reference) ? inUse(object, reference, before) : missing(object, reference);
      }
    }
  }
}

/** Everything that an object names by its own members, or by its own name. */
function referencesOf(object: ConfigObject, table: ResourceTable): readonly Reference[] {
  const kind = table.kind(object.kind);
  const byMembers = kind.members.flatMap((member) => {
    const value: Json | undefined = object.own[member.name];
    return value === undefined ? [] : (member.type.references?.(value) ?? []);
  });
  return [...byMembers, ...byName(object)];
}

function byName(object: ConfigObject): readonly Reference[] {
  const { fullPath } = object.name;
  switch (object.kind) {
    case 'ltm/virtual/profiles':
      return [{ kinds: profileKinds, fullPath }];
    case 'ltm/virtual/policies':
      return [{ kinds: ['ltm/policy'], fullPath }];
    case 'ltm/pool/members':
      return [{ kinds: ['ltm/node'], fullPath: nodeAndPort(fullPath)?.node ?? fullPath }];
    default:
      return [];
  }
}

function exists(configuration: Configuration, reference: Reference): boolean {
  return reference.kinds.some((kind) => configuration.get(kind, reference.fullPath) !== undefined);
}

/** On record for file objects, nodes, rules, client SSL profiles and pools; the rest follows their frame. */
function inUse(user: ConfigObject, { kinds, fullPath }: Reference, before: Configuration): Refusal {
  const kind = kinds.find((candidate) => before.get(candidate, fullPath) !== undefined) ?? '';
  const by = user.name.fullPath;
  const deleted = (title: string, where: string) =>
    mcpdRefusal(
      '01070265',
      `The ${title} (${fullPath}) cannot be deleted because it is in use by a ${where}.`,
    );
  if (kind.startsWith('sys/file/'))
    return mcpdRefusal('01071349', `File object by name (${fullPath}) is in use.`);
  if (kind.startsWith('ltm/monitor/')) return mcpdRefusal('01070083', `Monitor ${fullPath} is in use.`);
  switch (kind) {
    case 'ltm/node':
      return mcpdRefusal(
        '01070110',
        `Node address '${fullPath}' is referenced by a member of pool '${user.parent}'.`,
      );
    case 'ltm/pool':
      return deleted(
        'Pool',
        user.kind === 'ltm/virtual' ? `Virtual Server (${by})` : `log destination (${by})`,
      );
    case 'ltm/rule':
      return deleted('rule', `virtual server (${by})`);
    default:
      return user.kind === 'ltm/virtual/profiles'
        ? deleted(profileTitle(kind), `virtual server profile (${user.parent} ${fullPath})`)
        : deleted(profileTitle(kind), `${user.kind.split('/').at(-1)} (${by})`);
  }
}

function profileTitle(kind: string): string {
  const titles: Readonly<Record<string, string>> = {
    'ltm/profile/client-ssl': 'ClientSSL Profile',
    'ltm/profile/server-ssl': 'ServerSSL Profile',
    'ltm/profile/statistics': 'Statistics Profile',
    'ltm/profile/tcp': 'TCP Profile',
    'ltm/profile/udp': 'UDP Profile',
    'ltm/profile/http': 'HTTP Profile',
    'ltm/profile/fastl4': 'FastL4 Profile',
    'ltm/profile/fasthttp': 'FastHTTP Profile',
    'ltm/profile/one-connect': 'OneConnect Profile',
  };
  return titles[kind] ?? 'profile';
}

function missing(user: ConfigObject, { kinds, fullPath }: Reference): Refusal {
  const kind = kinds[0] ?? '';
  if (kind === 'sys/file/ssl-key')
    return mcpdRefusal('01070277', `The requested key (${fullPath}) was not found.`);
  if (kind === 'sys/file/ssl-cert') {
    return mcpdRefusal('01070277', `The requested certificate (${fullPath}) was not found.`);
  }
  if (kind === 'net/vlan') {
    return mcpdRefusal(
      '01070335',
      `Virtual Server ${user.name.fullPath} refers to nonexistent Vlan ${fullPath}`,
    );
  }
  if (kind.startsWith('ltm/profile/')) return notFound('profile', fullPath);
  if (kind.startsWith('ltm/monitor/')) return notFound('monitor', fullPath);
  return notFound(kind === 'ltm/pool' ? 'Pool' : (kind.split('/').at(-1) ?? kind), fullPath);
}
