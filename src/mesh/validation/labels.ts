import type { Findings } from './problem.js';
import type { Fields } from './structural-schema.js';

/** Source: I:pkg/config/labels/instance.go. */
const nameOfKey = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const prefixOfKey = /^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*$/;
const labelValue = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

export function isLabelKey(key: string): boolean {
  const slash = key.indexOf('/');
  if (slash === -1) return nameOfKey.test(key);
  const prefix = key.slice(0, slash);
  return prefix.length <= 253 && prefixOfKey.test(prefix) && nameOfKey.test(key.slice(slash + 1));
}

/** Labels that an object or an endpoint carries. */
export function checkLabels(labels: Fields | undefined, path: string, findings: Findings): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    if (!isLabelKey(key)) findings.error(path, `invalid tag key: "${key}"`);
    if (typeof value !== 'string' || !labelValue.test(value)) {
      findings.error(`${path}.${key}`, `invalid tag value: ${JSON.stringify(value)}`);
    }
  }
}

/** Labels by which others are selected: no wildcards, no empty keys. */
export function checkSelector(
  labels: Fields | undefined,
  path: string,
  findings: Findings,
  what: 'selector' | 'label match' = 'selector',
): void {
  const wildcard = (part: string): string =>
    what === 'selector'
      ? `Invalid value: wildcard is not supported in selector`
      : `Invalid value: wildcard not allowed in label ${part} match`;
  for (const [key, value] of Object.entries(labels ?? {})) {
    if (key === '') findings.error(path, 'Invalid value: key must not be empty');
    if (key.includes('*')) findings.error(path, wildcard('key'));
    if (typeof value === 'string' && value.includes('*')) findings.error(`${path}.${key}`, wildcard('value'));
  }
}
