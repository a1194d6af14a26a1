import type { ResourceKind } from './resource-kind.js';
import { defaulted, member } from './resource-kind.js';
import type { ValueType } from './value-type.js';
import {
  enabledDisabled,
  integer,
  integerOr,
  isSet,
  oneOf,
  qualify,
  text,
  unlinkedReference,
} from './value-type.js';

/** Kinds of monitors that the mock has, by their place below `ltm/monitor`. */
export const monitorKinds = ['tcp', 'http', 'https', 'icmp', 'gateway-icmp', 'tcp-half-open'].map(
  (type) => `ltm/monitor/${type}`,
);

/** `ltm/monitor/tcp`: a TCP connection, and a text to wait for if one is set. */
export const tcpMonitor: ResourceKind = {
  path: 'ltm/monitor/tcp',
  title: 'monitor',
  mcpdName: 'monitor',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  base: '/Common/tcp',
  members: [
    defaulted('adaptive', enabledDisabled, 'disabled'),
    defaulted('adaptiveDivergenceType', oneOf('relative', 'absolute'), 'relative'),
    defaulted('adaptiveDivergenceValue', integer(), 25),
    defaulted('adaptiveLimit', integer(), 200),
    defaulted('adaptiveSamplingTimespan', integer(), 300),
    member('defaultsFrom', unlinkedReference('ltm/monitor/tcp')),
    member('description', text),
    defaulted('destination', text, '*:*'),
    defaulted('interval', integer(1, 86_400), 5),
    defaulted('ipDscp', integer(0, 63), 0),
    defaulted('manualResume', enabledDisabled, 'disabled'),
    member('recv', text),
    member('recvDisable', text),
    defaulted('reverse', enabledDisabled, 'disabled'),
    member('send', text),
    defaulted('timeUntilUp', integer(), 0),
    defaulted('timeout', integer(1, 86_400), 16),
    defaulted('transparent', enabledDisabled, 'disabled'),
    defaulted('upInterval', integer(), 0),
  ],
};

/** A kind whose built-in objects can be named, but neither read in full nor written. */
export function builtInKind(path: string, title: string): ResourceKind {
  return { path, title, naming: 'partitioned', operations: [], members: [] };
}

/**
 * `/Common/a and /Common/b`, or `min 1 of { /Common/a /Common/b }`; `default` on members stands for the
 * pool's own.
 */
export const monitorRule: ValueType = {
  accept(value, context) {
    if (typeof value !== 'string') return undefined;
    const rule = value.trim().replaceAll(/\s+/g, ' ');
    if (!isSet(rule) || rule === 'default') return rule;
    const minimum = /^min (\d+) of \{? ?([^{}]+?) ?\}?$/.exec(rule);
    const names = minimum?.[2] === undefined ? rule.split(/ and | /) : minimum[2].split(' ');
    if (names.some((name) => !/^[\w./-]+$/.test(name))) return undefined;
    const qualified = names.map((name) => qualify(name, monitorKinds, context));
    return minimum === null ? qualified.join(' and ') : `min ${minimum[1]} of { ${qualified.join(' ')} }`;
  },
  references: (value) => monitorNames(value).map((fullPath) => ({ kinds: monitorKinds, fullPath })),
};

/** The monitors that a rule names. */
export function monitorNames(value: unknown): readonly string[] {
  return typeof value === 'string' ? (value.match(/\/[\w./-]+/g) ?? []) : [];
}

export const dynamicRatio = defaulted('dynamicRatio', integer(), 1);
export const rateLimit = defaulted('rateLimit', integerOr('disabled'), 'disabled');
