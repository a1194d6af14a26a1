import { defaulted } from './resource-kind.js';
import type { ValueType } from './value-type.js';
import { integer, integerOr, isSet, qualify } from './value-type.js';

/** Kinds of monitors that the mock has, by their place below `ltm/monitor`. */
export const monitorKinds = ['tcp', 'http', 'https', 'icmp', 'gateway-icmp', 'tcp-half-open', 'udp'].map(
  (type) => `ltm/monitor/${type}`,
);

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
