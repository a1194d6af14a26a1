import type { ConfigObject, Configuration } from '../config/configuration.js';
import { parseFullPath } from '../config/object-name.js';
import { mcpdRefusal, tmshRefusal } from '../config/refusal.js';
import { isJsonObject, textOf } from '../json.js';
import type { Json } from '../json.js';
import { hostMask, isWildcard, parseEndpoint, renderEndpoint } from './address.js';
import type { Endpoint } from './address.js';
import { deviceTime } from './file-object.js';
import type { Draft, Member, ResourceKind } from './resource-kind.js';
import { defaulted, member, readOnly } from './resource-kind.js';
import {
  enabledDisabled,
  flag,
  integer,
  integerOr,
  listOf,
  metadata,
  oneOf,
  record,
  reference,
  text,
  yesNo,
} from './value-type.js';
import type { ValueType } from './value-type.js';
import { addressPath, withVirtualAddress, withoutIdleAddress } from './virtual-address.js';
import { profileKindOf, profileKinds, virtualPolicy, virtualProfile } from './virtual-profile.js';
import { qualify } from './value-type.js';

const forwardingFlag = (name: string) => member(name, flag);

/** `ltm/virtual`: an address and a port on which the device listens. */
export const virtual: ResourceKind = {
  path: 'ltm/virtual',
  title: 'Virtual Server',
  mcpdName: 'virtual_server',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  members: [
    readOnly('addressStatus', yesNo, { default: 'yes' }),
    defaulted('autoLasthop', oneOf('default', 'enabled', 'disabled'), 'default'),
    defaulted('cmpEnabled', yesNo, 'yes'),
    defaulted('connectionLimit', integer(), 0),
    readOnly('creationTime', text, { since: '14.0' }),
    member('description', text),
    member('destination', text),
    forwardingFlag('dhcpRelay'),
    ...flagPair('disabled', 'enabled', 'enabled'),
    defaulted('evictionProtected', enabledDisabled, 'disabled', { since: '15.0' }),
    member('fallbackPersistence', text),
    defaulted('gtmScore', integer(), 0),
    forwardingFlag('internal'),
    forwardingFlag('ipForward'),
    member('ipProtocol', protocol()),
    forwardingFlag('l2Forward'),
    readOnly('lastModifiedTime', text, { since: '14.0' }),
    member('mask', text),
    defaulted('mirror', enabledDisabled, 'disabled'),
    defaulted('mobileAppTunnel', enabledDisabled, 'disabled'),
    defaulted('nat64', enabledDisabled, 'disabled'),
    member('pool', reference('ltm/pool')),
    defaulted('rateLimit', integerOr('disabled'), 'disabled'),
    defaulted('rateLimitDstMask', integer(), 0),
    defaulted('rateLimitMode', text, 'object'),
    defaulted('rateLimitSrcMask', integer(), 0),
    forwardingFlag('reject'),
    defaulted('serversslUseSni', enabledDisabled, 'disabled', { since: '15.0' }),
    defaulted('serviceDownImmediateAction', oneOf('none', 'drop', 'reset'), 'none'),
    member('source', text),
    defaulted(
      'sourceAddressTranslation',
      record({
        pool: { type: reference('ltm/snatpool') },
        type: { type: oneOf('none', 'automap', 'snat', 'lsn'), default: 'none' },
      }),
      { type: 'none' },
    ),
    defaulted('sourcePort', oneOf('preserve', 'preserve-strict', 'change'), 'preserve'),
    forwardingFlag('stateless'),
    readOnly('synCookieStatus', text, { default: 'not-activated' }),
    member('translateAddress', enabledDisabled),
    member('translatePort', enabledDisabled),
    ...flagPair('vlansDisabled', 'vlansEnabled', 'vlansDisabled'),
    readOnly('vsIndex', integer()),
    member('rules', listOf(reference('ltm/rule'))),
    member('vlans', listOf(reference('net/vlan'))),
    member('metadata', metadata),
  ],
  subcollections: [
    { name: 'policies', kind: virtualPolicy },
    { name: 'profiles', kind: virtualProfile },
  ],
  settle: settleVirtual,
  follow: (configuration, { before, after }) => {
    let next = configuration;
    if (after !== undefined) {
      next = withDefaultProfile(next, after);
      const endpoint = endpointOf(after);
      if (after.own['internal'] !== true) next = withVirtualAddress(next, after, endpoint.address);
    }
    return before === undefined ? next : withoutIdleAddress(next, addressPath(before));
  },
};

/** Where a virtual server listens. */
export function endpointOf(object: ConfigObject): Endpoint {
  const destination = textOf(object.own['destination']);
  const endpoint = parseEndpoint(destination.slice(destination.lastIndexOf('/') + 1));
  if (endpoint === undefined) {
    throw mcpdRefusal('01070734', `Configuration error: Invalid destination ${destination}.`);
  }
  return endpoint;
}

/** Two attributes of which exactly one shows, as JSON `true`. */
function flagPair(first: string, second: string, initial: string): readonly Member[] {
  const shown = (own: ConfigObject['own']) =>
    own[first] === true ? first : own[second] === true ? second : initial;
  return [first, second].map((name) =>
    member(name, flag, {
      excludes: name === first ? second : first,
      derive: (object) => (shown(object.own) === name ? true : undefined),
    }),
  );
}

/** A protocol by name; numbers are read too. */
function protocol(): ValueType {
  const numbers: Readonly<Record<string, string>> = { '6': 'tcp', '17': 'udp', '132': 'sctp' };
  const names = ['any', 'tcp', 'udp', 'sctp', 'icmp', 'ospf'];
  return {
    accept: (value) => {
      const name = numbers[textOf(value)] ?? value;
      return typeof name === 'string' && names.includes(name) ? name : undefined;
    },
  };
}

function settleVirtual(draft: Draft): ConfigObject {
  const { object, before, configuration, context } = draft;
  if (object.own['destination'] === undefined) throw tmshRefusal('one or more properties must be specified');
  const named: ConfigObject = {
    ...object,
    own: { ...object.own, destination: canonicalDestination(object) },
  };
  const { address, port } = endpointOf(named);
  const moved = before !== undefined && before.own['destination'] !== named.own['destination'];
  const wildcard = isWildcard(address);
  const own = named.own;
  const computed = {
    mask: (moved ? undefined : own['mask']) ?? (wildcard ? 'any' : hostMask(address)),
    source: own['source'] ?? (address.includes(':') ? '::/0' : '0.0.0.0/0'),
    ipProtocol: own['ipProtocol'] ?? protocolOfProfiles(draft),
    translateAddress: own['translateAddress'] ?? (wildcard ? 'disabled' : 'enabled'),
    translatePort: own['translatePort'] ?? (port === 0 ? 'disabled' : 'enabled'),
    vsIndex: before?.own['vsIndex'] ?? nextIndex(configuration),
    creationTime: before?.own['creationTime'] ?? deviceTime(context.now),
    lastModifiedTime: deviceTime(context.now),
  };
  return { ...named, own: { ...own, ...computed } };
}

/** The destination with its folder; without one it is that of the virtual server. */
function canonicalDestination(object: ConfigObject): string {
  const written = textOf(object.own['destination']);
  const at = written.lastIndexOf('/');
  const folder = at > 0 ? written.slice(0, at) : `/${object.name.partition}`;
  const endpoint = parseEndpoint(written.slice(at + 1));
  if (endpoint === undefined) {
    throw mcpdRefusal('01070734', `Configuration error: Invalid destination ${written}.`);
  }
  return `${folder}/${renderEndpoint(endpoint)}`;
}

function protocolOfProfiles({ object, written, configuration, context }: Draft): string {
  const { profiles } = written;
  const partition = object.name.partition ?? 'Common';
  const names = Array.isArray(profiles)
    ? profiles.map((item: Json) =>
        qualify(textOf(isJsonObject(item) ? item['name'] : item), profileKinds, {
          configuration,
          partition,
          tmos: context.tmos,
        }),
      )
    : configuration
        .children('ltm/virtual/profiles', object.name.fullPath)
        .map((child) => child.name.fullPath);
  const kinds = names.map((name) => profileKindOf(configuration, name));
  if (kinds.includes('ltm/profile/tcp') || kinds.includes('ltm/profile/fasthttp')) return 'tcp';
  return kinds.includes('ltm/profile/udp') ? 'udp' : 'any';
}

function nextIndex(configuration: Configuration): number {
  return 1 + Math.max(0, ...configuration.list('ltm/virtual').map((other) => Number(other.own['vsIndex'])));
}

/** A virtual server without any profile is a Performance (Layer 4) one. */
function withDefaultProfile(configuration: Configuration, object: ConfigObject): Configuration {
  const fullPath = object.name.fullPath;
  if (configuration.children('ltm/virtual/profiles', fullPath).length > 0) return configuration;
  return configuration.with({
    kind: 'ltm/virtual/profiles',
    name: parseFullPath('/Common/fastL4'),
    parent: fullPath,
    generation: object.generation,
    own: {},
    secrets: {},
  });
}
