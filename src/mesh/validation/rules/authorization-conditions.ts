import { listAt, textAt, textsAt } from '../fields.js';
import { isCidr, isIpAddress } from '../names.js';
import type { Findings } from '../problem.js';
import type { Fields } from '../structural-schema.js';

/** A source or an operation: something in it, and nothing empty. */
export function checkTexts(fields: Fields, path: string, findings: Findings): void {
  const lists = Object.keys(fields).filter((name) => listAt(fields, name).length > 0);
  if (lists.length === 0)
    findings.error(path, `\`${path.split('.').at(-1) ?? ''}\` must have at least one field`);
  for (const name of lists) {
    if (textsAt(fields, name).includes('')) findings.error(`${path}.${name}`, `empty value in ${name}`);
  }
}

export function checkIps(values: readonly string[], path: string, findings: Findings): void {
  for (const [index, value] of values.entries()) {
    if (value.includes('/') && !isCidr(value))
      findings.error(`${path}[${index}]`, `bad CIDR range (${value})`);
    if (!value.includes('/') && !isIpAddress(value)) {
      findings.error(`${path}[${index}]`, `bad IP address (${value})`);
    }
  }
}

export function checkOperation(operation: Fields, path: string, findings: Findings): void {
  checkTexts(operation, path, findings);
  for (const name of ['ports', 'notPorts']) {
    checkPorts(textsAt(operation, name), `${path}.${name}`, findings);
  }
  for (const name of ['paths', 'notPaths']) {
    for (const [index, template] of textsAt(operation, name).entries()) {
      findings.check(`${path}.${name}[${index}]`, refusePathTemplate(template));
    }
  }
}

function checkPorts(values: readonly string[], path: string, findings: Findings): void {
  for (const [index, value] of values.entries()) {
    const port = /^[0-9]+$/.test(value) ? Number(value) : 0;
    if (port < 1 || port > 65_535) findings.error(`${path}[${index}]`, `invalid port ${value}`);
  }
}

/**
 * `{*}` is one segment of a path; `{**}` any number of them, and the last of the two to stand there. Beside them `*`
 * stands for nothing any more.
 *
 * Source: I:pkg/config/security/security.go, `CheckValidPathTemplate`.
 */
function refusePathTemplate(template: string): string | undefined {
  const segments = template.replaceAll(/^\/+|\/+$/g, '').split('/');
  const operators = segments.filter((segment) => segment === '{*}' || segment === '{**}');
  const literals = segments.filter((segment) => segment !== '{*}' && segment !== '{**}');
  const refused = `invalid or unsupported path ${template}`;
  if (literals.some((literal) => /[{}]/.test(literal))) {
    return `${refused}: contains "{" or "}" beyond {*} and {**}`;
  }
  if (operators.slice(0, -1).includes('{**}')) return `${refused}: {**} is not the last operator`;
  const bad = operators.length === 0 ? undefined : literals.find((literal) => !pathLiteral.test(literal));
  return bad === undefined ? undefined : `${refused}: "${bad}" is no literal segment`;
}

/** RFC 3986, pchar, without `*`. */
const pathLiteral = /^[-A-Za-z0-9._~%!$&'()+,;:@=]*$/;

const plainKeys = new Set([
  'source.namespace',
  'source.principal',
  'source.serviceAccount',
  'source.trustDomain',
  'request.auth.principal',
  'request.auth.audiences',
  'request.auth.presenter',
  'connection.sni',
]);
const addressKeys = new Set(['source.ip', 'remote.ip', 'destination.ip']);
const mapKeys = ['request.headers', 'request.auth.claims', 'experimental.envoy.filters.'];

/** Source: I:pkg/config/security/security.go, `ValidateAttribute`. */
export function checkCondition(condition: Fields, path: string, findings: Findings): void {
  const key = textAt(condition, 'key');
  if (key === '') findings.error(`${path}.key`, '`key` cannot be empty');
  const lists = ['values', 'notValues'] as const;
  if (lists.every((name) => listAt(condition, name).length === 0)) {
    findings.error(path, `at least one of \`values\` or \`notValues\` must be set for key ${key}`);
  }
  for (const name of lists) {
    const values = textsAt(condition, name);
    if (addressKeys.has(key)) checkIps(values, `${path}.${name}`, findings);
    if (key === 'destination.port') checkPorts(values, `${path}.${name}`, findings);
  }
  if (key !== '') findings.check(`${path}.key`, refuseKey(key));
}

function refuseKey(key: string): string | undefined {
  if (plainKeys.has(key) || addressKeys.has(key) || key === 'destination.port') return undefined;
  if (mapKeys.some((prefix) => key.startsWith(prefix))) {
    return /^[^[\]]+(\[[^[\]]+\])+$/.test(key) ? undefined : `bad key (${key}): should have format a[b]`;
  }
  return `unknown attribute: ${key}`;
}
