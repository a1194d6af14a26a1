import { fieldsAt, has, listAt, numberAt, objectsAt, textAt, textsAt } from '../fields.js';
import { isIpAddress, refuseDuration, refusePort, refuseWildcardDomain } from '../names.js';
import { Findings, webhook } from '../problem.js';
import type { Problem } from '../problem.js';
import { isFields } from '../structural-schema.js';
import type { Fields } from '../structural-schema.js';
import { checkExportTo } from './export-to.js';

/**
 * The rules that decide whether a VirtualService routes at all, and the definition's rules in CEL; what stands inside of
 * matches and rewrites is left to the schema.
 *
 * Source: I:pkg/config/validation/validation.go, `ValidateVirtualService`.
 */
export function checkVirtualService(object: Fields): Problem[] {
  const findings = new Findings(webhook);
  const spec = fieldsAt(object, 'spec');
  const hosts = textsAt(spec, 'hosts');
  // Without hosts it is one that others delegate to.
  const isDelegate = hosts.length === 0;
  if (isDelegate && (listAt(spec, 'gateways').length > 0 || listAt(spec, 'http').length === 0)) {
    findings.error('spec.hosts', 'virtual service must have at least one host');
  }
  for (const [index, host] of hosts.entries()) {
    const path = `spec.hosts[${index}]`;
    if (hosts.indexOf(host) < index) findings.error(path, `duplicate hosts in virtual service: ${host}`);
    if (host !== '*' && !isIpAddress(host)) findings.check(path, refuseWildcardDomain(host));
  }
  const protocols = ['http', 'tls', 'tcp'] as const;
  if (protocols.every((name) => listAt(spec, name).length === 0)) {
    findings.error('spec', 'http, tcp or tls must be provided in virtual service');
  }
  for (const [index, route] of objectsAt(spec, 'http')) checkHttp(route, `spec.http[${index}]`, findings);
  for (const name of ['tls', 'tcp'] as const) {
    for (const [index, route] of objectsAt(spec, name)) {
      checkConnectionRoute(route, name, `spec.${name}[${index}]`, findings);
    }
  }
  if (spec !== undefined) {
    const namespace = textAt(fieldsAt(object, 'metadata'), 'namespace');
    checkExportTo(spec, namespace, 'VirtualService', findings);
    checkDurations(spec, 'spec', findings);
  }
  return findings.problems;
}

function checkHttp(route: Fields, path: string, findings: Findings): void {
  const answers = ['route', 'redirect', 'directResponse', 'delegate'].filter((name) => has(route, name));
  if (answers.length === 0) findings.error(path, 'HTTP route, redirect or direct_response is required');
  if (answers.length > 1) findings.error(path, `HTTP route cannot contain ${answers.join(' and ')}`);
  checkDestinations(route, path, findings);
}

function checkConnectionRoute(route: Fields, kind: 'tls' | 'tcp', path: string, findings: Findings): void {
  const name = kind.toUpperCase();
  if (listAt(route, 'route').length === 0) findings.error(`${path}.route`, `${name} route is required`);
  if (kind === 'tls' && has(route, 'match') && listAt(route, 'match').length === 0) {
    findings.error(`${path}.match`, 'TLS match is required');
  }
  for (const [index, match] of objectsAt(route, 'match')) {
    const where = `${path}.match[${index}]`;
    if (kind === 'tls' && has(match, 'sniHosts') && listAt(match, 'sniHosts').length === 0) {
      findings.error(`${where}.sniHosts`, 'TLS match must have at least one SNI host');
    }
    for (const [at, host] of textsAt(match, 'sniHosts').entries()) {
      findings.check(`${where}.sniHosts[${at}]`, refuseWildcardDomain(host));
    }
    if (has(match, 'port')) findings.check(`${where}.port`, refusePort(match['port']));
  }
  checkDestinations(route, path, findings);
}

function checkDestinations(route: Fields, path: string, findings: Findings): void {
  const routes = objectsAt(route, 'route');
  for (const [index, entry] of routes) {
    const where = `${path}.route[${index}]`;
    const destination = fieldsAt(entry, 'destination');
    const host = textAt(destination, 'host');
    if (host === '*') findings.error(`${where}.destination.host`, 'invalid destination host *');
    else if (has(destination, 'host'))
      findings.check(`${where}.destination.host`, refuseWildcardDomain(host));
    const port = fieldsAt(destination, 'port');
    if (port !== undefined) findings.check(`${where}.destination.port`, refusePort(port['number']));
    if (numberAt(entry, 'weight') < 0) findings.error(`${where}.weight`, 'weight must be non-negative');
  }
  const total = routes.reduce((sum, [, entry]) => sum + numberAt(entry, 'weight'), 0);
  if (routes.length > 1 && total === 0) findings.error(`${path}.route`, 'total destination weight = 0');
}

const durations = new Set([
  'timeout',
  'perTryTimeout',
  'backoff',
  'fixedDelay',
  'exponentialDelay',
  'maxAge',
]);

function checkDurations(value: unknown, path: string, findings: Findings): void {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) checkDurations(item, `${path}[${index}]`, findings);
  } else if (isFields(value)) {
    for (const [name, item] of Object.entries(value)) {
      const where = `${path}.${name}`;
      if (durations.has(name) && typeof item === 'string') findings.check(where, refuseDuration(item));
      else checkDurations(item, where, findings);
    }
  }
}
