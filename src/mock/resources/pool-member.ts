import type { ConfigObject, Configuration } from '../config/configuration.js';
import { parseFullPath } from '../config/object-name.js';
import { mcpdRefusal } from '../config/refusal.js';
import { textOf } from '../json.js';
import { isAddress, parsePort } from './address.js';
import { dynamicRatio, monitorRule, rateLimit } from './monitor.js';
import { sessionOf, stateOf } from './node.js';
import type { Draft, ResourceKind, View } from './resource-kind.js';
import { defaulted, member, readOnly } from './resource-kind.js';
import { enabledDisabled, integer, isSet, metadata, oneOf, record, text, trueFalse } from './value-type.js';

/** `ltm/pool/members`: a node and a port, `/Common/10.0.0.1:80`. */
export const poolMember: ResourceKind = {
  path: 'ltm/pool/members',
  title: 'Pool Member',
  mcpdName: 'pool_member',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  members: [
    member('address', text, { access: 'create' }),
    defaulted('connectionLimit', integer(), 0),
    member('description', text),
    dynamicRatio,
    readOnly('ephemeral', trueFalse, { default: 'false' }),
    defaulted(
      'fqdn',
      record({ autopopulate: { type: enabledDisabled, default: 'disabled' }, tmName: { type: text } }),
      { autopopulate: 'disabled' },
      { access: 'create' },
    ),
    defaulted('inheritProfile', enabledDisabled, 'enabled'),
    defaulted('logging', enabledDisabled, 'disabled'),
    defaulted('monitor', monitorRule, 'default'),
    defaulted('priorityGroup', integer(), 0),
    rateLimit,
    defaulted('ratio', integer(1), 1),
    member('session', oneOf('user-enabled', 'user-disabled'), {
      derive: (object, view) => sessionOf(object, memberMonitorOf(object, view)),
    }),
    member('state', oneOf('user-up', 'user-down'), {
      derive: (object, view) => stateOf(object, memberMonitorOf(object, view), view),
    }),
    member('metadata', metadata),
  ],
  settle: settleMember,
  follow: (configuration, { after }) =>
    after === undefined ? configuration : withNode(configuration, after),
};

/** The node and the port of a member: `/Common/10.0.0.1` and 80 of `/Common/10.0.0.1:80`. */
export function nodeAndPort(fullPath: string): { readonly node: string; readonly port: number } | undefined {
  const bare = fullPath.slice(fullPath.lastIndexOf('/') + 1);
  // An IPv6 name separates the port by a dot, so that its last colon is part of the address.
  const separator = bare.split(':').length > 2 ? '.' : ':';
  const at = fullPath.lastIndexOf(separator);
  const port = at === -1 ? undefined : parsePort(fullPath.slice(at + 1));
  return port === undefined ? undefined : { node: fullPath.slice(0, at), port };
}

function settleMember({ object, configuration }: Draft): ConfigObject {
  const { fullPath, partition, subPath } = object.name;
  const parts = nodeAndPort(fullPath);
  if (parts === undefined) {
    throw mcpdRefusal('01070734', `Configuration error: Invalid pool member name ${fullPath}.`);
  }
  const folder = subPath === undefined ? `/${partition}` : `/${partition}/${subPath}`;
  if (configuration.get('sys/folder', folder) === undefined) {
    throw mcpdRefusal(
      '01070734',
      `Configuration error: Can't associate Pool Member (${object.parent} ${parts.node} ${parts.port}) ` +
        `folder does not exist`,
    );
  }
  const nodeName = parts.node.slice(parts.node.lastIndexOf('/') + 1);
  const known = configuration.get('ltm/node', parts.node)?.own['address'];
  const address = object.own['address'] ?? known ?? nodeName;
  if (!isAddress(textOf(address))) {
    throw mcpdRefusal(
      '01070734',
      `Configuration error: Invalid IP address ${textOf(address)} for pool member.`,
    );
  }
  if (known !== undefined && known !== address) {
    throw mcpdRefusal('0107176c', `Invalid Node, the IP address ${textOf(address)} already exists.`);
  }
  return { ...object, own: { ...object.own, address } };
}

function withNode(configuration: Configuration, object: ConfigObject): Configuration {
  const path = nodeAndPort(object.name.fullPath)?.node;
  if (path === undefined || configuration.get('ltm/node', path) !== undefined) return configuration;
  const address = object.own['address'] ?? '';
  // An address belongs to one node of the whole device, whatever the partition.
  const taken = configuration.list('ltm/node').some((other) => other.own['address'] === address);
  if (taken) throw mcpdRefusal('0107176c', `Invalid Node, the IP address ${textOf(address)} already exists.`);
  return configuration.with({
    kind: 'ltm/node',
    name: parseFullPath(path),
    generation: object.generation,
    own: { address },
    secrets: {},
  });
}

/** The monitor rule of a member, its own or the pool's; undefined when there is none. */
export function memberMonitorOf(object: ConfigObject, view: View): string | undefined {
  const own = view.effective(object, 'monitor');
  if (own !== 'default') return isSet(own) ? own : undefined;
  const parent = view.configuration.get('ltm/pool', object.parent ?? '');
  const inherited = parent === undefined ? undefined : view.effective(parent, 'monitor');
  return isSet(inherited) ? inherited : undefined;
}
