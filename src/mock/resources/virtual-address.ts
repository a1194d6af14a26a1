import type { ConfigObject, Configuration } from '../config/configuration.js';
import { folderOf, parseFullPath } from '../config/object-name.js';
import { mcpdRefusal } from '../config/refusal.js';
import { textOf } from '../json.js';
import { hostMask } from './address.js';
import type { ResourceKind } from './resource-kind.js';
import { defaulted, member, readOnly } from './resource-kind.js';
import {
  enabledDisabled,
  integer,
  metadata,
  oneOf,
  reference,
  text,
  trueFalse,
  yesNo,
} from './value-type.js';

/** `ltm/virtual-address`: it appears with the first virtual server that listens on it. */
export const virtualAddress: ResourceKind = {
  path: 'ltm/virtual-address',
  title: 'Virtual Address',
  mcpdName: 'virtual_address',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  members: [
    member('address', text, { access: 'create' }),
    defaulted('arp', enabledDisabled, 'enabled'),
    defaulted('autoDelete', trueFalse, 'true'),
    defaulted('connectionLimit', integer(), 0),
    member('description', text),
    defaulted('enabled', yesNo, 'yes'),
    readOnly('floating', enabledDisabled, { default: 'enabled' }),
    defaulted('icmpEcho', oneOf('enabled', 'disabled', 'selective', 'any', 'all', 'always'), 'enabled'),
    readOnly('inheritedTrafficGroup', trueFalse, { default: 'false' }),
    member('mask', text),
    defaulted(
      'routeAdvertisement',
      oneOf('enabled', 'disabled', 'selective', 'any', 'all', 'always'),
      'disabled',
    ),
    defaulted('serverScope', oneOf('any', 'all', 'none'), 'any'),
    defaulted('spanning', enabledDisabled, 'disabled'),
    defaulted('trafficGroup', reference('cm/traffic-group'), '/Common/traffic-group-1'),
    readOnly('unit', integer(), { default: 1 }),
    member('metadata', metadata),
  ],
  settle: ({ object, before, configuration }) => {
    const address = textOf(object.own['address'] ?? object.name.name);
    const mask = object.own['mask'] ?? hostMask(address);
    if (before === undefined) refuseTaken(configuration, address);
    return { ...object, own: { ...object.own, address, mask } };
  },
};

/** The address of a destination, `/Common/10.0.0.1` of `/Common/10.0.0.1:80`, brought into being if need be. */
export function withVirtualAddress(
  configuration: Configuration,
  virtual: ConfigObject,
  address: string,
): Configuration {
  const path = `${folderOf(parseFullPath(textOf(virtual.own['destination'])))}/${address}`;
  if (configuration.get('ltm/virtual-address', path) !== undefined) return configuration;
  refuseTaken(configuration, address);
  return configuration.with({
    kind: 'ltm/virtual-address',
    name: parseFullPath(path),
    generation: virtual.generation,
    own: { address, mask: virtual.own['mask'] ?? hostMask(address) },
    secrets: {},
  });
}

/** Removes addresses on which no virtual server listens any more and which may go by themselves. */
export function withoutIdleAddress(configuration: Configuration, path: string): Configuration {
  const address = configuration.get('ltm/virtual-address', path);
  if (address === undefined || address.own['autoDelete'] === 'false') return configuration;
  return listeners(configuration, path).length === 0 ? configuration.without(address) : configuration;
}

/** The virtual servers that listen on an address. */
export function listeners(configuration: Configuration, path: string): readonly ConfigObject[] {
  return configuration.list('ltm/virtual').filter((virtual) => addressPath(virtual) === path);
}

/** `/Common/10.0.0.1` of `/Common/10.0.0.1:80` and of `/Common/2001:db8::1.80`. */
export function addressPath(virtual: ConfigObject): string {
  const destination = textOf(virtual.own['destination']);
  return destination.replace(/[:.][^:.]+$/, '');
}

function refuseTaken(configuration: Configuration, address: string): void {
  const taken = configuration.list('ltm/virtual-address').some((other) => other.own['address'] === address);
  if (!taken) return;
  throw mcpdRefusal('0107176c', `Invalid Virtual Address, the IP address ${address} already exists.`);
}
