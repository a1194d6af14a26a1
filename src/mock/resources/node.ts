import { mcpdRefusal, tmshRefusal } from '../config/refusal.js';
import { textOf } from '../json.js';
import { isAddress } from './address.js';
import { dynamicRatio, monitorRule, rateLimit } from './monitor.js';
import type { ResourceKind, View } from './resource-kind.js';
import { defaulted, member, readOnly } from './resource-kind.js';
import type { ConfigObject } from '../config/configuration.js';
import { enabledDisabled, integer, isSet, oneOf, record, text, trueFalse } from './value-type.js';

const written = { state: oneOf('user-up', 'user-down'), session: oneOf('user-enabled', 'user-disabled') };

/** `ltm/node`: a server's address; pool members bring theirs into being, and leave it behind. */
export const node: ResourceKind = {
  path: 'ltm/node',
  title: 'Node',
  mcpdName: 'node_address',
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
      record({
        addressFamily: { type: oneOf('ipv4', 'ipv6'), default: 'ipv4' },
        autopopulate: { type: enabledDisabled, default: 'disabled' },
        downInterval: { type: integer(), default: 5 },
        interval: { type: text, default: '3600' },
        tmName: { type: text },
      }),
      { addressFamily: 'ipv4', autopopulate: 'disabled', downInterval: 5, interval: '3600' },
      { access: 'create' },
    ),
    defaulted('logging', enabledDisabled, 'disabled'),
    defaulted('monitor', monitorRule, 'default'),
    rateLimit,
    defaulted('ratio', integer(1), 1),
    member('session', written.session, {
      derive: (object, view) => sessionOf(object, nodeMonitorOf(object, view)),
    }),
    member('state', written.state, {
      derive: (object, view) => stateOf(object, nodeMonitorOf(object, view), view),
    }),
  ],
  settle: ({ object, before, configuration }) => {
    const address = object.own['address'];
    if (address === undefined) throw tmshRefusal('one or more properties must be specified');
    if (!isAddress(textOf(address))) {
      throw mcpdRefusal('01070734', `Configuration error: Invalid IP address ${textOf(address)} for node.`);
    }
    if (before === undefined) {
      const taken = configuration.list('ltm/node').some((other) => other.own['address'] === address);
      if (taken)
        throw mcpdRefusal('0107176c', `Invalid Node, the IP address ${textOf(address)} already exists.`);
    }
    return object;
  },
};

/** `session` as shown: what the user set wins, then whether something monitors it. */
export function sessionOf(object: ConfigObject, monitor: string | undefined): string {
  if (object.own['session'] === 'user-disabled') return 'user-disabled';
  return monitor === undefined ? 'user-enabled' : 'monitor-enabled';
}

/** `state` as shown: forced offline, without a check, or what the monitors say; `checking` until they have spoken. */
export function stateOf(object: ConfigObject, monitor: string | undefined, view: View): string {
  if (object.own['state'] === 'user-down') return 'user-down';
  if (monitor === undefined) return 'unchecked';
  return view.health?.(object)?.state ?? 'checking';
}

/** The monitor rule of a node; undefined when it has none. */
export function nodeMonitorOf(object: ConfigObject, view: View): string | undefined {
  const monitor = view.effective(object, 'monitor');
  return isSet(monitor) && monitor !== 'default' ? monitor : undefined;
}
