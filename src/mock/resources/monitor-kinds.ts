import type { Member, ResourceKind } from './resource-kind.js';
import { defaulted, member } from './resource-kind.js';
import { enabledDisabled, integer, oneOf, reference, text, unlinkedReference, yesNo } from './value-type.js';

/** Members that monitors share, by the names that tell where they stand; recorded on 14.1.2.1 for tcp, http and udp. */
const adaptive: readonly Member[] = [
  defaulted('adaptive', enabledDisabled, 'disabled'),
  defaulted('adaptiveDivergenceType', oneOf('relative', 'absolute'), 'relative'),
  defaulted('adaptiveDivergenceValue', integer(), 25),
  defaulted('adaptiveLimit', integer(), 200),
  defaulted('adaptiveSamplingTimespan', integer(), 300),
];
const interval = defaulted('interval', integer(1, 86_400), 5);
const ipDscp = defaulted('ipDscp', integer(0, 63), 0);
const manualResume = defaulted('manualResume', enabledDisabled, 'disabled');
const reverse = defaulted('reverse', enabledDisabled, 'disabled');
const timing: readonly Member[] = [
  defaulted('timeUntilUp', integer(), 0),
  defaulted('timeout', integer(1, 86_400), 16),
];
const transparent = defaulted('transparent', enabledDisabled, 'disabled');
const upInterval = defaulted('upInterval', integer(), 0);
const destination = defaulted('destination', text, '*:*');
const request = String.raw`GET /\r\n`;

/** `ltm/monitor/tcp`: a TCP connection, and a text to wait for if one is set. */
const tcpMonitor = monitor('tcp', 'tcp', [
  ...adaptive,
  ...inherited('tcp'),
  destination,
  interval,
  ipDscp,
  manualResume,
  member('recv', text),
  member('recvDisable', text),
  reverse,
  member('send', text),
  ...timing,
  transparent,
  upInterval,
]);

const httpMonitor = monitor('http', 'http', [
  ...adaptive,
  ...inherited('http'),
  destination,
  interval,
  ipDscp,
  manualResume,
  member('password', text, { spell: () => encrypted }),
  member('recv', text),
  member('recvDisable', text),
  reverse,
  defaulted('send', text, request),
  ...timing,
  transparent,
  upInterval,
  member('username', text),
]);

const httpsMonitor = monitor('https', 'https', [
  ...adaptive,
  member('cert', reference('sys/file/ssl-cert')),
  defaulted('cipherlist', text, 'DEFAULT:+SHA:+3DES:+kEDH'),
  defaulted('compatibility', enabledDisabled, 'enabled'),
  ...inherited('https'),
  destination,
  interval,
  ipDscp,
  member('key', reference('sys/file/ssl-key')),
  manualResume,
  member('password', text, { spell: () => encrypted }),
  member('recv', text),
  member('recvDisable', text),
  reverse,
  defaulted('send', text, request),
  member('sslProfile', unlinkedReference('ltm/profile/server-ssl')),
  ...timing,
  transparent,
  upInterval,
  member('username', text),
]);

const udpMonitor = monitor('udp', 'udp', [
  ...adaptive,
  defaulted('debug', yesNo, 'no'),
  ...inherited('udp'),
  destination,
  interval,
  manualResume,
  member('recv', text),
  member('recvDisable', text),
  reverse,
  defaulted('send', text, 'default send string'),
  ...timing,
  transparent,
  upInterval,
]);

const icmpMonitor = monitor('icmp', 'icmp', [
  ...adaptive,
  ...inherited('icmp'),
  defaulted('destination', text, '*'),
  interval,
  manualResume,
  ...timing,
  transparent,
  upInterval,
]);

const gatewayIcmpMonitor = monitor('gateway-icmp', 'gateway_icmp', [
  ...adaptive,
  ...inherited('gateway-icmp'),
  destination,
  interval,
  manualResume,
  ...timing,
  transparent,
  upInterval,
]);

const tcpHalfOpenMonitor = monitor('tcp-half-open', 'tcp_half_open', [
  ...inherited('tcp-half-open'),
  destination,
  interval,
  manualResume,
  ...timing,
  transparent,
  upInterval,
]);

export const monitorResources: readonly ResourceKind[] = [
  gatewayIcmpMonitor,
  httpMonitor,
  httpsMonitor,
  icmpMonitor,
  tcpMonitor,
  tcpHalfOpenMonitor,
  udpMonitor,
];

/** What stands for a password in answers. */
const encrypted = '$M$mock';

function monitor(type: string, base: string, members: readonly Member[]): ResourceKind {
  return {
    path: `ltm/monitor/${type}`,
    title: 'monitor',
    mcpdName: 'monitor',
    naming: 'partitioned',
    operations: ['create', 'modify', 'delete'],
    base: `/Common/${base}`,
    members,
  };
}

/** A monitor of the kind's own base says nothing of whence it inherits. */
function inherited(type: string): readonly Member[] {
  return [member('defaultsFrom', unlinkedReference(`ltm/monitor/${type}`)), member('description', text)];
}
