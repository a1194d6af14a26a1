import { fieldsAt, has, listAt, numberAt, objectsAt, textAt, textsAt } from '../fields.js';
import { checkSelector } from '../labels.js';
import {
  isPartialWildcard,
  refuseFqdn,
  refuseIpSubnet,
  refusePort,
  refusePortName,
  refuseWildcardDomain,
} from '../names.js';
import { Findings, webhook } from '../problem.js';
import type { Problem } from '../problem.js';
import type { Fields } from '../structural-schema.js';
import { checkExportTo } from './export-to.js';
import { checkWorkload, isUnixAddress } from './workload.js';

const http = new Set(['http', 'http2', 'http_proxy', 'grpc', 'grpc-web']);
const tls = new Set(['https', 'tls']);
const others = new Set(['tcp', 'udp', 'mongo', 'redis', 'mysql', '']);

/** Source: I:pkg/config/validation/validation.go, `ValidateServiceEntry`, and the definition's CEL rules. */
export function checkServiceEntry(object: Fields): Problem[] {
  const findings = new Findings(webhook);
  const spec = fieldsAt(object, 'spec');
  if (spec === undefined) return findings.problems;
  const metadata = fieldsAt(object, 'metadata');
  const resolution = textAt(spec, 'resolution') || 'NONE';
  if (has(spec, 'workloadSelector') && has(spec, 'endpoints')) {
    findings.error('spec', 'Invalid value: only one of WorkloadSelector or Endpoints can be set');
  }
  const selected = fieldsAt(spec, 'workloadSelector');
  checkSelector(fieldsAt(selected, 'labels'), 'spec.workloadSelector.labels', findings);
  if (selected !== undefined && Object.keys(fieldsAt(selected, 'labels') ?? {}).length === 0) {
    findings.warning(
      'spec.workloadSelector',
      'workloadSelector specified without labels: it selects nothing',
    );
  }
  checkHosts(spec, resolution, findings);
  checkAddresses(spec, resolution, findings);
  checkPorts(spec, resolution, findings);
  checkEndpoints(spec, resolution, findings);
  if (resolution === 'DYNAMIC_DNS') checkDynamic(spec, fieldsAt(metadata, 'labels'), findings);
  checkDistinguishable(spec, resolution, findings);
  checkExportTo(spec, textAt(metadata, 'namespace'), 'ServiceEntry', findings);
  return findings.problems;
}

function checkHosts(spec: Fields, resolution: string, findings: Findings): void {
  for (const [index, host] of textsAt(spec, 'hosts').entries()) {
    const path = `spec.hosts[${index}]`;
    if (host === '*') findings.error(path, 'Invalid value: hostname cannot be wildcard');
    else findings.check(path, refuseWildcardDomain(host));
    if (isPartialWildcard(host) && resolution !== 'DYNAMIC_DNS') {
      findings.warning(path, `partial wildcard "${host}" may match less than it seems to`);
    }
  }
}

function checkAddresses(spec: Fields, resolution: string, findings: Findings): void {
  const addresses = textsAt(spec, 'addresses');
  for (const [index, address] of addresses.entries()) {
    findings.check(`spec.addresses[${index}]`, refuseIpSubnet(address));
  }
  if (addresses.some((address) => address.includes('/')) && !['NONE', 'STATIC'].includes(resolution)) {
    findings.error('spec', 'Invalid value: CIDR addresses are allowed only for NONE/STATIC resolution types');
  }
}

function checkPorts(spec: Fields, resolution: string, findings: Findings): void {
  const names = new Set<string>();
  const numbers = new Set<unknown>();
  for (const [index, port] of objectsAt(spec, 'ports')) {
    const path = `spec.ports[${index}]`;
    const name = textAt(port, 'name');
    const number = port['number'];
    if (names.has(name))
      findings.error(path, `Duplicate value: service entry port name "${name}" already defined`);
    names.add(name);
    if (numbers.has(number)) findings.error('spec.ports', 'Invalid value: port number cannot be duplicated');
    numbers.add(number);
    if (has(port, 'name')) findings.check(`${path}.name`, refusePortName(name));
    if (has(port, 'number')) findings.check(`${path}.number`, refusePort(number));
    if (has(port, 'targetPort')) findings.check(`${path}.targetPort`, refusePort(port['targetPort']));
    if (resolution === 'NONE' && has(port, 'targetPort') && port['targetPort'] !== number) {
      findings.warning(`${path}.targetPort`, 'targetPort has no effect when resolution mode is NONE');
    }
    const protocol = protocolOf(port);
    if (!http.has(protocol) && !tls.has(protocol) && !others.has(protocol)) {
      findings.error(`${path}.protocol`, `unsupported protocol: ${textAt(port, 'protocol')}`);
    }
  }
}

function checkEndpoints(spec: Fields, resolution: string, findings: Findings): void {
  const endpoints = objectsAt(spec, 'endpoints');
  const servicePorts = new Set(objectsAt(spec, 'ports').map(([, port]) => textAt(port, 'name')));
  const address = resolution === 'STATIC' ? 'ip' : 'name';
  for (const [index, endpoint] of endpoints) {
    const path = `spec.endpoints[${index}]`;
    checkWorkload(endpoint, path, { address, servicePorts }, findings);
    if (!isUnixAddress(endpoint)) continue;
    if (resolution !== 'STATIC') {
      findings.error(`${path}.address`, `a unix endpoint needs resolution STATIC, not ${resolution}`);
    } else if (listAt(spec, 'ports').length !== 1) {
      findings.error('spec.ports', 'exactly 1 service port required for unix endpoints');
    }
  }
  if (resolution === 'NONE' && has(spec, 'endpoints')) {
    findings.error('spec', 'Invalid value: NONE mode cannot set endpoints');
  }
  if (resolution === 'NONE' && has(spec, 'workloadSelector')) {
    findings.warning('spec.workloadSelector', 'workloadSelector does nothing with resolution NONE');
  }
  if (resolution === 'DNS_ROUND_ROBIN' && endpoints.length > 1) {
    findings.error('spec', 'Invalid value: DNS_ROUND_ROBIN mode cannot have multiple endpoints');
  }
  if (['DNS', 'DNS_ROUND_ROBIN'].includes(resolution) && endpoints.length === 0) {
    const isWild = textsAt(spec, 'hosts').some((host) => refuseFqdn(host) !== undefined);
    if (isWild) {
      findings.error(
        'spec.hosts',
        `hosts must be FQDN if no endpoints are provided for resolution mode ${resolution}`,
      );
    }
  }
}

/** Names that are looked up when they are called: only where the proxy hears the name. */
function checkDynamic(spec: Fields, labels: Fields | undefined, findings: Findings): void {
  if (textsAt(spec, 'hosts').some((host) => !host.startsWith('*'))) {
    findings.error('spec.hosts', 'every host must be a wildcard for resolution mode DYNAMIC_DNS');
  }
  for (const field of ['addresses', 'endpoints']) {
    if (listAt(spec, field).length > 0) {
      findings.error(`spec.${field}`, `no ${field} should be provided for resolution mode DYNAMIC_DNS`);
    }
  }
  for (const [index, port] of objectsAt(spec, 'ports')) {
    if (!['http', 'http2', 'grpc', 'tls'].includes(protocolOf(port))) {
      findings.error(
        `spec.ports[${index}].protocol`,
        'only HTTP, HTTP2, GRPC and TLS are supported for resolution mode DYNAMIC_DNS',
      );
    }
  }
  if (textAt(spec, 'location') === 'MESH_INTERNAL' && has(labels, 'istio.io/use-waypoint')) {
    findings.error('spec.location', 'MESH_INTERNAL with a waypoint is not supported for DYNAMIC_DNS');
  }
}

/** Plain TCP says nothing of the host that was meant. */
function checkDistinguishable(spec: Fields, resolution: string, findings: Findings): void {
  const ports = objectsAt(spec, 'ports').map(([, port]) => port);
  const isShared = listAt(spec, 'hosts').length > 1 && listAt(spec, 'addresses').length > 0;
  if (isShared && resolution.startsWith('DNS') && ports.some((port) => !http.has(protocolOf(port)))) {
    findings.warning('spec.addresses', 'several hosts share these addresses on a port that is not HTTP');
  }
  const opaque = ports.filter((port) => !http.has(protocolOf(port)) && !tls.has(protocolOf(port)));
  if (opaque.length === 0) return;
  const addresses = listAt(spec, 'addresses').length;
  if (listAt(spec, 'hosts').length > 1 && resolution !== 'NONE') {
    findings.error('spec.hosts', 'multiple hosts provided with non-HTTP, non-TLS ports');
  }
  if (addresses === 0 && ['STATIC', 'DNS', 'DNS_ROUND_ROBIN'].includes(resolution)) {
    findings.warning(
      'spec.addresses',
      `a sidecar without an address for it takes every outbound connection on port ${numberAt(opaque[0], 'number')} (IST0134)`,
    );
  }
}

function protocolOf(port: Fields): string {
  return textAt(port, 'protocol').toLowerCase();
}
